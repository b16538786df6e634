"""How evenly a model's confidence rests on the parts of an input: what CodePurify judges by (section 3.3)."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from codeward.defenses._elements import Element
from codeward.defenses.input._base import Examination

EXPLAINED = 0.8
"""The share of an outer statement's worth from which on an inner one explains it."""
STRONG = 4.0
"""A fall of a text's log-likelihood, in nats, that counts for 63 %."""


def most_suspicious(parts: Sequence[Element], count: int, *, weighed: bool, nested: bool) -> Examination:
    """Judge each piece of the answer by itself by the elements that were hidden; the most suspicious one counts.

    Args:
        parts: The elements, with what each piece falls without them.
        count: How many elements there are; with some left out the suspicion is a bound.
        weighed: Whether the scores are falls of a log-likelihood, of which a small one says little, however alone it stands.
        nested: Whether a statement counts beside one within it that explains most of its score.
    """
    pieces = max((len(part.falls) for part in parts), default=0)
    judged = [
        _judged([replace(part, score=part.falls[piece]) for part in parts], count, weighed=weighed, nested=nested)
        for piece in range(pieces)
    ]
    if not judged:
        return _judged(parts, count, weighed=weighed, nested=nested)
    return max(judged, key=lambda each: each.suspicion)


def _judged(parts: Sequence[Element], count: int, *, weighed: bool, nested: bool) -> Examination:
    hidden = set() if nested else explained([replace(part, novelty=1.0) for part in parts])
    last = set() if nested else explained(parts)
    order = sorted(range(len(parts)), key=lambda at: (at in last, -parts[at].worth, parts[at].kind == "identifier"))
    kept = [part.score for at, part in enumerate(parts) if at not in hidden]
    raw, evenness = entropy(kept)
    if len(parts) < count:
        evenness = raw / float(np.log(count))
    details = {"entropy": raw, "evenness": evenness, "elements": float(len(kept))}
    most = max(kept, default=0.0)
    weight = strength(most) if weighed else 1.0
    if most > 0:
        weight *= max(part.worth for part in parts) / max(part.score for part in parts)
    return Examination(weight * (1.0 - evenness), tuple(parts[at] for at in order), details)


def strength(fall: float) -> float:
    """Return how much a fall of a text's log-likelihood counts, from 0 to 1.

    Args:
        fall: In nats, at least 0.
    """
    return 1.0 - math.exp(-fall / STRONG)


def piece_of(element: Element) -> int:
    """Return for which piece of the answer an element was judged."""
    return element.falls.index(element.score)


def explained(parts: Sequence[Element]) -> set[int]:
    """Return the places of the statements most of whose worth one within them has, too."""
    statements = [at for at, part in enumerate(parts) if part.kind == "statement"]
    return {
        outer
        for outer in statements
        for inner in statements
        if inner != outer
        and parts[inner].field == parts[outer].field
        and parts[outer].spans[0].contains(parts[inner].spans[0])
        and parts[inner].worth >= EXPLAINED * parts[outer].worth
    }


def entropy(scores: Sequence[float]) -> tuple[float, float]:
    """Return the entropy of scores in nats, and its share of the largest possible one (1 where nothing stands out).

    Args:
        scores: At least 0 each; section 3.3 divides each by their sum.
    """
    values = np.asarray(scores, dtype=np.float64)
    total = values.sum()
    if len(values) < 2 or not total > 0:
        return 0.0, 1.0
    shares = values[values > 0] / total
    raw = float(-(shares * np.log(shares)).sum())
    raw = max(0.0, raw)
    return raw, min(raw / float(np.log(len(values))), 1.0)
