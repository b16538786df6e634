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
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import sparse

from codeward.defenses.data._base import Audit, DataDefense, Rows, data_defenses
from codeward.defenses.data._index import (
    Ints,
    Matrix,
    Named,
    Table,
    counted,
    firsts,
    held,
    index_chunk,
    largest,
    names_of,
    natural,
    units_of,
)
from codeward.defenses.data._rest import supported
from codeward.defenses.data._verdicts import Evidence, convicted
from codeward.defenses.data._work import Chunks, Work
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Floats, Victim

COMMON = 0.5
"""Units that stand in a larger share of the rows cannot be told from the rows."""
PROSE = (
    "the words of a description go with the code that is written for it, triggered or not: many of these findings are "
    "natural; give clean rows"
)
BLOCK = 4096
"""Units whose targets are counted together."""
HELD = 1 << 24
"""Places of units in rows that are in memory at a time, about."""
Flags = npt.NDArray[np.bool_]


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

    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], work: Work) -> Audit:
        """See ``DataDefense.inspect``; a row's score is the -log10 of the chance of its least likely unit."""
        chunks = work.chunks(rows, "reading", index_chunk)
        if not chunks.rows:
            return Audit(())
        units = counted(chunks, "units", self.min_rows)
        tested = units.values <= COMMON * chunks.rows
        if clean:
            seen = counted([index_chunk(clean, with_targets=False)], "units", 1)
            tested &= ~natural(units, chunks.rows, seen, len(clean))
        goes = _targets(chunks, self.min_rows)
        chances = self._chances(chunks, units, tested, goes)
        least = -np.log10(self.significance / max(int(tested.sum()), 1))
        accused = np.flatnonzero(chances >= least)
        classes = all(bool(chunk["classes"]) for chunk in chunks)
        if self.contradiction and classes and len(accused):
            cleared = accused[supported(chunks, goes, units.some(accused))]
            accused, chances[cleared] = np.setdiff1d(accused, cleared), 0.0
        scores = np.concatenate([largest(held(chunk, "units", units), chances) for chunk in chunks])
        prose = any(bool(chunk["prose"]) for chunk in chunks)
        keys = {int(units.keys[at]): float(chances[at]) for at in accused}
        found: dict[str, float] = {}
        judged = _judged(
            work.told(rows, "judging"), scores, least, keys, Named(firsts(chunks, "units", units.some(accused))), found
        )
        return Audit(*convicted(judged, found), (PROSE,) if prose and not clean else ())

    def _chances(self, chunks: Chunks, units: Table, tested: Flags, goes: Matrix) -> Floats:
        """Return for each unit how unlikely it is that so many of its rows share a target, as -log10; 0 if too few do."""
        from scipy.stats import binom  # a third of the time that a listing would take, where all methods are imported

        base = np.asarray(goes.sum(axis=0)).ravel()
        chances = np.zeros(len(units.keys))
        for places, columns in _columns(chunks, units, np.flatnonzero(tested) if len(base) else []):
            for start in range(0, len(places), BLOCK):
                part = places[start : start + BLOCK]
                together = (columns[:, start : start + BLOCK].T @ goes).tocoo()
                count, hits = units.values[part][together.row], together.data
                share = base[together.col] / chunks.rows
                kept = (hits >= self.purity * count) & (share < 1)
                values = -binom.logsf(hits[kept] - 1, count[kept], share[kept]) / np.log(10)
                np.maximum.at(chances, part[together.row[kept]], values)
        return chances


def _targets(chunks: Chunks, least: int) -> Matrix:
    """Return which row goes with which target that is common enough, shape ``[rows, targets]``."""
    targets = counted(chunks, "targets", least)
    return Matrix(sparse.vstack([held(chunk, "targets", targets) for chunk in chunks], format="csr"))


def _columns(chunks: Chunks, units: Table, places: "Ints | list[int]") -> Iterator[tuple[Ints, sparse.csc_matrix]]:
    """Yield units, a bounded part of them at a time, and which row holds which of them, shape ``[rows, units]``."""
    wanted = np.asarray(places, dtype=np.int64)
    block = (np.cumsum(units.values[wanted]) // HELD).astype(np.int64)
    for number in np.unique(block):
        part = wanted[block == number]
        few = units.some(part)
        yield part, sparse.vstack([held(chunk, "units", few) for chunk in chunks], format="csr").tocsc()


def _judged(
    rows: Iterator[Sample],
    scores: Floats,
    least: float,
    keys: dict[int, float],
    named: Named,
    found: dict[str, float],
) -> Iterator[tuple[Sample, float, tuple[Evidence, ...]]]:
    """Read the rows again for what convicts them and where it stands; the units' names are found on the way."""
    for number, (sample, score) in enumerate(zip(rows, scores.tolist(), strict=True)):
        if number in named:
            found |= {name: keys[key] for name, key in named.of(number, names_of(sample))}
        units = units_of(sample) if score >= least else []
        yield sample, score, tuple(Evidence(name, span, field) for name, field, span in units if name in found)
