"""One run at a time writes to a file; what a stopped one has left is gone on with by the same run only."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from codeward.errors import DataError
from codeward.files import describe, write_text

try:
    import fcntl
except ImportError:  # where the system has no such locks
    fcntl = None  # type: ignore[assignment]

HELD = (errno.EWOULDBLOCK, errno.EACCES)
"""What a lock says that somebody else holds."""


@contextmanager
def claimed(out: Path, key: str) -> Iterator[BinaryIO]:
    """Give the file in which rows are gathered, which takes the place of ``out`` when the block ends well.

    It lies beside it as ``.NAME.part``, with a mark ``.NAME.run`` of whose it is; where a run of the same key was stopped, it
    holds its rows. Until the block ends it is locked, where the system has locks.

    Args:
        out: Where all rows are to be in the end.
        key: What the run depends on.

    Raises:
        DataError: If ``out`` is there already, another run is writing to it, what is there is of a run of another key, or
            nothing can be written.
    """
    check_new(out)
    part, mark = part_of(out), out.with_name(f".{out.name}.run")
    try:
        with _opened(part) as file:
            _lock(file, out)
            _take(file, part, mark, key)
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(out)
            mark.unlink(missing_ok=True)
    except OSError as problem:
        raise DataError(describe(problem, out)) from None


def check_new(out: Path) -> None:
    """Refuse to write over a file.

    Raises:
        DataError: If it exists.
    """
    if out.exists():
        raise DataError(f"{out}: the file exists; give another one, or remove it")


def part_of(out: Path) -> Path:
    """Return where rows are gathered until all are there."""
    return out.with_name(f".{out.name}.part")


def of_another_run(part: Path) -> DataError:
    """Return what is said of rows that the run at hand has not written."""
    return DataError(
        f"{part}: a run with another model, defense or input, other clean samples or another version of Codeward was stopped here; give "
        "the same ones again, or remove the file"
    )


def _opened(part: Path) -> BinaryIO:
    """Open a file to read and write from its begin, and make it where there is none."""
    part.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b")


def _lock(file: BinaryIO, out: Path) -> None:
    """Lock a file for this run alone.

    Raises:
        DataError: If another run holds it, or has finished since it was looked for.
    """
    part = part_of(out)
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            if problem.errno in HELD:
                raise _held(out) from None
            # else it is a file system without locks
    if out.exists() and _is_at(file, part):
        part.unlink()
    check_new(out)
    if not _is_at(file, part):
        raise _held(out)


def _held(out: Path) -> DataError:
    return DataError(f"{out}: another run is writing to this file; wait until it is done, or give another file")


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is the one that stands at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _take(file: BinaryIO, part: Path, mark: Path, key: str) -> None:
    """Mark what is written as this run's; a mark without rows beside it, and rows without a mark, are nobody's.

    Raises:
        DataError: If there are rows of another run.
    """
    if mark.is_file() and os.fstat(file.fileno()).st_size:
        if mark.read_text(encoding="utf-8", errors="replace").strip() != key:
            raise of_another_run(part)
        return
    file.truncate(0)
    write_text(mark, f"{key}\n")
