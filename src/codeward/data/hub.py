"""Data sets on the Hugging Face hub, streamed through ``datasets``; their columns go through the same layouts."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward.data.listing import SPLITS, split_of
from codeward.data.rows import SUFFIXES, Row
from codeward.errors import DataError

PREFIX = "hub:"
_NAME = re.compile(r"[\w.-]+/[\w.-]+(?::[\w.-]+)?")


def hub_name(path: str) -> str | None:
    """Return the name that a path gives on the hub; ``None`` where it looks like a path on disk."""
    if path.startswith(PREFIX):
        return path.removeprefix(PREFIX)
    looks_like = (
        _NAME.fullmatch(path)
        and not Path(path).parent.is_dir()
        and not path.startswith(".")
        and not path.endswith((*SUFFIXES, ".txt", ".gz", ".zst"))
    )
    return path if looks_like else None


@dataclass(frozen=True, slots=True)
class HubTable:
    """The rows of one split on the hub."""

    name: str
    """``org/name`` or ``org/name:config``, or a folder that ``datasets`` reads."""
    split: str
    """The split's name there."""

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows as they come.

        Raises:
            DataError: If the connection breaks or the data set cannot be read.
        """
        try:
            for number, values in enumerate(_load(self.name)[self.split], start=1):
                yield Row(values, f"{self.name}, split {self.split}", number, "row")
        except _problems() as problem:
            raise _unreadable(self.name, problem) from None


def hub_tables(name: str) -> Mapping[str, HubTable]:
    """Return the rows of each split of a data set on the hub, under Codeward's names of splits.

    Raises:
        DataError: If there is no such data set, or it cannot be reached.
    """
    if not name.strip(": "):
        raise DataError(f"{PREFIX}{name}: give the data set's name on the hub after {PREFIX!r}, such as org/name")
    try:
        found = list(_load(name))
    except _problems() as problem:
        raise _unreadable(name, problem) from None
    splits = {split_of(split) or split: HubTable(name, split) for split in found}
    if not splits:
        raise DataError(f"{name}: the data set on the hub has no splits")
    return {split: splits[split] for split in (*SPLITS, *splits) if split in splits}


def _load(name: str) -> Any:
    import datasets

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    path, _, config = name.partition(":")
    return datasets.load_dataset(path, config or None, streaming=True)


def _problems() -> tuple[type[Exception], ...]:
    """What ``datasets`` raises when it cannot find, reach or read a data set."""
    from datasets.exceptions import DatasetsError

    return (DatasetsError, OSError, ValueError, RuntimeError)


def _unreadable(name: str, problem: Exception) -> DataError:
    why = next(iter(str(problem).splitlines()), "") or type(problem).__name__
    return DataError(f"{name}: there is no such file or folder here, and it cannot be loaded from the hub: {why}")
