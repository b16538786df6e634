"""Spectral signature: poisoned rows stand out along the first singular vectors of their class (Tran et al., NeurIPS 2018).

For code, Ramakrishnan and Albarghouthi (ICPR 2022) found that the first vector alone is weak; ``vectors`` sums the squared
projections on several. The model is one trained on the rows. Departure: the paper removes 1.5 times a poison rate that it is
told; here rows are convicted by how far their score stands from the class's median in robust standard deviations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from codeward.defenses.data._base import Audit, ModelAudit, Rows, data_defenses
from codeward.defenses.data._verdicts import Verdict, Verdicts
from codeward.defenses.data._work import Arrays, Work
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Floats, Victim

ROBUST = 1.4826


EMBEDDED = 1024
"""Rows that are embedded together."""


@data_defenses.register("spectral")
@method
class Spectral(ModelAudit):
    """Rows that stand out along the first singular vectors of their class's representations."""

    vectors: Annotated[int, Field(ge=1)] = 3
    """How many singular vectors."""
    cutoff: Annotated[float, Field(gt=0)] = 5.0
    """From how many robust standard deviations above the median a row is convicted."""

    def judge(self, rows: Rows, victim: Victim, clean: Sequence[Sample], work: Work) -> Audit:
        """See ``ModelAudit.judge``."""
        embedded = Embedded.of(rows, victim, work)
        scores = np.zeros(len(embedded.ids))
        for places, vectors in embedded.groups():
            own = projections(vectors, self.vectors)
            middle = np.median(own)
            spread = ROBUST * float(np.median(np.abs(own - middle))) + 1e-12
            scores[places] = (own - middle) / spread
        return embedded.audit(scores, scores > self.cutoff)


@dataclass(frozen=True, slots=True)
class Embedded:
    """The representations of all rows."""

    ids: tuple[str, ...]
    vectors: Floats
    """Shape ``[rows, dimensions]``."""
    targets: "npt.NDArray[np.int64]"
    """The class of each row; -1 for text and search, which are one class."""

    @classmethod
    def of(cls, rows: Rows, victim: Victim, work: Work) -> "Embedded":
        """Embed rows, some at a time."""

        def compute(part: list[Sample]) -> Arrays:
            targets = [sample.target if isinstance(sample.target, int) else -1 for sample in part]
            ids = np.array([sample.id for sample in part])
            return {"vectors": victim.embed(part), "targets": np.array(targets), "ids": ids}

        chunks = list(work.chunks(rows, "embedding", compute, EMBEDDED))
        if not chunks:
            return cls((), np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
        ids = tuple(name for chunk in chunks for name in chunk["ids"].tolist())
        return cls(ids, *(np.concatenate([chunk[name] for chunk in chunks]) for name in ("vectors", "targets")))

    def groups(self) -> "Iterator[tuple[npt.NDArray[np.int64], Floats]]":
        """Yield for each class the places of its rows and their representations."""
        for target in np.unique(self.targets):
            places = np.flatnonzero(self.targets == target)
            yield places, self.vectors[places]

    def audit(self, scores: Floats, flags: "npt.NDArray[np.bool_]") -> Audit:
        """Return the verdicts; nothing in a row is evidence."""
        verdicts = Verdicts()
        for name, score, flag in zip(self.ids, scores.tolist(), flags.tolist(), strict=True):
            verdicts.add(Verdict(name, score, flag))
        return Audit(verdicts)


def projections(vectors: Floats, count: int) -> Floats:
    """Return the sum of squared projections on the first right singular vectors of the centered rows."""
    centered = vectors - vectors.mean(axis=0)
    _, _, right = np.linalg.svd(centered, full_matrices=False)
    found: Floats = ((centered @ right[:count].T) ** 2).sum(axis=1)
    return found
