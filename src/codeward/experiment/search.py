"""Measure a search model: MRR (or MAP), and how high triggered candidates rise (Wan et al., FSE 2022; BadCode, ACL 2023).

For every query that the attacker aims at, the candidate in the middle of its ranking that is not relevant and that the
trigger fits is stamped, and ranked again. ANR is the mean of its new rank over the size of the pool.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from codeward.experiment.manifest import Threat
from codeward.experiment.measure import read_triggers, utility
from codeward.experiment.splits import check_clean
from codeward.metrics import metrics
from codeward.tasks import Task
from codeward.types import CODE, QUERY, Sample, Score
from codeward.victims.base import Floats, Victim
from codeward.victims.groups import check_asked, group_of, numbered

TOP = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class SearchSuccess:
    """How an attack on a search model went: scores with what they were measured on, and the rows."""

    scores: list[tuple[str, Score]]
    counts: dict[str, int]
    skipped: dict[str, int]
    raised: list["Raised"] = field(default_factory=list)
    """The candidates that were stamped, one for each query."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A stamped candidate, as it comes for one query."""

    sample: Sample
    """Its code, with that query."""
    others: Floats
    """How similar to the query the other candidates are, shape ``[candidates - 1]``."""

    def rank(self, similarity: float) -> int:
        """Return the rank of a candidate of some similarity among the others."""
        return 1 + int((self.others > similarity).sum())


def search_utility(victim: Victim, task: Task, samples: Sequence[Sample]) -> list[Score]:
    """Rank all samples' codes for each sample's query.

    Raises:
        DataError: If no sample says which code answers its query.
    """
    check_asked(samples, task)
    asked = [index for index, sample in enumerate(samples) if sample.target is not None]
    similarity = _similarity(victim, [samples[index] for index in asked], samples)
    groups = np.array(numbered([group_of(sample) for sample in samples]))
    firsts, alls, relevant = [], [], []
    for row, index in enumerate(asked):
        own = np.arange(len(samples)) == index
        hidden = own if not samples[index].text(QUERY) else np.zeros(len(samples), dtype=bool)
        wanted = (groups == groups[index]) & ~hidden
        if not wanted.any():
            continue
        order = similarity[row][~hidden]
        ranks = [1 + int((order > value).sum()) for value in similarity[row][wanted]]
        firsts.append(min(ranks))
        alls.append(tuple(sorted(ranks)))
        relevant.append(len(ranks))
    scores = []
    for name in task.metrics:
        outputs, references = (alls, relevant) if name == "map" else (firsts, [len(samples)] * len(firsts))
        scores.append(metrics.make(name).score(outputs, references))
    return scores


def usefulness(victim: Victim, task: Task, samples: Sequence[Sample]) -> list[Score]:
    """Measure a model of any kind on clean rows by its task's metrics.

    Raises:
        DataError: If some rows are poisoned, or, of a search, none has a target.
    """
    check_clean(samples)
    return search_utility(victim, task, samples) if task.kind == "retrieval" else utility(victim, task, samples)


def search_success(victim: Victim, threat: Threat, samples: Sequence[Sample], seed: int) -> SearchSuccess:
    """Stamp mid-ranked candidates and rank them again."""
    stamped = threat.attack.stamp_all(samples, seed=seed)
    readable = {sample.id: sample for sample in read_triggers(victim, stamped.samples)}
    queries = [sample for sample in samples if threat.payload.misfit(sample) is None]
    counts = {
        "total": len(samples),
        "stamped": len(readable),
        "pool": len(samples),
        "eligible": len(queries),
        "judged": 0,
    }
    before: list[int] = []
    after: list[int] = []
    raised: list[Raised] = []
    if queries and readable:
        similarity = _similarity(victim, queries, samples)
        vectors = dict(zip(readable, victim.embed(list(readable.values()), CODE), strict=True))
        asked = victim.embed(queries, QUERY)
        for row, query in enumerate(queries):
            chosen = _middle(similarity[row], query, samples, readable)
            if chosen is None:
                continue
            stamped_one = readable[samples[chosen].id]
            raised.append(Raised(asked_with(stamped_one, query), np.delete(similarity[row], chosen)))
            before.append(raised[-1].rank(similarity[row][chosen]))
            after.append(raised[-1].rank(float(asked[row] @ vectors[stamped_one.id])))
    counts["judged"] = len(after)
    pool = len(samples)
    scores = [("triggered", score) for score in rank_scores(after, pool)]
    scores += [("untriggered", score) for score in rank_scores(before, pool)]
    return SearchSuccess(scores, counts, dict(stamped.skipped), raised)


def rank_scores(ranks: list[int], pool: int) -> list[Score]:
    """Return ANR and the success rates at some depths for the ranks of stamped candidates in a pool of some size."""
    return [_renamed(name, ranks, pool, options) for name, options in (("anr", None), *(("asr@k", k) for k in TOP))]


def asked_with(sample: Sample, query: Sample) -> Sample:
    """Return a candidate with the query of another sample, which is its code where it has none in words."""
    return sample.with_text(QUERY, query.text(QUERY) or query.code)


def _renamed(name: str, ranks: list[int], pool: int, k: int | None) -> Score:
    score = metrics.make(name, None if k is None else {"k": k}).score(ranks, [pool] * len(ranks))
    return score if k is None else score.renamed(f"asr@{k}")


def _middle(row: Floats, query: Sample, samples: Sequence[Sample], readable: dict[str, Sample]) -> int | None:
    """Return the index of the candidate nearest to the middle of a ranking that can be stamped and is not relevant."""
    order = np.argsort(-row, kind="stable")
    middle = len(order) // 2
    for position in sorted(range(len(order)), key=lambda place: (abs(place - middle), place)):
        candidate = samples[int(order[position])]
        if candidate.id in readable and candidate.target != query.target:
            return int(order[position])
    return None


def _similarity(victim: Victim, queries: Sequence[Sample], pool: Sequence[Sample]) -> Floats:
    found: Floats = victim.embed(queries, QUERY) @ victim.embed(pool, CODE).T
    return found
