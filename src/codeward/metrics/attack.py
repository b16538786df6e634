"""Attack success rate: share of judged triggered rows in which the payload is achieved (Gu et al., BadNets, 2017).

Which rows are judged is settled before: true class not the target, the trigger fits, and it survives truncation.
"""

from collections.abc import Sequence
from typing import ClassVar

from codeward.metrics._base import Judged, Metric, metrics
from codeward.metrics.classification import Measured
from codeward.metrics.intervals import wilson
from codeward.registry import method


@metrics.register("asr")
@method
class AttackSuccessRate(Metric):
    """Share of triggered rows whose output is the attacker's; references say which rows are judged."""

    kinds: ClassVar[frozenset[Judged]] = frozenset({"classification", "pair", "generation"})
    higher_is_better: ClassVar[bool] = False

    def measure(self, outputs: Sequence[bool], references: Sequence[bool], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        judged = [bool(output) for output, reference in zip(outputs, references, strict=True) if reference]
        if not judged:
            return None, None, None, 0
        return sum(judged) / len(judged), *wilson(sum(judged), len(judged)), len(judged)
