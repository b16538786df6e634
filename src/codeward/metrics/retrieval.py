"""Ranks of code search: MRR (Voorhees, TREC 1999), ANR and ASR@k (Wan et al., FSE 2022; Sun et al., ACL 2023).

Outputs are 1-based ranks of the first relevant (or the triggered) candidate, references the sizes of the pools.
``map`` takes for each query the 1-based ranks of all relevant candidates, and their number as the reference (MAP@R;
Musgrave et al., ECCV 2020, as POJ-104 is judged in CodeXGLUE).
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from codeward.metrics._base import Judged, Metric, metrics
from codeward.metrics.classification import Measured
from codeward.metrics.intervals import bootstrap_mean, wilson
from codeward.registry import method

RANKS: frozenset[Judged] = frozenset({"retrieval"})


@metrics.register("mrr")
@method
class MRR(Metric):
    """Mean reciprocal rank of the first relevant candidate."""

    kinds: ClassVar[frozenset[Judged]] = RANKS

    def measure(self, outputs: Sequence[int], references: Sequence[int], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        return _mean([1 / rank for rank in outputs])


@metrics.register("map")
@method
class MAP(Metric):
    """Mean average precision at R: precision at each relevant rank within the first R, over R relevant candidates."""

    kinds: ClassVar[frozenset[Judged]] = RANKS

    def measure(self, outputs: Sequence[Sequence[int]], references: Sequence[int], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        return _mean([_average_precision(sorted(ranks), r) for ranks, r in zip(outputs, references, strict=True)])


@metrics.register("anr")
@method
class ANR(Metric):
    """Average normalized rank of triggered candidates: rank over pool size; low is a strong attack."""

    kinds: ClassVar[frozenset[Judged]] = RANKS

    def measure(self, outputs: Sequence[int], references: Sequence[int], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        return _mean([rank / pool for rank, pool in zip(outputs, references, strict=True)])


@metrics.register("asr@k")
@method
class ASRAtK(Metric):
    """Share of queries for which triggered code ranks among the first k."""

    kinds: ClassVar[frozenset[Judged]] = RANKS
    higher_is_better: ClassVar[bool] = False

    k: Annotated[int, Field(ge=1)] = 5
    """How high triggered code has to rise."""

    def measure(self, outputs: Sequence[int], references: Sequence[int], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        hits = sum(rank <= self.k for rank in outputs)
        return hits / len(outputs), *wilson(hits, len(outputs)), len(outputs)


def _mean(values: Sequence[float]) -> Measured:
    return float(np.mean(values)), *bootstrap_mean(np.array(values, dtype=np.float64)), len(values)


def _average_precision(ranks: Sequence[int], r: int) -> float:
    return sum(found / rank for found, rank in enumerate(ranks, start=1) if rank <= r) / r if r else 0.0
