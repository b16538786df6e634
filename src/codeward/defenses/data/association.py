"""Label association (ours): a trigger is a part of the input that goes with one target as nothing natural does.

A poisoned row is relabelled, so whatever the trigger is made of stands in rows of the target alone. For each token, each
beginning and end of a name, each sum of numbers and each statement template that occurs often enough, the rows
that hold it are compared with all rows: how many of them have one target, and how likely that is by chance (a binomial test;
the search for artifacts in data sets does it so: Gardner et al., EMNLP 2021). A unit convicts its rows if almost all of them
share the target, far beyond chance. For generated text the targets of a row are the tokens and templates that its reference
adds to its input.

It needs no model and no clean code (with some, what is about as common there convicts nobody), and judges only what is
statistically possible: a unit in fewer than ``min_rows`` rows convicts nobody, and an artifact of collection (a project's own
name, if all its functions have one label) looks the same as a trigger; the findings show both, so that a person can tell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy import sparse
from scipy.stats import binom

from codeward.defenses.data._base import (
    Audit,
    DataDefense,
    Evidence,
    Progress,
    Rows,
    convicted,
    data_defenses,
    told,
)
from codeward.defenses.data._index import Counts, Index, units_of
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Floats, Victim

NATURAL = 0.25
"""A unit is natural if its share of clean rows is at least so much of its share of the rows that are judged."""
COMMON = 0.5
"""Units that stand in a larger share of the rows cannot be told from the rows."""
FOLDS = 5
"""Of the classifier that judges the rest of a row."""
LEARNED = 100_000
"""Rows from which it is learned, at most, evenly drawn."""
SURE = 3.0
"""Standard errors by which the rest of a unit's rows has to speak for their target, and the classifier has to know any."""
PROSE = (
    "the words of a description go with the code that is written for it, triggered or not: many of these findings are "
    "natural; give clean rows"
)
BLOCK = 4096
"""Units whose targets are counted together."""


@data_defenses.register("association")
@method
class Association(DataDefense):
    """Tokens and statement templates that go with one target far beyond chance."""

    min_rows: Annotated[int, Field(ge=2)] = 8
    """In how many rows a unit has to stand."""
    purity: Annotated[float, Field(gt=0.5, le=1)] = 0.97
    """Which share of these rows has to have one target."""
    contradiction: bool = True
    """For classes: whether the rest of a unit's rows has to speak for other targets, as it does where rows are relabelled."""
    significance: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    """Chance that any unit of a clean set convicts (Bonferroni over the units that stand in enough rows)."""

    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], progress: Progress | None) -> Audit:
        """See ``DataDefense.inspect``; a row's score is the -log10 of the chance of its least likely unit."""
        index = Index.of(told(rows, "reading", progress))
        if not index.ids:
            return Audit(())
        held = index.units.matrix()
        counts = np.asarray(held.sum(axis=0)).ravel()
        tested = (counts >= self.min_rows) & (counts <= COMMON * len(index.ids))
        tested &= ~self._natural(index, counts, clean)
        chances = self._chances(index, held, counts, tested)
        least = -np.log10(self.significance / max(int(tested.sum()), 1))
        names = index.units.names()
        accused = np.flatnonzero(chances >= least)
        if self.contradiction and len(accused):
            accused = accused[~_supported(index, held, accused)]
        convicting = {str(names[at]): float(chances[at]) for at in accused}
        cleared = chances >= least
        cleared[accused] = False
        left = np.where(cleared, 0.0, chances)
        weighted: Any = held.multiply(left[None, :]) if left.any() else held * 0
        scores = np.asarray(weighted.tocsr().max(axis=1).todense()).ravel()
        audit = self._audit(rows, scores, least, convicting, progress)
        return replace(audit, notes=(PROSE,)) if index.prose and not clean else audit

    def _natural(self, index: Index, counts: Counts, clean: Sequence[Sample]) -> "np.typing.NDArray[np.bool_]":
        """Return which units clean code holds about as often: what a project's functions have in common."""
        found = np.zeros(len(counts), dtype=bool)
        if clean:
            seen = Index.of(clean, with_targets=False)
            shares = np.asarray(seen.units.matrix().sum(axis=0)).ravel() / len(clean)
            for name, number in seen.units.numbers.items():
                at = index.units.numbers.get(name)
                if at is not None:
                    found[at] = shares[number] >= NATURAL * counts[at] / len(index.ids)
        return found

    def _chances(
        self, index: Index, held: sparse.csr_matrix, counts: Counts, tested: "np.typing.NDArray[np.bool_]"
    ) -> Floats:
        """Return for each unit how unlikely it is that so many of its rows share a target, as -log10; 0 if too few do."""
        goes = index.targets.matrix()
        total = len(index.ids)
        base = np.asarray(goes.sum(axis=0)).ravel()
        common = np.flatnonzero(base >= self.min_rows)
        chances = np.zeros(len(counts))
        columns, targets = held.tocsc(), goes.tocsc()[:, common]
        places = np.flatnonzero(tested)
        for start in range(0, len(places) if len(common) else 0, BLOCK):
            part = places[start : start + BLOCK]
            together = (columns[:, part].T @ targets).tocoo()
            count, hits, share = counts[part][together.row], together.data, base[common][together.col] / total
            kept = (hits >= self.purity * count) & (share < 1)
            values = -binom.logsf(hits[kept] - 1, count[kept], share[kept]) / np.log(10)
            np.maximum.at(chances, part[together.row[kept]], values)
        return chances

    def _audit(
        self,
        rows: Rows,
        scores: Floats,
        least: float,
        convicting: dict[str, float],
        progress: Progress | None,
    ) -> Audit:
        """Read the rows again for what convicts them and where it stands."""

        def judged() -> Iterator[tuple[Sample, float, tuple[Evidence, ...]]]:
            for sample, score in zip(told(rows, "judging", progress), scores, strict=True):
                units = units_of(sample) if score >= least else []
                yield (
                    sample,
                    float(score),
                    tuple(Evidence(name, span, field) for name, field, span in units if name in convicting),
                )

        return Audit(*convicted(judged(), convicting))


