"""Rows of a table in a file (JSON Lines, a JSON array, CSV, Parquet), streamed, each knowing where it stands."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeward.data.lines import chunks, lines, open_bytes
from codeward.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

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
    text, number = _Text(chunks(path)), 0
    text.take("[")
    if not text.take("]"):
        while True:
            try:
                yield text.value()
            except (ValueError, RecursionError) as problem:
                raise _not_json(f"{path}, row {number + 1}", problem) from None
            number += 1
            if text.take("]"):
                break
            if not text.take(","):
                raise DataError(
                    f"{path}, row {number + 1}: the row is not valid JSON: {text.shown()} stands where a comma or the end of the "
                    "array has to"
                )
    if text.skip():
        raise DataError(
            f"{path}: after the array with {number} rows the file goes on with {text.shown()}; write all rows into one array, "
            "or each on a line of its own (.jsonl)"
        )


class _Text:
    """A text that comes in parts, read from its beginning on and forgotten behind."""

    def __init__(self, parts: Iterator[str]) -> None:
        self._parts, self._buffer, self._at = parts, "", 0
        self._decoder = json.JSONDecoder()

    def skip(self) -> bool:
        """Skip white space, and return whether anything follows."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._buffer):
                return True
            if not self._more():
                return False

    def take(self, sign: str) -> bool:
        """Take a character, white space before it included, and return whether it was there."""
        found = self.skip() and self._buffer[self._at] == sign
        self._at += found
        return found

    def value(self) -> tuple[object, str]:
        """Take a JSON value; return it with its own text.

        Raises:
            ValueError: If none follows.
        """
        self.skip()
        while True:
            try:
                values, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError):
                if len(self._buffer) - self._at >= _LONGEST_ROW or not self._more():
                    raise
                continue
            text = self._buffer[self._at : end]
            self._at = end
            return values, text

    def shown(self) -> str:
        """Return how the rest begins, for a message."""
        return repr(self._buffer[self._at : self._at + 20]) if self.skip() else "the end of the file"

    def _more(self) -> bool:
        """Read the next part, and return whether there was one."""
        part = next(self._parts, None)
        if part is None:
            return False
        self._buffer, self._at = self._buffer[self._at :] + part, 0
        return True


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
    reader = csv_records(line + "\n" for _, line in lines(path))
    header: list[str] | None = None
    end = 0
    try:
        for cells in reader:
            number, end = end + 1, reader.line_num
            if not cells:
                continue
            if header is None:
                header = cells
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{path}, line {number}: the row has {len(cells)} cells, but the header has {len(header)}"
                )
            yield Row(dict(zip(header, cells, strict=True)), str(path), number)
    except csv.Error as problem:
        raise DataError(f"{path}, line {reader.line_num}: the row is not valid CSV ({problem})") from None


def csv_records(text: Iterator[str]) -> "Reader":
    """Return a reader of CSV whose cells may be as long as a row; the module's own limit is 131,072 characters.

    Args:
        text: The lines, with their ends.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_ROW))
    return csv.reader(text, strict=True)


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
