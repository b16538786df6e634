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
have none. No clean rows are used. Ours: a backdoor's keyword stands in rows of the target only, whereas what a model has learned
to look at stands in rows of all classes, more or less often: a keyword convicts only if almost all rows that hold it, of all
rows, are of its class, beyond chance.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from codeward.defenses.data._base import data_defenses
from codeward.defenses.data._keywords import Group, Key, KeywordAudit, Keywords, Row, effects, group_of, name_of
from codeward.defenses.data._work import Work
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Victim

ROBUST = 1.4826


@data_defenses.register("bki")
@method
class BackdoorKeywords(KeywordAudit):
    """Keywords whose deletion moves the representation of many rows of one class."""

    keywords: Annotated[int, Field(ge=1)] = 5
    """How many keywords a row has."""
    cutoff: Annotated[float, Field(gt=0)] = 3.0
    """From how many robust standard deviations above the median of its class's keywords one can convict."""
    top: Annotated[int, Field(ge=1)] = 1
    """How many keywords convict, at most."""
    purity: Annotated[float, Field(ge=0, le=1)] = 0.97
    """Which share of the rows that hold a keyword has to be of its class; 0: any, as published."""
    significance: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    """Chance that any keyword of a clean set goes with its class so (Bonferroni over all keywords); not asked at purity 0."""

    def scored(self, chosen: Sequence[Row], victim: Victim, clean: Sequence[Sample], work: Work) -> Keywords:
        """See ``KeywordAudit.scored``; in robust standard deviations."""
        found: defaultdict[Key, list[float]] = defaultdict(list)
        for row, moved in zip(chosen, effects(chosen, victim, work), strict=True):
            best = sorted(zip(moved.tolist(), map(name_of, row.parts), strict=True), reverse=True)[: self.keywords]
            for effect, name in best:
                found[group_of(row.sample), name].append(effect)
        values = {key: float(np.mean(own) * np.log10(len(own))) for key, own in found.items() if len(own) > 1}
        scores = standing_out(values)
        return Keywords(scores, self.cutoff, self.purity, self.significance / max(len(scores), 1), self.top)


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
