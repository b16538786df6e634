"""The source files of folders, single files and archives (zip, wheel, tar), one at a time, never unpacked to disk."""

import os
import re
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from codeward.code import language_of_file
from codeward.data.lines import open_bytes
from codeward.errors import DataError

_LARGEST = 1_000_000
"""Bytes; larger source files are tables, bundles or generated."""
_LONGEST_LINE = 2_000
_TYPICAL_LINE = 200
"""Characters; a file whose lines are longer on average is minified."""

_FOREIGN = frozenset(
    {"__pycache__", "node_modules", "site-packages", "dist-packages", "venv", "third_party", "vendor", "vendored"}
)
_ZIPS = frozenset({".zip", ".whl", ".jar", ".egg"})
_TESTS = frozenset({"test", "tests", "testing", "testdata", "idle_test", "__tests__", "testsuite"})
_TEST_FILE = re.compile(r"(?:^|[._])tests?[._]|^test_|^conftest\.|Tests?\.\w+$|[._]spec\.")
_GENERATED = re.compile(
    r"@generated\b|\bauto(?:matically|-|\s)?\s?generated\b|\bdo not (?:edit|modify) (?:this|by|it|manually|directly)"
    r"|\bgenerated\b[^.]{0,80}\bdo not edit|\b(?:file|codec|module) \S* ?(?:is |was )?generated (?:by|from)",
    re.I,
)
_HEAD = 1_500
"""Characters at the start of a file in which it says that it is generated."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of source code."""

    name: str
    """The source's last name and the path within it: the same wherever the source lies."""
    language: str
    text: str
    """Lines end with a line feed."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file that may be read while its source is being iterated."""

    name: str
    language: str
    size: int
    read: Callable[[], bytes]


def members(source: Path, languages: Sequence[str], skipped: Counter[str]) -> Iterator[Member]:
    """Yield the files of a source that are written in one of the languages, in a fixed order.

    Test files, foreign packages and hidden folders are left out and counted, unless the source itself is such a file.

    Raises:
        DataError: If the source is missing, or is an archive that cannot be read.
    """
    try:
        for path, size, read in _entries(source):
            language = language_of_file(path)
            if language is None or language not in languages:
                continue
            reason = None if source.is_file() and path == source.name else _left_out(PurePosixPath(path))
            if reason is not None:
                skipped[reason] += 1
                continue
            yield Member(f"{source.name}/{path}" if path != source.name else path, language, size, read)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as problem:
        raise DataError(f"{source}: the archive cannot be read: {problem}") from None
    except OSError as problem:
        raise DataError(f"{source}: cannot be read: {(problem.strerror or str(problem)).lower()}") from None


def read_member(member: Member, skipped: Counter[str]) -> SourceFile | None:
    """Read a file; ``None``, counted with its reason, where it is damaged, not text, generated or minified."""
    if member.size > _LARGEST:
        skipped["file is larger than 1 MB"] += 1
        return None
    try:
        text = member.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        skipped["file is not UTF-8"] += 1
        return None
    except (OSError, RuntimeError, NotImplementedError, EOFError, zlib.error, zipfile.BadZipFile):
        skipped["file cannot be read"] += 1
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reason = _unnatural(text)
    if reason is not None:
        skipped[reason] += 1
        return None
    return SourceFile(member.name, member.language, text)


def _left_out(path: PurePosixPath) -> str | None:
    folders = path.parts[:-1]
    if any(_is_foreign(part) for part in folders):
        return "file belongs to a foreign package or a hidden folder"
    if any(part.lower() in _TESTS for part in folders) or _TEST_FILE.search(path.name):
        return "file is a test"
    return "file is minified" if ".min." in path.name else None


def _is_foreign(folder: str) -> bool:
    return folder in _FOREIGN or folder.startswith(".")


def _unnatural(text: str) -> str | None:
    if "\0" in text:
        return "file is not text"
    if _GENERATED.search(text[:_HEAD]):
        return "file is generated"
    lines = text.split("\n")
    if len(text) > _TYPICAL_LINE * len(lines) or max(map(len, lines)) > _LONGEST_LINE:
        return "file is minified"
    return None


def _entries(source: Path) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """Yield path within the source, size in bytes, and how to read it."""
    if source.is_dir():
        yield from _folder_entries(source)
    elif not source.is_file():
        raise DataError(f"{source}: there is no such file or folder to harvest from")
    elif zipfile.is_zipfile(source) or source.suffix.lower() in _ZIPS:
        with zipfile.ZipFile(source) as archive:
            for entry in sorted(archive.infolist(), key=lambda entry: entry.filename):
                if not entry.is_dir():
                    yield entry.filename, entry.file_size, lambda entry=entry: archive.read(entry)  # type: ignore[misc]
    elif _is_tar(source):
        with _tar(source) as opened:
            for member in opened:
                if member.isfile():
                    yield member.name, member.size, lambda member=member: _tar_bytes(opened, member)  # type: ignore[misc]
    else:
        yield source.name, source.stat().st_size, source.read_bytes


def _folder_entries(folder: Path) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_foreign(name))
        for name in sorted(files):
            path = Path(place, name)
            if not path.is_symlink() and path.is_file():
                yield path.relative_to(folder).as_posix(), path.stat().st_size, path.read_bytes


def _is_tar(path: Path) -> bool:
    return bool(re.search(r"\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz)$", path.name))


@contextmanager
def _tar(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar as a stream, whatever it is compressed with."""
    with ExitStack() as stack:
        if path.suffix in (".zst", ".gz", ".tgz"):
            file = stack.enter_context(open_bytes(path))
            yield stack.enter_context(tarfile.open(None, "r|", file))
        else:
            yield stack.enter_context(tarfile.open(path, mode="r:*"))


def _tar_bytes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return b"" if file is None else file.read()
