"""A training set as columns: which units each row holds, and what goes with it; read once, counted in arrays."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

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
from codeward.types import PROMPT, Sample, Span, Target

Counts = npt.NDArray[np.int64]
Matrix = sparse.csr_matrix


@dataclass(slots=True)
class Column:
    """For each row some numbered names, each at most once."""

    numbers: dict[object, int] = field(default_factory=dict)
    flat: "array[int]" = field(default_factory=lambda: array("I"))
    ends: "array[int]" = field(default_factory=lambda: array("Q"))

    def add(self, names: Iterable[object]) -> None:
        """Add a row."""
        numbers = self.numbers
        self.flat.extend({numbers.setdefault(name, len(numbers)) for name in names})
        self.ends.append(len(self.flat))

    def names(self) -> list[object]:
        """Return the names by number."""
        return list(self.numbers)

    def matrix(self) -> Matrix:
        """Return which row holds which name, shape ``[rows, names]``; numbers of 32 bits as long as they are enough."""
        wide: Any = np.int64 if len(self.flat) >= 1 << 31 else np.int32
        flat: Any = np.frombuffer(self.flat, dtype=np.uint32).astype(wide) if self.flat else np.zeros(0, dtype=wide)
        starts: Any = np.zeros(len(self.ends) + 1, dtype=wide)
        starts[1:] = np.frombuffer(self.ends, dtype=np.uint64) if self.ends else 0
        shape = (len(self.ends), max(len(self.numbers), 1))
        return Matrix((np.ones(len(flat), dtype=np.int32), flat, starts), shape=shape)


@dataclass(slots=True)
class Index:
    """Units and targets of all rows."""

    ids: list[str] = field(default_factory=list)
    units: Column = field(default_factory=Column)
    targets: Column = field(default_factory=Column)
    prose: bool = False
    """Whether rows have a description and no code."""

    @classmethod
    def of(cls, rows: Iterable[Sample], *, with_targets: bool = True) -> "Index":
        """Read rows once."""
        index = cls()
        for sample in rows:
            index.ids.append(sample.id)
            index.prose |= not sample.code and bool(sample.text(PROMPT))
            index.units.add(names_of(sample))
            index.targets.add(targets_of(sample) if with_targets else ())
        return index


def units_of(sample: Sample) -> list[tuple[str, str, Span]]:
    """Return the units of a row with field and place: tokens, ends of names, sums of numbers, statement templates."""
    return [
        (name, field, span)
        for field, text in texts_of(sample)
        for name, span in (*tokens(text), *templates(text, sample.language), *affixes(text), *sums(text))
    ]


def names_of(sample: Sample) -> Iterator[str]:
    """Yield the units of a row without their places; see ``units_of``."""
    for _, text in texts_of(sample):
        yield from words_of(text)
        yield from forms_of(text, sample.language)
        yield from affixes_of(text)
        yield from sums_of(text)


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
