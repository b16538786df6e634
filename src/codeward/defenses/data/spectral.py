"""Spectral signature: poisoned rows stand out along the first singular vectors of their class (Tran et al., NeurIPS 2018).

For code, Ramakrishnan and Albarghouthi (ICPR 2022) found that the first vector alone is weak; ``vectors`` sums the squared
projections on several. The model is one trained on the rows. Departure: the paper removes 1.5 times a poison rate that it is
told; here rows are convicted by how far their score stands from the class's median in robust standard deviations.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from codeward.defenses.data._base import Audit, DataDefense, Progress, Rows, Verdict, data_defenses
from codeward.errors import UsageError
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Floats, Victim

ROBUST = 1.4826


@data_defenses.register("spectral")
@method
class Spectral(DataDefense):
    """Rows that stand out along the first singular vectors of their class's representations."""

    needs_model: ClassVar[bool] = True
    vectors: Annotated[int, Field(ge=1)] = 3
    """How many singular vectors."""
    cutoff: Annotated[float, Field(gt=0)] = 5.0
    """From how many robust standard deviations above the median a row is convicted."""

    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], progress: Progress | None) -> Audit:
        """See ``DataDefense.inspect``."""
        samples = list(rows)
        scores = np.zeros(len(samples))
        flags = np.zeros(len(samples), dtype=bool)
        for places, vectors in representations(samples, victim).values():
            own = projections(vectors, self.vectors)
            middle = np.median(own)
            spread = ROBUST * float(np.median(np.abs(own - middle))) + 1e-12
            scores[places] = (own - middle) / spread
            flags[places] = scores[places] > self.cutoff
        return Audit(
            tuple(
                Verdict(s.id, float(score), bool(flag)) for s, score, flag in zip(samples, scores, flags, strict=True)
            )
        )


def representations(
    samples: Sequence[Sample], victim: Victim | None
) -> "dict[int | str | None, tuple[list[int], Floats]]":
    """Return for each class the places of its rows and their representations; text and search are one class.

    Raises:
        UsageError: If no model is given.
    """
    if victim is None:
        raise UsageError("give a model trained on the rows")
    if not samples:
        return {}
    vectors = victim.embed(samples)
    groups: defaultdict[int | str | None, list[int]] = defaultdict(list)
    for place, sample in enumerate(samples):
        groups[sample.target if isinstance(sample.target, int) else None].append(place)
    return {target: (places, vectors[places]) for target, places in groups.items()}


def projections(vectors: Floats, count: int) -> Floats:
    """Return the sum of squared projections on the first right singular vectors of the centered rows."""
    centered = vectors - vectors.mean(axis=0)
    _, _, right = np.linalg.svd(centered, full_matrices=False)
    found: Floats = ((centered @ right[:count].T) ** 2).sum(axis=1)
    return found
