"""Verdicts on many rows, and the evidence against them, in columns: a few bytes a row, whatever convicts it."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from codeward.types import CODE, Sample, Span, Target

MOST_EVIDENCE = 20
"""Pieces of evidence that a verdict keeps: a common unit stands in a row many times."""
TARGETS, SHORT = 3, 60
"""Targets that a finding names, and the characters of each."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A part of a row that convicts it."""

    unit: str
    """The token, the name or the statement's template."""
    span: Span
    field: str = CODE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is thought of one row."""

    id: str
    score: float
    """The higher, the more suspicious."""
    suspicious: bool = False
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspected trigger: what many suspicious rows have in common."""

    unit: str
    score: float
    rows: int
    """How many rows hold it."""
    targets: tuple[tuple[Target, int], ...] = ()
    """The commonest targets of these rows, with their counts."""


@dataclass(slots=True, eq=False)
class Verdicts(Sequence[Verdict]):
    """Verdicts in the order of the rows; equal to any sequence of the same verdicts."""

    _ids: list[str] = field(default_factory=list)
    _scores: "array[float]" = field(default_factory=lambda: array("d"))
    _flags: bytearray = field(default_factory=bytearray)
    _places: "array[int]" = field(default_factory=lambda: array("q"))
    """For each piece of evidence the numbers of its unit and its field, and where it starts and ends."""
    _ends: "array[int]" = field(default_factory=lambda: array("q"))
    """For each row how many numbers of ``_places`` there are up to it."""
    _names: dict[str, int] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Add the verdict on the next row."""
        self._ids.append(verdict.id)
        self._scores.append(verdict.score)
        self._flags.append(verdict.suspicious)
        for each in verdict.evidence[:MOST_EVIDENCE]:
            named = (self._names.setdefault(name, len(self._names)) for name in (each.unit, each.field))
            self._places.extend((*named, each.span.start, each.span.end))
        self._ends.append(len(self._places))

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, at: int) -> Verdict: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Verdict]: ...
    def __getitem__(self, at: int | slice) -> Verdict | Sequence[Verdict]:
        if isinstance(at, slice):
            return [self._verdict(place, list(self._names)) for place in range(*at.indices(len(self)))]
        return self._verdict(range(len(self))[at], list(self._names))

    def __iter__(self) -> Iterator[Verdict]:
        names = list(self._names)
        return (self._verdict(place, names) for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash((len(self), self._scores.tobytes()))

    def _verdict(self, at: int, names: Sequence[str]) -> Verdict:
        places = self._places[self._ends[at - 1] if at else 0 : self._ends[at]]
        evidence = tuple(
            Evidence(names[unit], Span(start, end), names[where])
            for unit, where, start, end in zip(*(places[n::4] for n in range(4)), strict=True)
        )
        return Verdict(self._ids[at], self._scores[at], bool(self._flags[at]), evidence)


def convicted(
    judged: Iterable[tuple[Sample, float, tuple[Evidence, ...]]], units: Mapping[str, float]
) -> tuple[Verdicts, tuple[Finding, ...]]:
    """Convict the rows that have evidence, each row's strongest first, and tell what they have in common, the most suspicious first.

    Args:
        judged: Each row with its score and the evidence against it.
        units: The score of each unit that can be evidence; it may grow as rows are read.
    """
    verdicts = Verdicts()
    targets: dict[str, Counter[Target]] = {}
    for sample, score, evidence in judged:
        target = sample.target[:SHORT] if isinstance(sample.target, str) else sample.target
        evidence = tuple(sorted(evidence, key=lambda each: -units[each.unit]))
        for unit in {each.unit for each in evidence}:
            targets.setdefault(unit, Counter())[target] += 1
        verdicts.add(Verdict(sample.id, score, bool(evidence), evidence))
    ranked = sorted(units.items(), key=lambda pair: (-pair[1], pair[0]))
    none: Counter[Target] = Counter()
    return verdicts, tuple(
        Finding(unit, score, targets.get(unit, none).total(), tuple(targets.get(unit, none).most_common(TARGETS)))
        for unit, score in ranked
    )
