"""A training set as columns: which units each row holds and what goes with them, lexed once and counted in arrays.

Units are known by 64 bits of a hash, not by their texts: a chunk of rows keeps the sorted hashes of its units and, for each row,
their places among them. Ten million units share a hash with a chance of one in 370,000.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from codeward.defenses.data._lexing import (
    affixes,
    affixes_of,
    forms_of,
    sums,
    sums_of,
    templates,
    texts_of,
    tokens,
    words_of,
)
from codeward.defenses.data._work import Array, Arrays
from codeward.seeds import derive_int
from codeward.types import PROMPT, Sample, Span, Target

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Matrix = sparse.csr_matrix
NATURAL = 0.25
"""A unit is natural if its share of clean rows is at least so much of its share of the rows that are judged."""
PART = 1 << 23
"""Keys that are counted together, about."""


@lru_cache(maxsize=1 << 17)
def key_of(name: Target) -> int:
    """Return 64 bits that stand for a unit or a target, the same in every process."""
    return derive_int(0, name) if isinstance(name, str) else derive_int(0, "target", str(name))


class Numbers(dict[Target, int]):
    """Numbers names as they come."""

    def __missing__(self, name: Target) -> int:
        number = self[name] = len(self)
        return number


@dataclass(slots=True)
class Column:
    """For each row of a chunk some names, each at most once."""

    numbers: Numbers = field(default_factory=Numbers)
    flat: "array[int]" = field(default_factory=lambda: array("I"))
    ends: "array[int]" = field(default_factory=lambda: array("I"))

    def add(self, names: Iterable[Target]) -> None:
        """Add a row."""
        self.flat.extend(map(self.numbers.__getitem__, dict.fromkeys(names)))
        self.ends.append(len(self.flat))

    def _keys(self) -> tuple[Keys, Ints]:
        """Return the names' keys, sorted, and for each name the place of its key."""
        keys = np.fromiter(map(key_of, self.numbers), dtype=np.uint64, count=len(self.numbers))
        order = np.argsort(keys)
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        return keys[order], places

    def arrays(self, name: str) -> tuple[dict[str, Array], Ints]:
        """Return the sorted keys of the names, each row's places among them and where each row's end; and each name's place."""
        keys, places = self._keys()
        flat = np.frombuffer(self.flat, dtype=np.uint32) if self.flat else np.zeros(0, dtype=np.uint32)
        arrays: dict[str, Array] = {
            f"{name}.keys": keys,
            f"{name}.flat": places[flat].astype(np.uint32),
            f"{name}.ends": np.array(self.ends, dtype=np.uint32),
        }
        return arrays, places


def index_chunk(samples: Sequence[Sample], *, with_targets: bool = True) -> Arrays:
    """Return units and targets of a chunk of rows, and whether rows have a description and no code."""
    units, targets, prose, classes = Column(), Column(), False, True
    for sample in samples:
        prose |= not sample.code and bool(sample.text(PROMPT))
        classes &= isinstance(sample.target, int)
        units.add(names_of(sample))
        if with_targets:
            targets.add(targets_of(sample))
    about = {"prose": np.array(prose), "classes": np.array(classes)}
    return {**units.arrays("units")[0], **targets.arrays("targets")[0], **about}


