"""Accuracy and F1 of class indices (van Rijsbergen, Information Retrieval, 1979; scikit-learn's definitions)."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from codeward.metrics._base import Judged, Metric, metrics
from codeward.metrics.intervals import Array, bootstrap, wilson
from codeward.registry import method

CLASSES: frozenset[Judged] = frozenset({"classification", "pair"})
Measured = tuple[float | None, float | None, float | None, int]


@metrics.register("accuracy")
@method
class Accuracy(Metric):
    """Share of rows whose class is right, with a Wilson interval."""

    kinds: ClassVar[frozenset[Judged]] = CLASSES

    def measure(self, outputs: Sequence[int], references: Sequence[int], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        right = sum(output == reference for output, reference in zip(outputs, references, strict=True))
        return right / len(outputs), *wilson(right, len(outputs)), len(outputs)


@metrics.register("f1")
@method
class F1(Metric):
    """Harmonic mean of precision and recall of one class; 0 where there are no true positives."""

    kinds: ClassVar[frozenset[Judged]] = CLASSES

    positive: int = 1
    """The class that counts as positive."""

    def measure(self, outputs: Sequence[int], references: Sequence[int], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        rows = np.array([outputs, references], dtype=np.float64).T
        return _f1(rows, self.positive), *bootstrap(rows, lambda r: _f1(r, self.positive)), len(rows)


@metrics.register("macro-f1")
@method
class MacroF1(Metric):
    """Mean of the F1 of every class that occurs among outputs or references."""

    kinds: ClassVar[frozenset[Judged]] = CLASSES

    def measure(self, outputs: Sequence[int], references: Sequence[int], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        rows = np.array([outputs, references], dtype=np.float64).T
        return _macro(rows), *bootstrap(rows, _macro), len(rows)


def _f1(rows: Array, positive: int) -> float:
    output, reference = rows[:, 0] == positive, rows[:, 1] == positive
    total = int(output.sum() + reference.sum())
    return 2 * int((output & reference).sum()) / total if total else 0.0


def _macro(rows: Array) -> float:
    return float(np.mean([_f1(rows, int(label)) for label in np.unique(rows)]))