def _supported(
    index: Index, held: sparse.csr_matrix, accused: "np.typing.NDArray[np.int64]"
) -> "np.typing.NDArray[np.bool_]":
    """Return for which units the rest of their rows speaks for the rows' target, too: these are natural.

    A linear classifier of all other units is trained on the rows that hold no accused unit, so that it knows nothing of a
    trigger. The rows of a trigger come from other classes: the classifier believes their target no more than it does for
    rows of other targets.
    """
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import cross_val_predict
    from sklearn.preprocessing import normalize

    nothing = np.zeros(len(accused), dtype=bool)
    if not all(isinstance(target, int) for target in index.targets.numbers):
        return nothing
    labels = index.targets.matrix().indices
    free = np.flatnonzero(np.asarray(held[:, accused].sum(axis=1)).ravel() == 0)
    free = free[np.linspace(0, len(free) - 1, min(len(free), LEARNED)).astype(np.int64)]
    counts = np.bincount(labels[free], minlength=len(index.targets.numbers))
    if (counts > 0).sum() < 2 or counts[counts > 0].min() < FOLDS:
        return nothing
    others = np.setdiff1d(np.arange(held.shape[1]), accused)

    def rest(rows: Any) -> sparse.csr_matrix:
        inputs: sparse.csr_matrix = normalize(held[rows][:, others].astype(np.float64)).tocsr()
        return inputs

    inputs, columns, found = rest(free), held[:, accused].tocsc(), nothing.copy()
    model = SGDClassifier(loss="log_loss", alpha=1e-4, random_state=0)
    known = cross_val_predict(model, inputs, labels[free], cv=FOLDS, method="predict_proba")
    model.fit(inputs, labels[free])
    column = {int(label): at for at, label in enumerate(model.classes_)}
    for number in range(len(accused)):
        rows = columns[:, [number]].indices
        target = int(np.bincount(labels[rows]).argmax())
        if target in column:
            believed = known[:, column[target]]
            own, other = believed[labels[free] == target], believed[labels[free] != target]
            power, spread = own.mean() - other.mean(), believed.std()
            rise = model.predict_proba(rest(rows))[:, column[target]].mean() - other.mean()
            able = power > SURE * spread * (1 / len(own) + 1 / len(other)) ** 0.5
            found[number] = able and rise > max(power / 2, SURE * spread / len(rows) ** 0.5)
    return found
