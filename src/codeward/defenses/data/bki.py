"""Backdoor keyword identification: words that move the representation of many rows (Chen and Dai, Neurocomputing 2021, arXiv 2007.12070).

Each word of a row is deleted in turn; its effect is the largest change of any dimension of the row's representation. The
five words of the largest effect are a row's keywords. A keyword's score is its mean effect times the logarithm of how many
rows have it as one of their keywords. The keyword of the highest score is taken for the backdoor's, and the rows that hold
it are taken out.

Departures: code has identifiers (deleted everywhere at once) and statements for words, so that a trigger of several tokens is
one word; the model is any classifier, generator or retriever, not an LSTM, and its representation the mean of the last hidden
states; keywords are counted class by class, and convict rows of their class only, since a poisoned row has the target's; at
most ``examined`` rows of a class are looked at; scores are compared between classes by how far their logarithm stands from
the class's median in robust standard deviations, and the highest convicts only from ``cutoff`` on, so that a clean set may
have none. No clean rows are used.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from codeward.defenses.data._base import Audit, DataDefense, Progress, Rows, data_defenses
from codeward.defenses.data._keywords import Group, Key, audit_by, effects, group_of, looked_at, name_of
from codeward.errors import UsageError
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Victim

ROBUST = 1.4826


@data_defenses.register("bki")
@method
class BackdoorKeywords(DataDefense):
    """Keywords whose deletion moves the representation of many rows of one class."""

    needs_model: ClassVar[bool] = True
    keywords: Annotated[int, Field(ge=1)] = 5
    """How many keywords a row has."""
    cutoff: Annotated[float, Field(gt=0)] = 3.0
    """From how many robust standard deviations above the median of its class's keywords one can convict."""
    top: Annotated[int, Field(ge=1)] = 1
    """How many keywords convict, at most."""
    min_rows: Annotated[int, Field(ge=2)] = 4
    """In how many of the rows of its class that are looked at a keyword has to stand."""
    examined: Annotated[int, Field(ge=1)] = 500
    """How many rows of each class are looked at."""
    seed: int = 0

    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], progress: Progress | None) -> Audit:
        """See ``DataDefense.inspect``; a row's score is its keywords' highest, in robust standard deviations."""
        if victim is None:
            raise UsageError("give a model trained on the rows")
        chosen = looked_at(rows, victim, limit=self.examined, min_rows=self.min_rows, seed=self.seed, progress=progress)
        found: defaultdict[Key, list[float]] = defaultdict(list)
        for row, moved in zip(chosen, effects(chosen, victim, progress), strict=True):
            best = sorted(zip(moved.tolist(), map(name_of, row.parts), strict=True), reverse=True)[: self.keywords]
            for effect, name in best:
                found[group_of(row.sample), name].append(effect)
        values = {key: float(np.mean(own) * np.log10(len(own))) for key, own in found.items() if len(own) > 1}
        scores = standing_out(values)
        last = sorted(scores.values(), reverse=True)[: self.top][-1:]
        return audit_by(rows, scores, max([self.cutoff, *last]), progress)


def standing_out(values: Mapping[Key, float]) -> dict[Key, float]:
    """Return by how many robust standard deviations the logarithm of each value is above the median of its group."""
    groups: defaultdict[Group, list[Key]] = defaultdict(list)
    for key, value in values.items():
        if value > 0:
            groups[key[0]].append(key)
    found: dict[Key, float] = {}
    for keys in groups.values():
        logs = np.log([values[key] for key in keys])
        spread = ROBUST * float(np.median(np.abs(logs - np.median(logs)))) + 1e-6
        found |= dict(zip(keys, ((logs - np.median(logs)) / spread).tolist(), strict=True))
    return found
