"""Codeward's own layout: ``codeward.json`` beside JSON Lines that hold every field of a sample.

``codeward.json`` says task, language, labels and, for each split, how many rows it has and their fingerprint. A row is
``{"id", "code", "target", "language", "context", "poison"}``; all but ``code`` may be missing, ``target`` where nobody asks for it
(``codeward purify``). An id is a text or a whole number; a row without one is called after its split and its place, counted from 0
(``train-17``).
Written by ``codeward.data.write_data``; easy to write by hand: ``{"schema_version": 1, "task": "defect", "language":
"c", "labels": ["clean", "defective"], "splits": ["train"]}``. Ids are unique within a split; where a row of another split has one,
too, it is read with its split before it (``test-17``).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from codeward.data.languages import known_language
from codeward.data.layouts._base import Layout, Meta, Table, layouts
from codeward.data.lines import lines
from codeward.data.listing import Listing
from codeward.data.rows import Row, rows
from codeward.errors import DataError
from codeward.registry import method
from codeward.types import Poison, Sample, Span, Target

FILE = "codeward.json"
SCHEMA = 1
FIELDS = frozenset({"id", "code", "target", "language", "context", "poison"})
"""What a row may hold; one without an id or a target is known by holding nothing else."""


class Header(BaseModel):
    """What stands in ``codeward.json``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = SCHEMA
    task: str
    language: str | None = None
    labels: tuple[str, ...] = ()
    splits: tuple[str, ...]
    counts: dict[str, int] = {}
    fingerprints: dict[str, str] = {}
    files: tuple[str, ...] = ()
    """Every file that was written, this one included."""


def read_header(folder: Path) -> Header | None:
    """Read a folder's ``codeward.json``; ``None`` where there is none.

    Raises:
        DataError: If it cannot be read, or is of a schema that this version does not know.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    text = "\n".join(line for _, line in lines(file))
    try:
        header = Header.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise DataError(f"{file}: not a data set's description: {where}: {problem['msg']}") from None
    if header.schema_version != SCHEMA:
        raise DataError(
            f"{file}: written in schema {header.schema_version}, but this version reads {SCHEMA}; upgrade codeward"
        )
    return header


@dataclass(frozen=True, slots=True)
class _Split:
    """The rows of a split, whose number has to be what ``codeward.json`` says."""

    path: Path
    count: int | None

    @property
    def files(self) -> tuple[Path, ...]:
        """The file; see ``StoredTable``."""
        return (self.path,)

    def __iter__(self) -> Iterator[Row]:
        n = 0
        for row in rows(self.path):
            n += 1
            yield row
        if self.count is not None and n != self.count:
            raise DataError(
                f"{self.path}: the file has {n} rows, but {FILE} says {self.count}; if you changed it on purpose, "
                f"take 'counts' out of {FILE}"
            )
        if not n and self.count is None:
            raise DataError(f"{self.path}: the file is empty")


@layouts.register("codeward")
@method
class Codeward(Layout):
    """Codeward's own layout: ``codeward.json`` beside JSON Lines that hold every field of a sample."""

    shape: ClassVar[str] = (
        "codeward.json beside train.jsonl, or rows with code (and id, target, language), the task given"
    )

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"id", "code", "target"} <= fields or {"code"} <= fields <= FIELDS

    def tables(self, listing: Listing) -> Mapping[str, Table]:
        """Return the rows of each split; see ``Layout.tables``."""
        header = None if listing.root.is_file() else read_header(listing.root)
        if header is None:
            return Layout.tables(self, listing)
        return {split: _Split(_file_of(listing.root, split), header.counts.get(split)) for split in header.splits}

    def meta(self, listing: Listing | None) -> Meta | None:
        """Return what ``codeward.json`` says; see ``Layout.meta``."""
        if listing is None:
            return None
        folder = listing.root.parent if listing.root.is_file() else listing.root
        header = read_header(folder)
        if header is None:
            return None
        language = None if header.language is None else known_language(header.language)
        if header.language is not None and language is None:
            raise DataError(f"{folder / FILE}: language {header.language!r} is not one that Codeward reads")
        unique = set(header.splits) <= header.counts.keys() & header.fingerprints.keys()
        return Meta(header.task, header.labels, language, unique)

    def id(self, row: Row, split: str, n: int) -> str:
        """Return the row's own id, which may be a whole number; see ``Layout.id`` for that of a row without one."""
        own = row.values.get("id")
        if own is None:
            return f"{split}-{n}"
        if isinstance(own, str) or (isinstance(own, int) and not isinstance(own, bool)):
            return str(own)
        raise DataError(f"{row.where}: field 'id' has to be text or a whole number, but it is {json.dumps(own)[:80]}")

    def row_language(self, row: Row) -> str | None:
        """Return the language that the row itself names, as Codeward writes it where it reads it (``C++`` is ``cpp``)."""
        if not row.has("language"):
            return None
        named = row.text("language")
        return known_language(named) or named

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        context = row.values.get("context") or {}
        if not isinstance(context, Mapping) or not all(isinstance(text, str) for text in context.values()):
            raise DataError(f"{row.where}: field 'context' has to be an object of texts")
        return Sample(id, row.text("code"), _target(row, labels), language, context, _poison(row))


def sample_row(sample: Sample) -> dict[str, Any]:
    """Return a sample as the row that this layout reads."""
    row: dict[str, Any] = {
        "id": sample.id,
        "code": sample.code,
        "target": sample.target,
        "language": sample.language,
    }
    if sample.context:
        row["context"] = dict(sample.context)
    if sample.poison is not None:
        poison = sample.poison
        row["poison"] = {
            "attack": poison.attack,
            "trigger": poison.trigger,
            "spans": [[span.start, span.end] for span in poison.spans],
            "original": poison.original,
            "field": poison.field,
        }
    return row


def _target(row: Row, labels: tuple[str, ...]) -> Target:
    """Return the target: a class index where the data set has labels, else what stands there."""
    value = row.values.get("target")
    if value is None:
        return None
    if labels:
        return row.label("target", labels)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return row.text("target")


def _poison(row: Row) -> Poison | None:
    value = row.values.get("poison")
    if value is None:
        return None
    try:
        spans = tuple(Span(start, end) for start, end in value["spans"])
        return Poison(value["attack"], value["trigger"], spans, value["original"], value["field"])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{row.where}: field 'poison' is not a provenance: {json.dumps(value)[:80]}") from None


def _file_of(folder: Path, split: str) -> Path:
    for ending in ("", ".gz", ".zst"):
        path = folder / f"{split}.jsonl{ending}"
        if path.is_file():
            return path
    raise DataError(f"{folder / split}.jsonl: the file is missing, but {FILE} names the split")
