"""Which rows are convicted by what their decisive parts do: a trigger is shared, and goes with one label alone."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from codeward.defenses.training._transplant import Part
from codeward.victims.batching import Row

PRIOR = 4
"""A pair of tokens in no more parts than this counts as the label's median part does, for half at least."""
LEAST = 8
"""Rows that have to hold a pair that convicts."""
TINY = 1e-9

Pair = tuple[int, int]
"""Two successive tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a pair of tokens has to reach to convict the rows that hold it; see ``Isolate``."""

    effect: float
    purity: float
    significance: float
    window: int


def convicting(
    found: Mapping[int, Part],
    rows: Sequence[Row],
    labels: Sequence[int],
    bounds: Bounds,
) -> dict[int, tuple[int, ...]]:
    """Return for each convicted row the tokens that convict it.

    What a piece does in a few rows is noisy, and a natural one may do much. A trigger is shared, and since its rows are relabelled
    it goes with their label alone. So pairs of successive tokens are judged, by two things together: how much the pieces that hold
    one do on average, and how unlikely it is by chance that so many of the rows that hold it have the label. The more a pair does, the
    more of the error that is allowed goes to it (weighted Bonferroni; Genovese et al., Biometrika 2006).

    Args:
        found: The best part of each row.
        rows: All token rows.
        labels: Their classes.
        bounds: What a pair has to reach.
    """
    effects = _effects(found, labels, bounds.effect)
    wanted = {pair for _, pair in effects}
    pairs = [wanted.intersection(pairwise(row["input_ids"])) for row in rows]
    held: dict[Pair, list[int]] = defaultdict(list)
    for number, own in enumerate(pairs):
        for pair in own:
            held[pair].append(number)
    guilty = _guilty(effects, held, labels, bounds)
    return {
        number: _evidence(
            found.get(number), row["input_ids"], [pair for pair in guilty[label] if pair in own], bounds.window
        )
        for number, (row, label, own) in enumerate(zip(rows, labels, pairs, strict=True))
        if guilty[label] & own
    }


def _effects(found: Mapping[int, Part], labels: Sequence[int], least: float) -> dict[tuple[int, Pair], float]:
    """Return for labels and pairs how much the pieces that hold the pair do, as a share of the room above the label's median."""
    members: dict[int, list[int]] = defaultdict(list)
    for number in sorted(found):
        members[labels[number]].append(number)
    effects: dict[tuple[int, Pair], float] = {}
    for label, own in members.items():
        median = float(np.median([found[number].share for number in own]))
        total: dict[Pair, float] = defaultdict(float)
        count: Counter[Pair] = Counter()
        for number in own:
            for pair in set(pairwise(found[number].piece)):
                total[pair] += found[number].share
                count[pair] += 1
        for pair, shares in total.items():
            mean = (shares + PRIOR * median) / (count[pair] + PRIOR)
            effect = (mean - median) / max(1.0 - median, TINY)
            if effect >= least:
                effects[label, pair] = effect
    return effects


def _guilty(
    effects: Mapping[tuple[int, Pair], float],
    held: Mapping[Pair, Sequence[int]],
    labels: Sequence[int],
    bounds: Bounds,
) -> dict[int, set[Pair]]:
    """Return for each label the pairs that convict its rows."""
    from scipy.stats import binom  # a third of the time that a listing would take, where all methods are imported

    sizes = Counter(labels)
    weights = {key: effect**2 for key, effect in effects.items() if len(held[key[1]]) >= LEAST}
    whole = sum(weights.values())
    guilty: dict[int, set[Pair]] = defaultdict(set)
    for (label, pair), weight in weights.items():
        count = len(held[pair])
        hits = sum(labels[number] == label for number in held[pair])
        chance = float(binom.sf(hits - 1, count, sizes[label] / len(labels)))
        if hits >= bounds.purity * count and chance <= bounds.significance * weight / whole:
            guilty[label].add(pair)
    return guilty


def _evidence(part: Part | None, ids: Sequence[int], guilty: Sequence[Pair], window: int) -> tuple[int, ...]:
    """Return a row's best piece if it holds what convicts, else the tokens around that."""
    if part is not None and not set(pairwise(part.piece)).isdisjoint(guilty):
        return part.piece
    place = next(at for at, pair in enumerate(pairwise(ids)) if pair in guilty)
    start = min(max(1, place + 1 - window // 2), max(1, len(ids) - 1 - window))
    return tuple(ids[start : min(start + window, len(ids) - 1)])
