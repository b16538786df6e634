"""Rows of a table in a file (JSON Lines, a JSON array, CSV, Parquet), streamed, each knowing where it stands."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward.data.lines import chunks, lines, open_bytes
from codeward.errors import DataError

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")
"""Suffixes of the files that ``rows`` reads, the preferred first; a ``.gz`` or ``.zst`` may follow."""

_LONGEST_ROW = 1 << 24
_LFS = "version https://git-lfs"


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its fields, and where it stands for the sake of messages."""

    values: Mapping[str, Any]
    file: str
    number: int
    unit: str = "line"

    @property
    def where(self) -> str:
        """The place, such as ``train.jsonl, line 17``."""
        return f"{self.file}, {self.unit} {self.number}"

    def text(self, *names: str) -> str:
        """Return the text of the first of these fields that the row has; a list of texts is joined by spaces.

        Raises:
            DataError: If it has none of them, or the value is not text.
        """
        for name in names:
            if name in self.values:
                value = self.values[name]
                if isinstance(value, str):
                    return value
                if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
                    return " ".join(value)
                raise DataError(f"{self.where}: field {name!r} has to be text, but it is {_kind(value)}")
        wanted = " or ".join(repr(name) for name in names)
        raise DataError(f"{self.where}: the row has no field {wanted}; it has: {', '.join(self.values) or 'none'}")

    def has(self, name: str) -> bool:
        """Whether the row has this field and it is not null."""
        return self.values.get(name) is not None

    def label(self, name: str, labels: Sequence[str] = ()) -> int:
        """Return a class index; a label's name is looked up in the table.

        Raises:
            DataError: If the field is missing, or is neither a class index nor one of the labels.
        """
        if name not in self.values:
            self.text(name)
        value = self.values[name]
        index = labels.index(value) if isinstance(value, str) and value in labels else _index(value)
        if index is None or index < 0 or (labels and index >= len(labels)):
            allowed = ", ".join(f"{i} ({label})" for i, label in enumerate(labels[:20])) or "0, 1, 2, …"
            raise DataError(f"{self.where}: {value!r} in field {name!r} is not a known label; allowed: {allowed}")
        return index

    def key(self, *names: str) -> str | None:
        """Return the published id in the first of these fields that the row has; ``None`` where there is none."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, (str, int)) and str(value).strip():
                return str(value).strip()
        return None


@dataclass(frozen=True, slots=True)
class Files:
    """The rows of one split, which may be spread over several files (shards)."""

    paths: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The files; see ``FileTable``."""
        return self.paths

    def copy(self, keep: Sequence[bool], places: Mapping[Path, Path]) -> None:
        """Copy the files without the rows that are not kept; a shard of which none is left is left out."""
        from codeward.data.raw import copy_rows, used_up

        verdicts = iter(keep)
        for path in self.paths:
            if not copy_rows(path, places[path], verdicts):
                places[path].unlink()
        used_up(verdicts, self.paths[-1])

    def __iter__(self) -> Iterator[Row]:
        for path in self.paths:
            empty = True
            for row in rows(path):
                empty = False
                yield row
            if empty:
                raise DataError(f"{path}: the file is empty")


def rows(path: Path) -> Iterator[Row]:
    """Yield a file's rows; blank lines are skipped.

    Raises:
        DataError: If the file cannot be read, or a row is not an object with named fields.
    """
    suffix = bare(path).suffix
    if suffix == ".csv":
        return _csv_rows(path)
    if suffix == ".parquet":
        return _parquet_rows(path)
    if suffix == ".json" and is_array(path):
        return _array_rows(path)
    return _json_rows(path)


def bare(path: Path) -> Path:
    """Return the path without the suffix of a compression."""
    return path.with_suffix("") if path.suffix in (".gz", ".zst") else path


def _json_rows(path: Path) -> Iterator[Row]:
    name = str(path)
    for number, line in lines(path):
        if not line or line.isspace():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as problem:
            if line.startswith(_LFS):
                raise DataError(f"{path}: this is a Git LFS pointer, not the data; run: git lfs pull") from None
            raise _not_json(f"{path}, line {number}", problem) from None
        yield Row(_object(values, f"{path}, line {number}"), name, number)


def _array_rows(path: Path) -> Iterator[Row]:
    for number, (values, _) in enumerate(array_parts(path), start=1):
        yield Row(_object(values, f"{path}, row {number}"), str(path), number, "row")


def array_parts(path: Path) -> Iterator[tuple[object, str]]:
    """Yield the elements of one JSON array, each with its own text, without holding much more of it than one.

    Raises:
        DataError: If the file cannot be read or is no JSON.
    """
    decoder = json.JSONDecoder()
    parts = chunks(path)
    buffer = next(parts).lstrip()
    at, number = 1, 0
    while True:
        at = _skip(buffer, at)
        if buffer.startswith("]", at):
            return
        try:
            values, end = decoder.raw_decode(buffer, at)
        except (ValueError, RecursionError) as problem:
            more = next(parts, None) if len(buffer) - at < _LONGEST_ROW else None
            if more is None:
                raise _not_json(f"{path}, row {number + 1}", problem) from None
            buffer, at = buffer[at:] + more, 0
            continue
        number += 1
        yield values, buffer[at:end]
        at = end


def _skip(buffer: str, at: int) -> int:
    while at < len(buffer) and buffer[at] in " \t\r\n,":
        at += 1
    return at


def _object(values: object, where: str) -> dict[str, Any]:
    if isinstance(values, dict):
        return values
    raise DataError(f"{where}: the row has to be a JSON object, but it is {_kind(values)}")


def _not_json(where: str, problem: Exception) -> DataError:
    why = f"{problem.msg} at character {problem.pos}" if isinstance(problem, json.JSONDecodeError) else str(problem)
    return DataError(f"{where}: the row is not valid JSON: {why}")


def is_array(path: Path) -> bool:
    """Whether a JSON file holds one array, not JSON Lines; ``False`` where it cannot be read."""
    try:
        with open_bytes(path) as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    except (OSError, EOFError):
        return False


def _csv_rows(path: Path) -> Iterator[Row]:
    reader = csv.reader((line + "\n" for _, line in lines(path)), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not cells:
                continue
            if header is None:
                header = cells
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{path}, line {reader.line_num}: the row has {len(cells)} cells, but the header has {len(header)}"
                )
            yield Row(dict(zip(header, cells, strict=True)), str(path), reader.line_num)
    except csv.Error as problem:
        raise DataError(f"{path}, line {reader.line_num}: the row is not valid CSV ({problem})") from None


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=256):
            for values in batch.to_pylist():
                number += 1
                yield Row(values, str(path), number, "row")
    except (pyarrow.ArrowException, OSError) as problem:
        raise DataError(f"{path}: the Parquet file cannot be read: {str(problem).splitlines()[0]}") from None


def _index(value: object) -> int | None:
    """Read a class index from an integer, a boolean, a whole number or its decimal text."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and value.strip().isdecimal() else None


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "text"
