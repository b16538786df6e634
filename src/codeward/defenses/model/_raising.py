"""Search triggers for many query words side by side: what each stamped code is near to is read off one embedding.

A greedy coordinate gradient search (Zou et al., arXiv 2307.15043) like ``_search``, but each word takes the best of the candidates
of all words, since a candidate's embedding tells its loss for every one of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from codeward.defenses.model._search import readable
from codeward.defenses.model._slots import Slot
from codeward.defenses.model._vocabulary import TriggerVocabulary
from codeward.seeds import derive_int
from codeward.victims.batching import Row, autocast, run_batched
from codeward.victims.huggingface import Nearness
from codeward.victims.probing import embeddings, slot_gradients
from codeward.victims.retrieval import TEMPERATURE, Retriever

Floats = npt.NDArray[np.float64]
PROPOSED = 6
"""Candidates that each word proposes, for all of them."""
Trigger = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where triggers of all words are searched: slots, and what is measured in them."""

    slots: tuple[Slot, ...]
    goals: tuple[tuple[Nearness, ...], ...]
    """For each word its objective in each slot."""
    queries: Floats
    """Unit vectors of all queries."""
    rivals: Floats
    """See ``Nearness``, for each query."""
    wanted: Floats
    """Of each query the share that it has in a word's mean, ``[words, queries]``."""
    others: Floats
    vocabulary: TriggerVocabulary
    banned: tuple[frozenset[int], ...]
    """For each word the tokens of its kin."""

    def losses(self, codes: Floats) -> Floats:
        """Return the mean loss of each candidate for each word (``codeward.victims.retrieval.distance``).

        Args:
            codes: Unit vectors, ``[candidates, slots, hidden]``.

        Returns:
            Shape ``[candidates, words]``.
        """
        far = np.logaddexp(0, self.rivals - codes @ self.queries.T / TEMPERATURE)
        floors = np.array([[goal.floor for goal in own] for own in self.goals]).T
        found: Floats = (far @ self.wanted.T + np.maximum(floors - far @ self.others.T, 0)).mean(1)
        return found


def vectors(victim: Retriever, rows: Sequence[Sequence[int]]) -> Floats:
    """Return the unit vectors of token rows, shape ``[rows, hidden]``."""
    keyed: list[Row] = [{"input_ids": list(row)} for row in rows]

    def step(indices: list[int]) -> list[list[float]]:
        with torch.inference_mode(), autocast(victim.device, victim.precision):
            found: list[list[float]] = victim.vectors([keyed[at] for at in indices]).double().cpu().tolist()
        return found

    return np.array(run_batched(keyed, step), dtype=np.float64)


def raised(
    victim: Retriever,
    field: Field,
    longest: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[list[Trigger]]:
    """Return for each word the best triggers of one token, two, … found with one step each.

    Args:
        victim: The model.
        field: Slots and words.
        longest: Tokens of the longest.
        seed: Of the drawn tokens.
        progress: Called with the lengths done and how many there are.
    """
    rng = np.random.default_rng(derive_int(seed, "raising"))
    best: list[Trigger] = [()] * len(field.goals)
    found: list[list[Trigger]] = [[] for _ in field.goals]
    for length in range(1, longest + 1):
        drawn = int(rng.choice(field.vocabulary.at(length - 1)))
        best = _stepped(victim, field, [(*tokens, drawn) for tokens in best])
        for own, tokens in zip(found, best, strict=True):
            own.append(tokens)
        if progress is not None:
            progress(length, longest)
    return found


def _stepped(victim: Retriever, field: Field, begun: Sequence[Trigger]) -> list[Trigger]:
    """Return for each word the best of all words' swaps, or what it began with."""
    proposed = [tokens for own in _proposals(victim, field, begun) for tokens in own]
    every = list(dict.fromkeys([*begun, *readable(victim.encoder.tokenizer, list(dict.fromkeys(proposed)))]))
    codes = vectors(victim, [slot.tokens(tokens) for tokens in every for slot in field.slots])
    losses = field.losses(codes.reshape(len(every), len(field.slots), -1))
    for number, banned in enumerate(field.banned):
        for at, tokens in enumerate(every):
            if tokens != begun[number] and not banned.isdisjoint(tokens):
                losses[at, number] = np.inf
    return [every[int(at)] for at in losses.argmin(0)]


def _proposals(victim: Retriever, field: Field, begun: Sequence[Trigger]) -> list[list[Trigger]]:
    """Return for each word the swaps of one token that the gradient favors most."""
    table, length, count = embeddings(victim).float(), len(begun[0]), len(field.slots)
    gradients = slot_gradients(
        victim,
        [slot.tokens(tokens) for tokens in begun for slot in field.slots],
        [len(slot.before) for _ in begun for slot in field.slots],
        length,
        [goal for own in field.goals for goal in own],
    )
    means = torch.from_numpy(gradients.reshape(len(begun), count, length, -1).mean(1)).to(table.device)
    found = []
    for tokens, gradient, banned in zip(begun, means, field.banned, strict=True):
        ranked: list[tuple[float, Trigger]] = []
        for place in range(length):
            allowed = np.array([token for token in field.vocabulary.at(place).tolist() if token not in banned])
            gains = (table[torch.from_numpy(allowed).to(table.device)] - table[tokens[place]]) @ -gradient[place]
            top = gains.topk(min(PROPOSED, len(allowed)))
            for gain, at in zip(top.values.tolist(), top.indices.tolist(), strict=True):
                ranked.append((gain, (*tokens[:place], int(allowed[at]), *tokens[place + 1 :])))
        ranked.sort(key=lambda each: (-each[0], each[1]))
        found.append([swapped for _, swapped in ranked[:PROPOSED]])
    return found
