"""What a metric is: a pure function from outputs and references to a score with its denominator and interval."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, final

from codeward.registry import Registry
from codeward.types import Kind, Score

Judged = Kind | Literal["detection"]


class Metric(ABC):
    """Base of all metrics; the author writes ``measure``.

    What outputs and references are depends on what is judged:
    classification and pair: class indices; generation: texts; retrieval: 1-based rank of the first relevant
    candidate and size of the pool; detection: scores or flags, and whether the row truly is poisoned.
    """

    kinds: ClassVar[frozenset[Judged]]
    """The kinds of task that the metric judges; ``detection`` for the defenses' own verdicts."""
    higher_is_better: ClassVar[bool] = True

    @final
    def score(self, outputs: Sequence[Any], references: Sequence[Any], *, language: str | None = None) -> Score:
        """Measure outputs against references.

        Args:
            outputs: What the model or detector answered, one a case.
            references: What was right, in the same order.
            language: The language of the texts, for metrics that parse them.

        Returns:
            The score; its value is ``None`` where there is nothing to judge.

        Raises:
            ValueError: If the two sequences differ in length.
        """
        if len(outputs) != len(references):
            raise ValueError(f"{len(outputs)} outputs against {len(references)} references")
        name = metrics.name_of(self)
        if not outputs:
            return Score(name, None, 0, higher_is_better=self.higher_is_better)
        value, low, high, n = self.measure(outputs, references, language)
        return Score(name, value, n, low, high, self.higher_is_better)

    @abstractmethod
    def measure(
        self, outputs: Sequence[Any], references: Sequence[Any], language: str | None
    ) -> tuple[float | None, float | None, float | None, int]:
        """Return value, lower and upper end of the 95 % interval, and the number of cases judged."""


metrics: Registry[Metric] = Registry("metric", "codeward.metrics")
