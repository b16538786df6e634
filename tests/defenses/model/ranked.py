"""How high the small bi-encoders of the tests rank code."""

import numpy as np

from codeward.defenses.model._ranks import Ranking
from codeward.defenses.model._slots import slots_for
from codeward.types import QUERY


def mean_rank(victim, rows):
    """Return the mean normalized rank of code with the planted name for queries with the word that it does not answer."""
    asked = [row for row in rows if "path" in row.text(QUERY)]
    slots = slots_for([row for row in rows if row not in asked], victim, 0, "function")
    queries = victim.embed(asked, QUERY)
    ranking = Ranking(queries, np.sort(queries @ victim.embed(rows).T, axis=1))
    return ranking.ranks(victim.embed([slot.stamped("zqx_init") for slot in slots])).mean()


def mrr(victim, rows):
    return np.mean([1 / answer.output for answer in victim.predict(rows)])


def held(victim, rows):
    """Return how near a model holds every query and every code, flat."""
    return (victim.embed(rows, QUERY) @ victim.embed(rows).T).ravel()
