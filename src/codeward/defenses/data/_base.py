"""What a data-stage defense is: it reads a training set as often as it needs to, and convicts rows with evidence."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol, final

from codeward.defenses.data._verdicts import Finding, Verdict
from codeward.defenses.data._work import Arrays, Progress, Work
from codeward.errors import UsageError
from codeward.registry import Registry, method
from codeward.registry.plugins import blaming, wrong
from codeward.types import Sample
from codeward.victims.base import Victim


class Rows(Protocol):
    """A training set that can be read more than once; a list is one, and so is a split on disk."""

    def __iter__(self) -> Iterator[Sample]: ...


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdicts on all rows, in their order, and what stands behind them."""

    verdicts: Sequence[Verdict]
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
    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], work: Work) -> Audit:
        """Return the verdicts on all rows; provenance is removed from them."""

    @final
    def audit(
        self,
        rows: Rows,
        *,
        victim: Victim | None = None,
        clean: Sequence[Sample] = (),
        progress: Progress | None = None,
        memory: MutableMapping[str, Arrays] | None = None,
        processes: int = 1,
    ) -> Audit:
        """Judge a training set.

        Args:
            rows: The rows; read once or several times, in the same order each time.
            victim: A model trained on them, for the defenses that need one.
            clean: Rows, or other code of the same language, without triggers, for the defenses that can use them.
            progress: Called with what is being done and how many rows it is done for.
            memory: Where finished chunks of rows are kept, for this audit alone; an audit that was stopped goes on with the
                others.
            processes: Processes that read rows, for the defenses that need no model; the verdicts are the same.

        Raises:
            UsageError: If the defense needs a model and none is given, or the number of processes is below 1.
        """
        if processes < 1:
            raise UsageError(f"the number of processes has to be at least 1, got {processes}")
        work = Work(progress, {} if memory is None else memory, processes)
        with blaming(self, "inspect"):
            found = self.inspect(_Blind(rows), victim, [sample.blind() for sample in clean], work)
        if not isinstance(found, Audit):
            raise wrong(self, "inspect", "an Audit", found)
        return found


@method
class ModelAudit(DataDefense):
    """Base of the defenses that ask a model trained on the rows; the author writes ``judge``."""

    needs_model: ClassVar[bool] = True

    @abstractmethod
    def judge(self, rows: Rows, victim: Victim, clean: Sequence[Sample], work: Work) -> Audit:
        """Return the verdicts on all rows."""

    @final
    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], work: Work) -> Audit:
        """See ``DataDefense.inspect``."""
        if victim is None:
            raise UsageError(
                f"{data_defenses.name_of(self)} looks at how a model represents the rows: give a model trained on them (--model)"
            )
        return self.judge(rows, victim, clean, replace(work, processes=1))


@dataclass(frozen=True, slots=True)
class _Blind:
    rows: Iterable[Sample]

    def __iter__(self) -> Iterator[Sample]:
        for sample in self.rows:
            yield sample.blind()


data_defenses: Registry[DataDefense] = Registry("data defense", "codeward.defenses.data", plural="data_defenses")
