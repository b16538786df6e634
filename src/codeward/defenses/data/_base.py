"""What a data-stage defense is: it reads a training set as often as it needs to, and convicts rows with evidence."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, final

from codeward.errors import UsageError
from codeward.registry import Registry, method
from codeward.types import CODE, Sample, Span, Target
from codeward.victims.base import Victim

Progress = Callable[[str, int], None]
"""Called with what is being done and the number of rows it is done for."""
STEP = 500
"""Rows between two calls of a progress."""
MOST_EVIDENCE = 20
"""Pieces of evidence that a verdict keeps: a common unit stands in a row many times."""
TARGETS, SHORT = 3, 60
"""Targets that a finding names, and the characters of each."""


class Rows(Protocol):
    """A training set that can be read more than once; a list is one, and so is a split on disk."""

    def __iter__(self) -> Iterator[Sample]: ...


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


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdicts on all rows, in their order, and what stands behind them."""

    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...] = ()
    """Most suspicious first."""
    notes: tuple[str, ...] = field(default=())
    """What a reader should know, such as that no clean code was given."""


@method
class DataDefense(ABC):
    """Base of all data-stage defenses; the author writes ``inspect``."""

    needs_model: ClassVar[bool] = False
    """Whether a model trained on the data has to be given."""

    @abstractmethod
    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], progress: Progress | None) -> Audit:
        """Return the verdicts on all rows; provenance is removed from them."""

    @final
    def audit(
        self,
        rows: Rows,
        *,
        victim: Victim | None = None,
        clean: Sequence[Sample] = (),
        progress: Progress | None = None,
    ) -> Audit:
        """Judge a training set.

        Args:
            rows: The rows; read once or several times, in the same order each time.
            victim: A model trained on them, for the defenses that need one.
            clean: Rows, or other code of the same language, without triggers, for the defenses that can use them.
            progress: Called with what is being done and how many rows it is done for.

        Raises:
            UsageError: If the defense needs a model and none is given.
        """
        if self.needs_model and victim is None:
            raise UsageError(
                f"{data_defenses.name_of(self)} looks at how a model represents the rows: give a model trained on them"
            )
        return self.inspect(_Blind(rows), victim, [sample.blind() for sample in clean], progress)


@dataclass(frozen=True, slots=True)
class _Blind:
    rows: Iterable[Sample]

    def __iter__(self) -> Iterator[Sample]:
        for sample in self.rows:
            yield sample.blind()


data_defenses: Registry[DataDefense] = Registry("data defense", "codeward.defenses.data", plural="data_defenses")


def told(rows: Iterable[Sample], what: str, progress: Progress | None) -> Iterator[Sample]:
    """Yield rows and tell how many they were."""
    for number, sample in enumerate(rows, start=1):
        yield sample
        if progress is not None and number % STEP == 0:
            progress(what, number)


def convicted(
    judged: Iterable[tuple[Sample, float, tuple[Evidence, ...]]], units: Mapping[str, float]
) -> tuple[tuple[Verdict, ...], tuple[Finding, ...]]:
    """Convict the rows that have evidence, and tell what they have in common, the most suspicious first.

    Args:
        judged: Each row with its score and the evidence against it.
        units: The score of each unit that can be evidence.
    """
    verdicts: list[Verdict] = []
    targets: dict[str, Counter[Target]] = {unit: Counter() for unit in units}
    for sample, score, evidence in judged:
        target = sample.target[:SHORT] if isinstance(sample.target, str) else sample.target
        for unit in {each.unit for each in evidence}:
            targets[unit][target] += 1
        verdicts.append(Verdict(sample.id, score, bool(evidence), evidence[:MOST_EVIDENCE]))
    ranked = sorted(units.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(verdicts), tuple(
        Finding(unit, score, targets[unit].total(), tuple(targets[unit].most_common(TARGETS))) for unit, score in ranked
    )
