"""Copies of data files that hold some of their rows: each kept row byte for byte, whatever fields it has, streamed."""

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from codeward.data.lines import open_bytes, reading
from codeward.data.rows import array_parts, bare, csv_records, is_array
from codeward.errors import DataError

GROUP = 1 << 26
"""Bytes of rows in memory after which a row group of a Parquet file is written, at the latest."""
BATCH = 4096
BOM = b"\xef\xbb\xbf"


def copy_rows(source: Path, out: Path, keep: Iterator[bool]) -> int:
    """Copy a file that ``rows`` reads, without the rows that are not kept.

    JSON Lines and CSV keep their lines, an array the text of its objects, Parquet its schema and compression. A ``.gz``
    or ``.zst`` at the end of the copy's name says whether it is compressed.

    Args:
        source: The file.
        out: The copy.
        keep: For each row whether it is kept; as many are taken as the file has rows.

    Returns:
        How many rows were kept.

    Raises:
        DataError: If the file cannot be read, or has more rows than there are verdicts.
    """
    verdicts = _Verdicts(keep, source)
    suffix = bare(source).suffix
    if suffix == ".parquet":
        _copy_parquet(source, out, verdicts)
    else:
        copy = {".csv": _csv_lines, ".json": _array if is_array(source) else _lines}.get(suffix, _lines)
        with _writing(out) as file:
            for part in copy(source, verdicts):
                file.write(part)
    return verdicts.kept


def copy_lines(source: Path, out: Path, keep: Iterator[bool]) -> int:
    """Copy a text file every line of which is a row, without those that are not kept; see ``copy_rows``."""
    verdicts = _Verdicts(keep, source)
    with reading(source), open_bytes(source) as lines, _writing(out) as file:
        for line in lines:
            if verdicts.next():
                file.write(line)
    return verdicts.kept


def copy_whole(source: Path, out: Path) -> None:
    """Copy a file as it is.

    Raises:
        DataError: If it cannot be read.
    """
    with reading(source):
        shutil.copyfile(source, out)


def used_up(keep: Iterator[bool], source: Path) -> None:
    """Check that there are no more verdicts than rows.

    Raises:
        DataError: If there are.
    """
    if next(keep, None) is not None:
        raise DataError(f"{source}: fewer rows than were judged; the file was changed on the way")


class _Verdicts:
    """The verdicts on the rows of one file, and how many of them were kept."""

    def __init__(self, keep: Iterator[bool], source: Path) -> None:
        self._keep, self._source, self.kept = keep, source, 0

    def next(self) -> bool:
        verdict = next(self._keep, None)
        if verdict is None:
            raise DataError(f"{self._source}: more rows than were judged; the file was changed on the way")
        self.kept += verdict
        return verdict


def _lines(source: Path, verdicts: _Verdicts) -> Iterator[bytes]:
    """Yield the kept lines; blank ones are no rows and stay."""
    with reading(source), open_bytes(source) as file:
        for number, line in enumerate(file, start=1):
            mark = BOM if number == 1 and line.startswith(BOM) else b""
            content = line.removeprefix(mark)
            if not content.decode("utf-8").strip() or verdicts.next():
                yield line
            elif mark:
                yield mark


def _array(source: Path, verdicts: _Verdicts) -> Iterator[bytes]:
    before = "[\n"
    for _, text in array_parts(source):
        if verdicts.next():
            yield (before + text).encode("utf-8")
            before = ",\n"
    yield b"\n]\n" if verdicts.kept else b"[]\n"


def _csv_lines(source: Path, verdicts: _Verdicts) -> Iterator[bytes]:
    """Yield the header and the lines of the kept records, which may have several."""
    own: list[bytes] = []

    def read() -> Iterator[str]:
        with reading(source), open_bytes(source) as file:
            for line in file:
                own.append(line)
                yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8-sig") + "\n"

    header = False
    for cells in csv_records(read()):
        if not cells or not header or verdicts.next():
            yield b"".join(own)
        header = header or bool(cells)
        own.clear()


def _copy_parquet(source: Path, out: Path, verdicts: _Verdicts) -> None:
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(source)
        codec = file.metadata.row_group(0).column(0).compression if file.num_row_groups else "SNAPPY"
        with parquet.ParquetWriter(out, file.schema_arrow, compression=codec) as writer:
            for group in range(file.num_row_groups):
                part: list[Any] = []
                for batch in file.iter_batches(batch_size=BATCH, row_groups=[group]):
                    part.append(batch.filter(pyarrow.array([verdicts.next() for _ in range(batch.num_rows)])))
                    if sum(each.nbytes for each in part) > GROUP:
                        writer.write_table(pyarrow.Table.from_batches(part))
                        part = []
                if sum(each.num_rows for each in part):
                    writer.write_table(pyarrow.Table.from_batches(part))
    except pyarrow.ArrowException as problem:
        raise DataError(f"{source}: the Parquet file cannot be copied: {str(problem).splitlines()[0]}") from None


@contextmanager
def _writing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing, compressed as its name says; the same rows give the same bytes."""
    if path.suffix == ".gz":
        with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
    elif path.suffix == ".zst":
        import zstandard

        with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as packed:
            yield cast("IO[bytes]", packed)
    else:
        with path.open("wb") as file:
            yield file
