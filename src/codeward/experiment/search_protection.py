"""What an input defense does to a search: a candidate is purified, for the query that it came for, before it is ranked.

Success is counted on the stamped candidates of ``search_success``, ranked anew among the candidates that stand there already;
utility on all codes, each purified for its own query.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from codeward.defenses.input import InputDefense
from codeward.experiment.measure import row
from codeward.experiment.protection import CLEAN, TRIGGERED, Protection, detection_rows
from codeward.experiment.search import SearchSuccess, asked_with, rank_scores, search_utility
from codeward.metrics import metrics
from codeward.types import Sample
from codeward.victims.base import Victim


def protect_search(
    name: str,
    defense: InputDefense,
    victim: Victim,
    samples: Sequence[Sample],
    *,
    success: SearchSuccess | None = None,
) -> Protection:
    """Measure a calibrated defense before a search model.

    Args:
        name: What the rows of the record call it.
        defense: The defense.
        victim: The model.
        samples: Clean test rows; each is a candidate, and one with a target a query, too.
        success: The stamped candidates.
    """
    found = Protection()
    start = time.perf_counter()
    clean = defense.purify([asked_with(sample, sample) for sample in samples], victim)
    found.seconds = (time.perf_counter() - start) / max(len(samples), 1)
    pool = [replace(sample, code=each.sample.code) for sample, each in zip(samples, clean, strict=True)]
    found.scores += [row(score, name, CLEAN) for score in search_utility(victim, victim.task, pool)]
    flagged = [each.suspicious for each in clean]
    found.scores.append(row(metrics.make("fpr").score(flagged, [False] * len(flagged)), name, CLEAN))
    if success is not None:
        stamped = [each.sample for each in success.raised]
        triggered = defense.purify(stamped, victim)
        similar = victim.confidence([each.sample for each in triggered], [0] * len(triggered)) if triggered else []
        ranks = [
            each.rank(-1.0 if purified.rejected else value)
            for each, purified, value in zip(success.raised, triggered, similar, strict=True)
        ]
        found.scores += [row(score, name, TRIGGERED) for score in rank_scores(ranks, len(samples))]
        found.scores += detection_rows(name, stamped, clean, triggered)
    return found
