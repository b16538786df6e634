"""Write a data set without some rows of a split, in the layout that it has: files of the same names, rows byte for byte."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from codeward.data.folder import DataFolder
from codeward.data.layouts import FileTable
from codeward.data.layouts.codeward import FILE
from codeward.data.raw import copy_whole
from codeward.data.rows import bare
from codeward.data.write import check_reach
from codeward.errors import DataError, UsageError
from codeward.files import new_file, new_folder

_SUFFIX = re.compile(r"\.[a-z]\w*", re.I)
"""What makes a name one of a file; a folder may be called ``cleaned-1.2``."""


def obstacle(data: DataFolder) -> str:
    """Return why a data set cannot be written back in its layout; empty where it can."""
    if not data.path.exists():
        return "a data set of the hub has no files here to copy"
    folder = data.path.parent if data.path.is_file() else data.path
    if data.layout == "codeward" and (folder / FILE).is_file():
        return f"{FILE} counts the rows and says their task"
    if not all(isinstance(table, FileTable) for table in data.tables.values()):
        return f"layout {data.layout!r} does not say in which files its rows stand"
    return ""


def write_kept(data: DataFolder, split: str, keep: Sequence[bool], out: Path, *, overwrite: bool = False) -> Path:
    """Copy a data set without the rows of one split that are not kept.

    Args:
        data: The data set; has no ``obstacle``.
        split: The split that loses rows; the others are copied as they are.
        keep: For each of its rows whether it is kept.
        out: The copy: where the data set is one file, a file of the same format (a ``.gz`` or ``.zst`` at the end says whether
            it is compressed), or a folder that gets it under its own name.
        overwrite: Replace a file, or a folder that holds nothing else.

    Returns:
        The copy.

    Raises:
        UsageError: If the copy's name is one of another format.
        DataError: If it exists, no row is kept, or the data set has changed. Nothing is left half-written.
    """
    if not any(keep):
        raise DataError(f"{data.path}: no row of split {split!r} is left, so nothing is written")
    table, (place, names) = data.tables[split], check_copy(data, out, overwrite=overwrite)
    if not isinstance(table, FileTable):
        raise DataError(f"{data.path}: {obstacle(data)}")
    if not names:
        with new_file(place) as temporary:
            table.copy(keep, dict.fromkeys(data.files, temporary))
        return place
    with new_folder(place) as folder:
        for name in names.values():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        own = set(table.files)
        table.copy(keep, {file: folder / name for file, name in names.items()})
        for file, name in names.items():
            if file not in own:
                copy_whole(file, folder / name)
    return place


def check_copy(data: DataFolder, out: Path, *, overwrite: bool = False) -> tuple[Path, dict[Path, Path]]:
    """Return where a copy of a data set goes, and for each of its files the name within a folder; none for one file.

    Raises:
        UsageError: If the copy's name is one of another format.
        DataError: If something stands there that would be lost, or nobody may write there.
    """
    files = data.files
    if data.path.is_file() and len(files) == 1:
        place = _place(data.path, out)
        _check(place, [], overwrite)
        return place, {}
    root = data.path.parent if data.path.is_file() else data.path
    names = {file: Path(os.path.relpath(file, root)) for file in files}
    _check(out, list(names.values()), overwrite)
    return out, names


def _place(source: Path, out: Path) -> Path:
    """Return the path of one file's copy: the given one, or the file's own name in the folder that is given."""
    own, wanted = bare(source).suffix, bare(out).suffix
    if out.is_dir() or not _SUFFIX.fullmatch(out.suffix):
        return out / source.name
    if wanted != own:
        raise UsageError(
            f"{out}: the copy of {source.name} has its format; give a name that ends in {own}, or a folder"
        )
    return out


def _check(place: Path, names: Sequence[Path], overwrite: bool) -> None:
    """Refuse a place where something stands that would be lost, or where nobody may write."""
    check_reach(place)
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return
    if not overwrite:
        raise DataError(
            f"{place}: this exists already; give another place, or overwrite it (--overwrite; in Python overwrite=True)"
        )
    if place.is_dir() == (not names):
        raise DataError(f"{place}: a {'folder' if place.is_dir() else 'file'} stands here; give another place")
    if place.is_dir():
        with suppress(OSError):
            found = {file.relative_to(place) for file in place.rglob("*") if file.is_file()}
            foreign = sorted(map(str, found - set(names)))
            if foreign:
                raise DataError(
                    f"{place}: the folder holds more than this copy ({', '.join(foreign[:5])}); it is not overwritten"
                )