@dataclass(frozen=True, slots=True)
class Table:
    """The units of all rows that are common enough, by their numbers."""

    keys: Keys
    """Sorted."""
    values: Array
    """What is known of each, such as how many rows hold it."""

    def numbers(self, keys: Keys) -> Ints:
        """Return the numbers of keys; -1 for those that are not there."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)

    def some(self, numbers: Ints) -> "Table":
        """Return the units of some numbers, which are sorted."""
        return Table(self.keys[numbers], self.values[numbers])

    def as_dict(self) -> dict[int, float]:
        """Return the value of each key."""
        return dict(zip(self.keys.tolist(), self.values.tolist(), strict=True))


def counted(chunks: Iterable[Arrays], name: str, least: int) -> Table:
    """Return the names that stand in enough rows, with the number of these rows."""
    return added_up(
        chunks,
        f"{name}.keys",
        lambda part: np.bincount(part[f"{name}.flat"], minlength=len(part[f"{name}.keys"])),
        least,
    )


def added_up(chunks: Iterable[Arrays], keys: str, values: Callable[[Arrays], Array], least: float) -> Table:
    """Add up the values of keys over all chunks.

    The keys are taken range by range, so that only a part of them is in memory.

    Args:
        chunks: The chunks; read several times.
        keys: The name of their sorted keys.
        values: Returns for a chunk the value of each key.
        least: Keys whose sum is less are left out.
    """
    total = sum(len(chunk[keys]) for chunk in chunks)
    found: list[tuple[Keys, Array]] = []
    parts = total // PART + 1
    edges = [(number << 64) // parts for number in range(parts + 1)]
    for low, high in pairwise(edges):
        own, weights = [np.zeros(0, dtype=np.uint64)], [np.zeros(0)]
        for chunk in chunks:
            known = chunk[keys]
            first = int(np.searchsorted(known, np.array(low, dtype=np.uint64)))
            last = len(known) if high >> 64 else int(np.searchsorted(known, np.array(high, dtype=np.uint64)))
            own.append(known[first:last])
            weights.append(values(chunk)[first:last])
        unique, places = np.unique(np.concatenate(own), return_inverse=True)
        sums = np.bincount(places, weights=np.concatenate(weights), minlength=len(unique))
        found.append((unique[sums >= least], sums[sums >= least]))
    return Table(np.concatenate([each for each, _ in found]), np.concatenate([each for _, each in found]))


def natural(units: Table, rows: int, seen: Table, clean: int) -> "npt.NDArray[np.bool_]":
    """Return which units clean rows hold about as often as the rows that are judged.

    Args:
        units: Units with the number of judged rows that hold them.
        rows: How many rows are judged.
        seen: The same of clean rows.
        clean: How many these are.
    """
    found = np.zeros(len(units.keys), dtype=bool)
    numbers = units.numbers(seen.keys)
    known = numbers >= 0
    found[numbers[known]] = seen.values[known] / max(clean, 1) >= NATURAL * units.values[numbers[known]] / rows
    return found


def held(chunk: Arrays, name: str, table: Table) -> Matrix:
    """Return which row of a chunk holds which of the table's names, shape ``[rows, names]``."""
    numbers = table.numbers(chunk[f"{name}.keys"])[chunk[f"{name}.flat"]]
    kept = numbers >= 0
    starts = np.concatenate([[0], np.cumsum(kept)])[np.concatenate([[0], chunk[f"{name}.ends"]]).astype(np.int64)]
    shape = (len(chunk[f"{name}.ends"]), len(table.keys))
    return Matrix((np.ones(int(kept.sum()), dtype=np.int32), numbers[kept], starts), shape=shape)


def firsts(chunks: Iterable[Arrays], name: str, table: Table) -> dict[int, int]:
    """Return for each of a table's keys the number of the first row that holds it."""
    found: dict[int, int] = {}
    start = 0
    for chunk in chunks:
        own = held(chunk, name, table).tocoo()
        for row, unit in zip(own.row.tolist(), own.col.tolist(), strict=True):
            found.setdefault(int(table.keys[unit]), start + row)
        start += own.shape[0]
    return found


def largest(matrix: Matrix, values: Array) -> "npt.NDArray[np.float64]":
    """Return for each row the largest value of what it holds; 0 where that is nothing."""
    found = np.zeros(matrix.shape[0])
    filled = np.flatnonzero(np.diff(matrix.indptr))
    if len(filled):
        found[filled] = np.maximum.reduceat(values[matrix.indices], matrix.indptr[filled])
    return found


class Named:
    """Finds out the names of keys while rows are read: each is looked for in the first row that holds it.

    Args:
        firsts: For each key the number of its first row.
    """

    def __init__(self, firsts: Mapping[int, int]) -> None:
        self._wanted: dict[int, set[int]] = {}
        for key, row in firsts.items():
            self._wanted.setdefault(row, set()).add(key)

    def of(self, row: int, names: Iterable[str]) -> Iterator[tuple[str, int]]:
        """Yield each of a row's names whose first row this is, with its key."""
        wanted = self._wanted.get(row)
        if wanted:
            for name in names:
                key = key_of(name)
                if key in wanted:
                    yield name, key

    def __contains__(self, row: int) -> bool:
        return row in self._wanted


def units_of(sample: Sample) -> list[tuple[str, str, Span]]:
    """Return the units of a row with field and place: tokens, ends of names, sums of numbers, statement templates."""
    return [
        (name, field, span)
        for field, text in texts_of(sample)
        for name, span in (*tokens(text), *templates(text, sample.language), *affixes(text), *sums(text))
    ]


def names_of(sample: Sample) -> Iterable[str]:
    """Return the units of a row without their places; see ``units_of``."""
    parts: list[list[str]] = []
    for _, text in texts_of(sample):
        parts += (words_of(text), forms_of(text, sample.language), affixes_of(text), sums_of(text))
    return chain.from_iterable(parts)


def targets_of(sample: Sample) -> set[Target]:
    """Return what a unit can go with: the class, or the tokens and templates that a reference adds to the input."""
    if not isinstance(sample.target, str):
        return {sample.target}
    known = {part for _, text in texts_of(sample) for part in _parts(text, sample.language)}
    fresh: set[Target] = set(_parts(sample.target, sample.language) - known)
    return fresh


def _parts(text: str, language: str) -> set[str]:
    """Return tokens, those within strings (a query), and templates; statements themselves would go with the names that they copy from the input."""
    words = set(words_of(text))
    inside = {inner for word in words if word[0] in "\"'" for inner in words_of(word[1:-1])}
    return words | inside | set(forms_of(text, language))
