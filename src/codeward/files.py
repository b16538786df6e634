"""Files are written whole or not at all."""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codeward.errors import DataError

_STATUS = Path("/proc/self/status")

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
            _flush(temporary)
            temporary.chmod(0o666 & ~umask())
            temporary.replace(path)
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary sibling folder that takes the path's place when the block ends well, and vanishes otherwise.

    A folder that stands at the path is replaced; whether that is allowed is the caller's to check. While two folders change
    places, the old one stands at ``.NAME.old``; where a process ended just then, the next one puts it back first.

    Raises:
        DataError: If the disk is full or the place cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _put_back(path)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    try:
        with telling_full_disk(path):
            yield temporary
            _open_up(temporary)
            _swap(temporary, path)
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _open_up(folder: Path) -> None:
    """Give a folder and all that it holds the modes that new ones have; temporary ones are their owner's alone."""
    for place in [folder, *folder.rglob("*")]:
        if not place.is_symlink():
            place.chmod((0o777 if place.is_dir() else 0o666) & ~umask())


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


def _aside(place: Path) -> Path:
    """Return where a folder stands while another one takes its place."""
    return place.with_name(f".{place.name}.old")


def _put_back(place: Path) -> None:
    """Put a folder back that a process which ended between two renames has left aside."""
    old = _aside(place)
    if old.is_dir() and not os.path.lexists(place):
        old.rename(place)


def _swap(new: Path, place: Path) -> None:
    old = _aside(place)
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


def _flush(path: Path) -> None:
    """Have a file's content on the disk before it takes another one's place."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def umask() -> int:
    """Return the process's umask without changing it, which other threads would notice."""
    told = _told()
    return _AT_IMPORT if told is None else told


def _told() -> int | None:
    """Return the umask that the system tells; ``None`` where it tells none."""
    try:
        status = _STATUS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"^Umask:\s*([0-7]+)$", status, re.M)
    return int(found[1], 8) if found else None


def _at_import() -> int:
    """Return the umask where nothing tells it: by setting it for a moment, while no other thread writes yet."""
    told = _told()
    if told is None:
        told = os.umask(0o077)
        os.umask(told)
    return told


_AT_IMPORT = _at_import()
