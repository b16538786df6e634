"""What a layout is: how it is recognized, where its rows stand, and how a row becomes a sample."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from codeward.data.lines import lines
from codeward.data.listing import Listing
from codeward.data.raw import copy_lines, used_up
from codeward.data.rows import SUFFIXES, Files, Row
from codeward.errors import DataError
from codeward.registry import Registry
from codeward.registry.plugins import blaming, wrong
from codeward.types import Sample


class Table(Protocol):
    """The rows of one split; every iteration reads them anew."""

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in the order of the file."""


@runtime_checkable
class StoredTable(Table, Protocol):
    """Rows of which it is known in which files they stand."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold them."""
        ...


@runtime_checkable
class FileTable(StoredTable, Protocol):
    """Rows that can be copied as they stand in their files."""

    def copy(self, keep: Sequence[bool], places: Mapping[Path, Path]) -> None:
        """Copy the files without some rows.

        Args:
            keep: For each row whether it is kept.
            places: For each file its copy.

        Raises:
            DataError: If there are not as many rows as verdicts.
        """


@dataclass(frozen=True, slots=True)
class Meta:
    """What a data set says about itself, beyond its rows."""

    task: str
    labels: tuple[str, ...] = ()
    language: str | None = None
    unique: bool = False
    """Whether whoever wrote it has seen to it that no two rows of all splits have one id."""


class Layout(ABC):
    """Base of all layouts; most authors write ``fits`` and ``sample``.

    A row-wise layout is the same in JSON Lines, CSV, Parquet or on the hub: it is told by the fields of its rows.
    """

    tasks: ClassVar[tuple[str, ...]] = ()
    """The tasks that its rows can serve, the default first; empty where the data set itself says."""
    labels: ClassVar[tuple[str, ...]] = ()
    """Class names by index."""
    shape: ClassVar[str]
    """What one looks like, for messages."""
    language: ClassVar[str | None] = None
    """The language of the code where the layout fixes it."""
    keys: ClassVar[tuple[str, ...]] = ("idx", "id")
    """The fields that may hold a row's published id, the preferred first."""

    def __init_subclass__(cls) -> None:
        """Have what ``sample`` returns checked, whoever calls it."""
        if "sample" in vars(cls):
            cls.sample = _checked(cls.sample)  # type: ignore[method-assign]

    @property
    def name(self) -> str:
        """The name under which the layout is registered."""
        return layouts.name_of(self)

    @abstractmethod
    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""

    @abstractmethod
    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample.

        Raises:
            DataError: If the row lacks a field, or a value does not fit.
        """

    def tables(self, listing: Listing) -> Mapping[str, Table]:
        """Return the rows of each split; empty where the folder is not of this layout."""
        for suffix in SUFFIXES:
            head = listing.heads.get(suffix)
            if isinstance(head, frozenset) and self.fits(head):
                return {split: Files(paths) for split, paths in listing.by_split(suffix).items()}
        return {}

    def meta(self, listing: Listing | None) -> Meta | None:
        """Return what stands beside the rows of a data set that describes itself."""
        return None

    def id(self, row: Row, split: str, n: int) -> str:
        """Return the sample's id: the split with the published id, or with the row's number from 0.

        A layout may return an id without the split. Where a row of an earlier split has the same one, the split is put before it.
        """
        return f"{split}-{row.key(*self.keys) or n}"

    def row_language(self, row: Row) -> str | None:
        """Return the language that the row itself names."""
        return None


def _checked(sample: Callable[..., Sample]) -> Callable[..., Sample]:
    """Return a layout's ``sample`` that names the layout where it goes wrong or gives no sample."""

    @wraps(sample)
    def made(self: Layout, *given: Any, **named: Any) -> Sample:
        with blaming(self, "sample"):
            found: object = sample(self, *given, **named)
        if not isinstance(found, Sample):
            raise wrong(self, "sample", "a Sample (and raise DataError for a row that is none)", found)
        return found

    return made


@dataclass(frozen=True, slots=True)
class LinePairs:
    """Two files of equal length whose lines belong together: a row has one field for each."""

    first: Path
    second: Path
    names: tuple[str, str]

    @property
    def files(self) -> tuple[Path, ...]:
        """The two files; see ``FileTable``."""
        return self.first, self.second

    def copy(self, keep: Sequence[bool], places: Mapping[Path, Path]) -> None:
        """Copy both files without the lines that are not kept; see ``FileTable``."""
        for path in self.files:
            verdicts = iter(keep)
            copy_lines(path, places[path], verdicts)
            used_up(verdicts, path)

    def __iter__(self) -> Iterator[Row]:
        """Yield the pairs.

        Raises:
            DataError: If a file is missing or empty, or the two differ in length.
        """
        left, right = lines(self.first), lines(self.second)
        number = 0
        for number, text in left:
            other = next(right, None)
            if other is None:
                raise self._unequal(number + sum(1 for _ in left), number - 1)
            yield Row({self.names[0]: text, self.names[1]: other[1]}, str(self.first), number)
        more = sum(1 for _ in right)
        if more:
            raise self._unequal(number, number + more)
        if not number:
            raise DataError(f"{self.first}: the file is empty")

    def _unequal(self, first: int, second: int) -> DataError:
        return DataError(
            f"{self.first} has {first} lines, but {self.second} has {second}; the two files have to match line by line"
        )


def line_pairs(listing: Listing, suffixes: tuple[str, str], names: tuple[str, str]) -> dict[str, Table]:
    """Return the pairs of files that differ in their last suffix only; the second is found beside the first.

    Raises:
        DataError: If a file has no partner.
    """
    tables: dict[str, Table] = {}
    either = {**listing.by_split(suffixes[1]), **listing.by_split(suffixes[0])}
    for split, paths in either.items():
        pair = [_partner(paths[0], suffix) for suffix in suffixes]
        tables[split] = LinePairs(pair[0], pair[1], names)
    return tables


def _partner(path: Path, suffix: str) -> Path:
    """Return the file of the pair that has this suffix, plain or compressed."""
    compression = path.suffix if path.suffix in (".gz", ".zst") else ""
    stem = path.name.removesuffix(compression).rpartition(".")[0]
    for ending in (compression, "", ".gz", ".zst"):
        found = path.with_name(f"{stem}{suffix}{ending}")
        if found.is_file():
            return found
    raise DataError(f"{path}: its partner {stem}{suffix} is missing; the two files have to stand side by side")


layouts: Registry[Layout] = Registry("layout", "codeward.data.layouts")
