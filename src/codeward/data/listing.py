"""Which files of a folder belong to a data set, and which of its splits each of them holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codeward.code import language_of_file
from codeward.data.rows import SUFFIXES, Files, bare
from codeward.errors import DataError

ALL = "all"
"""The one split of a data set that is not divided."""

SPLITS = ("train", "valid", "test")

_TEXTS = (".txt", ".buggy", ".fixed", ".java", ".cs")
"""Suffixes of published text files that belong to a data set when their name tells a split."""

_ALIASES: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


def split_of(name: str) -> str | None:
    """Return the split that a file's or a hub split's name tells; ``None`` where it tells none, or several.

    Published names differ: ``train.jsonl``, ``cosqa-dev.json``, ``java_valid_0.jsonl.gz``,
    ``validation-00000-of-00001.parquet``, ``train.buggy-fixed.buggy``.
    """
    found = {_ALIASES[token] for token in re.split(r"[^a-z]+", name.lower()) if token in _ALIASES}
    return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Listing:
    """The data files of one data set."""

    root: Path
    """What the user gave: a folder or a file."""
    files: tuple[Path, ...]
    """Data files in natural order (shard 2 before shard 10)."""
    heads: Mapping[str, frozenset[str] | DataError]
    """By suffix: the fields of the first row, or what is wrong with it."""

    def by_split(self, *suffixes: str) -> dict[str, tuple[Path, ...]]:
        """Group the files that have one of these suffixes by split, train first.

        A single file is the split ``all``, whatever its name; so are files whose names tell no split. Where some
        names tell a split, the other files are left out.
        """
        files = [path for path in self.files if bare(path).name.endswith(suffixes)]
        return group(files, self.root)


def group(files: Sequence[Path], root: Path) -> dict[str, tuple[Path, ...]]:
    """Group files by split; see ``Listing.by_split``."""
    if root.is_file():
        return {ALL: tuple(files)} if files else {}
    groups: dict[str, list[Path]] = {}
    for path in files:
        within = path.relative_to(root).parts
        split = split_of(within[-1]) or next(filter(None, map(split_of, reversed(within[:-1]))), None)
        if split is not None:
            groups.setdefault(split, []).append(path)
    if not groups and files:
        return {ALL: tuple(files)}
    return {name: tuple(groups[name]) for name in SPLITS if name in groups}


def list_files(root: Path) -> Listing:
    """List the data files of a folder; a file stands for itself.

    A folder that holds nothing but one folder is entered, as ``python/final/jsonl`` of CodeSearchNet is; folders
    named after splits belong to their parent.

    Raises:
        DataError: If there is no such file or folder, no data in it, or several data sets in it.
    """
    if root.is_file():
        return Listing(root, (root,), _heads((root,), root))
    if not root.is_dir():
        raise DataError(f"{root}: there is no such file or folder; give a data set's folder, one file, or a hub name")
    direct = _data_files(root)
    if direct:
        return Listing(root, direct, _heads(direct, root))
    inner = [path for path in sorted(root.iterdir()) if path.is_dir() and _holds_data(path)]
    if len(inner) == 1:
        return list_files(inner[0])
    if inner:
        names = ", ".join(path.name for path in inner[:8])
        raise DataError(f"{root}: the folder holds several data sets ({names}); give one of them")
    raise _no_data(root)


def source_code(place: Path, what: str) -> DataError:
    """Return what to say of source code that stands where a data set has to.

    Args:
        place: What was opened.
        what: What was found there.
    """
    return DataError(f"{place}: {what}; codeward harvest makes a data set of code, and codeward purify reads one file")


def _no_data(folder: Path) -> DataError:
    """Return what to say of a folder in which no data file lies."""
    source = next((path for path in folder.rglob("*") if language_of_file(path) is not None), None)
    if source is not None:
        return source_code(folder, f"this folder holds source code ({source.relative_to(folder)}), but no data file")
    return DataError(
        f"{folder}: this folder holds no data file; looked for {', '.join(SUFFIXES)} and text files named after a split"
    )


def _heads(files: Sequence[Path], root: Path) -> dict[str, frozenset[str] | DataError]:
    """Look at the first row of the first file of each suffix."""
    heads: dict[str, frozenset[str] | DataError] = {}
    for suffix in SUFFIXES:
        of_suffix = [path for path in files if bare(path).suffix == suffix]
        for paths in group(of_suffix, root).values():
            try:
                heads[suffix] = frozenset(next(iter(Files(paths))).values)
            except DataError as problem:
                heads[suffix] = problem
            break
    return heads


def _data_files(folder: Path) -> tuple[Path, ...]:
    """Return the data files of a folder and of its folders named after splits; plain text before compressed."""
    found: dict[Path, Path] = {}
    for path in sorted(folder.iterdir()):
        within = sorted(path.iterdir()) if path.is_dir() and split_of(path.name) else [path]
        for file in within:
            if file.is_file() and _is_data(file):
                found.setdefault(bare(file), file)
    return tuple(found[key] for key in sorted(found, key=natural))


def _is_data(path: Path) -> bool:
    name = bare(path)
    if name.name.startswith("."):
        return False
    return name.suffix in SUFFIXES or (name.suffix in _TEXTS and split_of(name.name) is not None)


def _holds_data(folder: Path) -> bool:
    return not folder.name.startswith(".") and any(path.is_file() and _is_data(path) for path in folder.rglob("*"))


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Return a sort key under which shard 2 stands before shard 10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", str(path)) if part]
