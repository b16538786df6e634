"""What the rest of a row says: the rows of a natural unit speak for their target without it, those of a trigger do not."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from codeward.defenses.data._index import Ints, Matrix, Table, counted, held
from codeward.defenses.data._work import Chunks
from codeward.victims.base import Floats

FOLDS = 5
"""Of the classifier that judges the rest of a row."""
LEARNED = 100_000
"""Rows from which it is learned, at most, evenly drawn."""
LEAST = 2
"""In how many rows a unit has to stand for the classifier to learn from it."""
SURE = 3.0
"""Standard errors by which the rest of a unit's rows has to speak for their target, and the classifier has to know any."""


def supported(chunks: Chunks, goes: Matrix, accused: Table) -> "npt.NDArray[np.bool_]":
    """Return for which accused units the rest of their rows speaks for the rows' target, too: these are natural.

    A linear classifier of all other units is trained on the rows that hold no accused unit, so that it knows nothing of a
    trigger. The rows of a trigger come from other classes: the classifier believes their target no more than it does for
    rows of other targets.

    Args:
        chunks: The rows.
        goes: The class of each row, shape ``[rows, classes]``; rows of a rare class have none.
        accused: The accused units.
    """
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import cross_val_predict

    nothing = np.zeros(len(accused.keys), dtype=bool)
    labels = _labels(goes)
    suspects = _Suspects(chunks, accused)
    free, common = suspects.free_rows(chunks, labels)
    free = free[np.linspace(0, len(free) - 1, min(len(free), LEARNED)).astype(np.int64)]
    counts = np.bincount(labels[free], minlength=goes.shape[1])
    if (counts > 0).sum() < 2 or counts[counts > 0].min() < FOLDS:
        return nothing
    inputs = suspects.rest_of(chunks, free)
    model = SGDClassifier(loss="log_loss", alpha=1e-4, random_state=0)
    known = cross_val_predict(model, inputs, labels[free], cv=FOLDS, method="predict_proba")
    model.fit(inputs, labels[free])
    column = np.full(goes.shape[1], -1)
    column[model.classes_] = np.arange(len(model.classes_))
    believed_of, sizes = suspects.believed(chunks, model, column[common])
    found = nothing.copy()
    for number in np.flatnonzero(column[common] >= 0):
        believed = known[:, column[common[number]]]
        mine = labels[free] == common[number]
        own, other = believed[mine], believed[~mine]
        power, spread = own.mean() - other.mean(), believed.std()
        rise = believed_of[number] - other.mean()
        able = power > SURE * spread * (1 / len(own) + 1 / len(other)) ** 0.5
        found[number] = able and rise > max(power / 2, SURE * spread / sizes[number] ** 0.5)
    return found


class _Suspects:
    """Accused units, and all others as the inputs of a classifier."""

    def __init__(self, chunks: Chunks, accused: Table) -> None:
        units = counted(chunks, "units", LEAST)
        other = accused.numbers(units.keys) < 0
        self.accused = accused
        self.others = Table(units.keys[other], units.values[other])

    def free_rows(self, chunks: Chunks, labels: Ints) -> tuple[Ints, Ints]:
        """Return the rows that hold no accused unit and have a class, and the commonest class of each accused unit's rows."""
        free: list[Ints] = []
        counts = np.zeros((len(self.accused.keys), max(int(labels.max(initial=0)) + 1, 1)), dtype=np.int64)
        start = 0
        for chunk in chunks:
            own = held(chunk, "units", self.accused)
            end = start + own.shape[0]
            classes = labels[start:end]
            free.append(start + np.flatnonzero((np.diff(own.indptr) == 0) & (classes >= 0)))
            pairs = own.tocoo()
            known = classes[pairs.row] >= 0
            np.add.at(counts, (pairs.col[known], classes[pairs.row[known]]), 1)
            start = end
        return np.concatenate(free), counts.argmax(axis=1)

    def rest_of(self, chunks: Chunks, rows: Ints) -> Matrix:
        """Return the other units of some rows, each row of length 1."""
        found, start = [], 0
        for chunk in chunks:
            own = held(chunk, "units", self.others)
            end = start + own.shape[0]
            found.append(own[rows[(rows >= start) & (rows < end)] - start])
            start = end
        return _unit(sparse.vstack(found, format="csr"))

    def believed(self, chunks: Chunks, model: Any, column: Ints) -> tuple[Floats, Ints]:
        """Return how much the rest of each accused unit's rows is believed to speak for its class, on average, and how many they are."""
        sums, sizes = np.zeros(len(column)), np.zeros(len(column), dtype=np.int64)
        for chunk in chunks:
            pairs = held(chunk, "units", self.accused).tocoo()
            rows, places = np.unique(pairs.row, return_inverse=True)
            if len(rows):
                chances = model.predict_proba(_unit(held(chunk, "units", self.others)[rows]))
                np.add.at(sums, pairs.col, chances[places, column[pairs.col]])
                np.add.at(sizes, pairs.col, 1)
        return sums / np.maximum(sizes, 1), sizes


def _labels(goes: Matrix) -> Ints:
    """Return the class of each row; -1 where it is rare."""
    labels = np.full(goes.shape[0], -1, dtype=np.int64)
    labels[np.diff(goes.indptr) > 0] = goes.indices
    return labels


def _unit(matrix: Matrix) -> Matrix:
    from sklearn.preprocessing import normalize

    scaled: Matrix = normalize(matrix.astype(np.float64)).tocsr()
    return scaled
