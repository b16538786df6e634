"""Files are written whole or not at all."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codeward.errors import DataError

FULL = ("No space left on device", "os error 28", "PytorchStreamWriter failed writing", "unexpected pos")
"""What safetensors and torch say when a file cannot grow."""


def write_text(path: Path, text: str) -> None:
    """Write a text file through a temporary sibling.

    Raises:
        DataError: If it cannot be written; what stood there before is then untouched.
    """
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n", errors="surrogatepass")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a temporary sibling file that takes the path's place when the block ends well, and vanishes otherwise.

    A file that stands at the path is replaced; whether that is allowed is the caller's to check.

    Raises:
        DataError: If the disk is full or the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=f".{path.name}")
        os.close(handle)
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    temporary = Path(name)
    try:
        with telling_full_disk(path):
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary sibling folder that takes the path's place when the block ends well, and vanishes otherwise.

    A folder that stands at the path is replaced; whether that is allowed is the caller's to check.

    Raises:
        DataError: If the disk is full or the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    try:
        with telling_full_disk(path):
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            _swap(temporary, path)
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def telling_full_disk(path: Path) -> Iterator[None]:
    """Turn what libraries raise on a full disk, errors of their own without a number, into one sentence.

    Raises:
        DataError: If the disk ran full in the block.
    """
    try:
        yield
    except Exception as problem:
        hidden = not isinstance(problem, OSError) and any(sign in str(problem) for sign in FULL)
        if hidden or (isinstance(problem, OSError) and problem.errno == errno.ENOSPC):
            raise DataError(describe(OSError(errno.ENOSPC, ""), path)) from None
        raise


def check_writable(path: Path) -> None:
    """Refuse, before any long work, a path at which no file can be written.

    Raises:
        DataError: If it is a folder, or lies where nobody may write.
    """
    above = next(each for each in path.absolute().parents if each.exists())
    code = None
    if path.is_dir():
        code = errno.EISDIR
    elif not above.is_dir():
        code = errno.ENOTDIR
    elif not os.access(above, os.W_OK):
        code = errno.EACCES
    if code is not None:
        raise DataError(describe(OSError(code, os.strerror(code)), path))


def describe(problem: OSError, path: Path) -> str:
    """Return one sentence for a failed write."""
    if problem.errno == errno.ENOSPC:
        return f"{path}: the disk is full; nothing was written; free some space and run the same command again"
    return f"{path}: cannot be written: {(problem.strerror or str(problem)).lower()}"


def _swap(new: Path, place: Path) -> None:
    old = place.with_name(f".{place.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        with contextlib.suppress(OSError):
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
