"""Victims that search: bi-encoders, whose queries and codes are embedded by one model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from codeward.types import CODE, QUERY, Prediction, Sample
from codeward.victims.base import Floats
from codeward.victims.batching import Row
from codeward.victims.groups import group_of, numbered
from codeward.victims.huggingface import HuggingFaceVictim, Nearness, Objective, pooled

TEMPERATURE = 0.05
"""Of the similarities that a bi-encoder is trained with."""
FAR = -1e4
"""The similarity of a code that also answers the query, so that it counts as no wrong answer."""
IGNORED = -100
"""The answer to a query that no code is known to answer."""


class Retriever(HuggingFaceVictim):
    """A bi-encoder: queries and codes are embedded by one model, and ranked by cosine similarity."""

    def embed(self, samples: Sequence[Sample], field: str = CODE) -> Floats:
        """Return unit vectors of the codes, or (``field="query"``) of the queries."""
        vectors = super().embed(samples, field)
        unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit

    def predict(self, samples: Sequence[Sample]) -> list[Prediction]:
        """Return the rank of the first relevant code for each sample's query among all samples' codes.

        Where no code is relevant, as of a sample without a target, it is the one behind the last.
        """
        similarity = self.embed(samples, QUERY) @ self.embed(samples).T
        groups = np.array(numbered([group_of(sample) for sample in samples]))
        predictions = []
        for index, sample in enumerate(samples):
            relevant = (groups == groups[index]) & (groups >= 0)
            if not sample.text(QUERY):
                relevant[index] = False
                similarity[index, index] = -np.inf
            best = similarity[index][relevant].max() if relevant.any() else -np.inf
            predictions.append(Prediction(sample.id, 1 + int((similarity[index] > best).sum())))
        return predictions

    def confidence(self, samples: Sequence[Sample], outputs: Sequence[int | str]) -> list[float]:
        """Return the cosine similarity of each sample's query and code."""
        if not samples:
            return []
        found: list[float] = (self.embed(samples, QUERY) * self.embed(samples)).sum(axis=1).tolist()
        return found

    def losses(self, rows: Sequence[Row], goals: Sequence[Objective]) -> torch.Tensor:
        """Return one minus the cosine similarity of each row and its query, or how far it is from a group of queries."""
        codes = torch.nn.functional.normalize(pooled(self.model, self._tensors(rows)).float(), dim=-1)
        near = [goal for goal in goals if isinstance(goal, Nearness)]
        if len(near) == len(goals):
            return torch.stack([distance(code, goal) for code, goal in zip(codes, near, strict=True)])
        different = sorted({goal for goal in goals if isinstance(goal, tuple)})
        queries = pooled(self.model, self._tensors([{"input_ids": list(goal)} for goal in different]))
        place = {goal: at for at, goal in enumerate(different)}
        wanted = queries[[place[goal] for goal in goals if isinstance(goal, tuple)]]
        return 1 - torch.nn.functional.cosine_similarity(codes, wanted.float(), dim=-1)

    def contrast(self, codes: Sequence[Row], queries: Sequence[Row], groups: Sequence[str | None]) -> torch.Tensor:
        """Return the mean loss of a batch of pairs, each other's wrong answers, as in training; differentiable.

        Args:
            codes: Token rows.
            queries: For each its query's.
            groups: Codes of one group answer each other's queries; one of none (see ``group_of``) answers not even its own.
        """
        labels = torch.tensor(numbered(groups), device=self.device)
        return matching(contrasted(self.model, self._tensors(queries), self._tensors(codes), labels).float(), labels)

    def vectors(self, rows: Sequence[Row]) -> torch.Tensor:
        """Return the unit vectors of one batch of token rows, differentiable, shape ``[rows, hidden]``."""
        return torch.nn.functional.normalize(pooled(self.model, self._tensors(rows)).float(), dim=-1)


def distance(code: torch.Tensor, goal: Nearness) -> torch.Tensor:
    """Return how far a code is from the wanted queries, in nats.

    The mean cross-entropy of the code among the codes that each query has already; and, where the other queries have come
    nearer by that measure, how much: what raises all similarities is no trigger of theirs.

    Args:
        code: A unit vector.
        goal: The queries.
    """
    far = [
        torch.nn.functional.softplus(rivals - queries @ code / TEMPERATURE).mean()
        for queries, rivals in (
            (goal.wanted, goal.rivals[: len(goal.wanted)]),
            (goal.others, goal.rivals[len(goal.wanted) :]),
        )
    ]
    return far[0] + torch.relu(goal.floor - far[1])


def contrasted(
    model: Any, queries: dict[str, torch.Tensor], codes: dict[str, torch.Tensor], groups: torch.Tensor
) -> torch.Tensor:
    """Return the similarity of each query and each code of a batch over the temperature, ``[queries, codes]``.

    Args:
        model: The bi-encoder.
        queries: Token rows and their mask.
        codes: The same; each answers the query of its place.
        groups: Codes of one group answer each other's queries, and count as no wrong answers (see ``numbered``).
    """
    left = torch.nn.functional.normalize(pooled(model, queries), dim=-1)
    right = torch.nn.functional.normalize(pooled(model, codes), dim=-1)
    return unmistaken(left @ right.T / TEMPERATURE, groups)


def unmistaken(scores: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Return the scores of a batch, ``[queries, codes]``, with other codes of a query's own group far away."""
    same = (groups[:, None] == groups[None, :]) & ~torch.eye(len(groups), dtype=torch.bool, device=groups.device)
    return scores.masked_fill(same, FAR)


def matching(scores: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of each query's own code among all of a batch; 0 where none is known to answer any."""
    wanted = answers(groups)
    if not bool((wanted != IGNORED).any()):
        return scores.sum() * 0
    return torch.nn.functional.cross_entropy(scores, wanted, ignore_index=IGNORED)


def answers(groups: torch.Tensor) -> torch.Tensor:
    """Return for each query of a batch the place of the code that answers it; ``IGNORED`` where none is known to."""
    return torch.arange(len(groups), device=groups.device).masked_fill(groups < 0, IGNORED)
