"""How well poisoned rows are told from clean ones: recall, precision, false-positive rate, AUROC (Fawcett, 2006).

Outputs are flags (or, for AUROC, finite scores: higher is more suspicious), references whether the row truly is poisoned.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from codeward.errors import DataError
from codeward.metrics._base import Judged, Metric, metrics
from codeward.metrics.classification import Measured
from codeward.metrics.intervals import Array, bootstrap, wilson
from codeward.registry import method

DETECTION: frozenset[Judged] = frozenset({"detection"})
NOTHING: Measured = (None, None, None, 0)


@metrics.register("recall")
@method
class Recall(Metric):
    """Share of poisoned rows that are flagged."""

    kinds: ClassVar[frozenset[Judged]] = DETECTION

    def measure(self, outputs: Sequence[bool], references: Sequence[bool], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        return _share([output for output, truth in zip(outputs, references, strict=True) if truth])


@metrics.register("precision")
@method
class Precision(Metric):
    """Share of flagged rows that are poisoned."""

    kinds: ClassVar[frozenset[Judged]] = DETECTION

    def measure(self, outputs: Sequence[bool], references: Sequence[bool], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        return _share([truth for output, truth in zip(outputs, references, strict=True) if output])


@metrics.register("fpr")
@method
class FalsePositiveRate(Metric):
    """Share of clean rows that are flagged."""

    kinds: ClassVar[frozenset[Judged]] = DETECTION
    higher_is_better: ClassVar[bool] = False

    def measure(self, outputs: Sequence[bool], references: Sequence[bool], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        return _share([output for output, truth in zip(outputs, references, strict=True) if not truth])


@metrics.register("auroc")
@method
class AUROC(Metric):
    """Area under the ROC curve: chance that a poisoned row scores above a clean one; not judged without both."""

    kinds: ClassVar[frozenset[Judged]] = DETECTION

    def measure(self, outputs: Sequence[float], references: Sequence[bool], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        rows = np.array([outputs, references], dtype=np.float64).T
        _check_finite(rows[:, 0])
        if len(set(map(bool, references))) < 2:
            return NOTHING
        return _auroc(rows), *bootstrap(rows, _auroc), len(rows)


def _share(flags: Sequence[bool]) -> Measured:
    if not flags:
        return NOTHING
    hits = sum(map(bool, flags))
    return hits / len(flags), *wilson(hits, len(flags)), len(flags)


def _check_finite(scores: Array) -> None:
    """Refuse scores that are no numbers, which no order has a place for.

    Raises:
        DataError: If there are such.
    """
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        raise DataError(
            f"case {wrong[0] + 1} has the suspicion score {scores[wrong[0]]}, and {len(wrong)} of {len(scores)} cases have none that "
            "is a finite number; the detector or its model has to be mended before it can be judged"
        )


def _auroc(rows: Array) -> float:
    """Return the Mann-Whitney statistic, ties counted half; not a number if a resample lost a side."""
    from scipy.stats import rankdata

    positive = rows[:, 1] == 1
    count = int(positive.sum())
    if count in (0, len(rows)):
        return float("nan")
    above = float(rankdata(rows[:, 0])[positive].sum()) - count * (count + 1) / 2
    return above / (count * (len(rows) - count))
