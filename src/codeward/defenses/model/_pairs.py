"""What a bi-encoder learns from pairs of query and code: which belong together, or where another model has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from codeward.types import QUERY, Sample
from codeward.victims.batching import Row
from codeward.victims.groups import group_of, numbered
from codeward.victims.retrieval import TEMPERATURE, Retriever, matching, unmistaken

Losses = Callable[[list[int]], torch.Tensor]
"""Gives the losses of some pairs, by their places."""
Vectors = Sequence[Sequence[float]]
"""A unit vector for each pair, ``[pairs, hidden]``."""
QUERIES = 0.5
"""Of the loss of a model that learns where vectors are to be: the share of the queries."""


def contrasted(victim: Retriever, samples: Sequence[Sample]) -> Losses:
    """Return the loss of its training, one for all: each pair's code is a wrong answer to the others' queries."""
    codes, queries = _rows(victim, samples)
    groups = [group_of(sample) for sample in samples]
    return lambda chosen: victim.contrast(
        [codes[at] for at in chosen], [queries[at] for at in chosen], [groups[at] for at in chosen]
    )


def placed(victim: Retriever, samples: Sequence[Sample], codes: Vectors, queries: Vectors) -> Losses:
    """Return how far codes and queries are from where they are to be, in distances over the temperature, ``[pairs]``.

    Args:
        victim: The model that learns.
        samples: The pairs.
        codes: Where their codes are to be; of the model's own size.
        queries: The same for their queries.
    """
    own = _rows(victim, samples)
    wanted = [torch.tensor(each, device=victim.device, dtype=torch.float32) for each in (codes, queries)]

    def moved(chosen: list[int]) -> torch.Tensor:
        code, query = (
            1 - (victim.vectors([rows[at] for at in chosen]) * goal[chosen]).sum(-1)
            for rows, goal in zip(own, wanted, strict=True)
        )
        return ((1 - QUERIES) * code + QUERIES * query) / TEMPERATURE

    return moved


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a teacher says to the queries of pairs, and how much that counts."""

    queries: Vectors
    weight: float
    """Of the teacher's similarities, where that of the pairs themselves is 1."""


def likened(victim: Retriever, samples: Sequence[Sample], codes: Vectors, likeness: Likeness) -> Losses:
    """Return what a student learns of a batch: which pairs belong together, and how similar a teacher holds all, ``[pairs]``.

    The one is the contrastive loss of training. The other is the divergence of the student's similarities from the teacher's,
    both over the temperature, of a query to all codes of the batch and of a code to all queries, in nats (soft and hard targets,
    Hinton et al., 2015). The teacher's vectors may be of another size.

    Args:
        victim: The student.
        samples: The pairs.
        codes: The teacher's vectors of their codes.
        likeness: The same of their queries, and how much it counts.
    """
    own_codes, own_queries = _rows(victim, samples)
    groups = torch.tensor(numbered([group_of(sample) for sample in samples]), device=victim.device)
    asked, answered = (
        torch.tensor(each, device=victim.device, dtype=torch.float32) for each in (likeness.queries, codes)
    )

    def apart(chosen: list[int]) -> torch.Tensor:
        query = victim.vectors([own_queries[at] for at in chosen])
        code = victim.vectors([own_codes[at] for at in chosen])
        own, goal = (
            (left @ right.T / TEMPERATURE).float() for left, right in ((query, code), (asked[chosen], answered[chosen]))
        )
        belong = groups[chosen]
        unlike = divergence(goal, own) + divergence(goal.T, own.T)
        return matching(unmistaken(own, belong), belong) + likeness.weight * unlike

    return apart


def divergence(goal: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Return how far each row's distribution over the columns is from a wanted one, in nats, ``[rows]``; both are logits."""
    wanted = goal.log_softmax(-1)
    return (wanted.exp() * (wanted - own.log_softmax(-1))).sum(-1)


def _rows(victim: Retriever, samples: Sequence[Sample]) -> tuple[list[Row], list[Row]]:
    """Return the token rows of codes and of queries."""
    return victim.encoder.inputs(samples), victim.encoder.inputs(samples, QUERY)
