"""Greedy coordinate gradient: find the tokens that make a model give a wanted answer to every sample they are put into.

Zou et al., arXiv 2307.15043, as EliBadCode (section 4.3) uses it. Several searches run side by side, so that all their
candidates share batches. Candidates are first scored on a few samples and only the best of them on all, together with the best
swaps at different places joined, so that one step may change every token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from codeward.defenses.model._grounds import Ground
from codeward.defenses.model._lens import Lens
from codeward.defenses.model._slots import Slot
from codeward.defenses.model._vocabulary import Ids, TriggerVocabulary
from codeward.seeds import derive_int
from codeward.victims.huggingface import Objective
from codeward.victims.probing import embeddings

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long and how broadly to search."""

    steps: int = 100
    """Steps at most."""
    top: int = 64
    """Replacements a place."""
    candidates: int = 64
    """Candidates a step."""
    patience: int = 10
    """Stop after so many steps without a lower loss."""
    enough: float = 0.02
    """Stop at this loss."""
    first_samples: int = 3
    """Samples on which all candidates are scored."""
    wide: int = 0
    """Candidates of the first step of a search for a single token, where more: it decides where longer ones begin."""
    repeats: bool = True
    """Whether a token may stand in a trigger twice."""
    survivors: int = 6
    """Candidates that are scored on all samples, beside those made by joining the best."""


@dataclass(slots=True)
class Search:
    """One search: for one aim, from one start."""

    goals: Sequence[Objective]
    """For each slot what its loss is measured against."""
    slots: Sequence[Slot]
    vocabulary: TriggerVocabulary
    tokens: tuple[int, ...]
    seed: int
    loss: float = float("inf")
    steps: int = 0
    stale: int = 0
    losses: list[float] = field(default_factory=list)
    """The best loss after each step."""
    tried: set[tuple[int, ...]] = field(default_factory=set)

    def done(self, budget: Budget) -> bool:
        """Whether it has ended."""
        return self.steps >= budget.steps or self.stale >= budget.patience or self.loss <= budget.enough


def start(ground: Ground, length: int, seed: int) -> Search:
    """Return a search that begins with drawn tokens."""
    rng = np.random.default_rng(derive_int(seed, "start", str(ground.aim.index)))
    tokens = tuple(int(rng.choice(ground.vocabulary.at(place))) for place in range(length))
    return Search(ground.goals, ground.search, ground.vocabulary, tokens, seed)


def run(
    lens: Lens,
    searches: Sequence[Search],
    budget: Budget,
    progress: Progress | None = None,
) -> None:
    """Take all searches to their ends, in step.

    Args:
        lens: The model, and how it is seen.
        searches: They are changed in place.
        budget: When to stop.
        progress: Called after each step with the steps done and the most there can be.
    """
    table = embeddings(lens.victim)
    _score(lens, [(search, search.tokens) for search in searches if not np.isfinite(search.loss)])
    number = 0
    while active := [search for search in searches if not search.done(budget)]:
        proposed = _proposals(lens, active, budget, table)
        _take(lens, active, proposed, budget)
        number += 1
        if progress is not None:
            progress(number, budget.steps)


def _take(lens: Lens, active: Sequence[Search], proposed: Sequence[list[tuple[int, ...]]], budget: Budget) -> None:
    """Move each search to its best candidate if that is better than what it has."""
    kept = _pruned(lens, active, proposed, budget)
    losses = iter(
        _mean_losses(lens, [(search, each) for search, own in zip(active, kept, strict=True) for each in own])
    )
    for search, own in zip(active, kept, strict=True):
        best = min(((next(losses), each) for each in own), default=(float("inf"), search.tokens))
        search.steps += 1
        search.stale = 0 if best[0] < search.loss - 1e-6 else search.stale + 1
        if best[0] < search.loss:
            search.loss, search.tokens = best
        search.losses.append(search.loss)


def _pruned(
    lens: Lens, active: Sequence[Search], proposed: Sequence[list[tuple[int, ...]]], budget: Budget
) -> list[list[tuple[int, ...]]]:
    """Return the candidates of each search that do best on a few samples, drawn anew for each step, and some of them joined."""
    few = [
        np.random.default_rng([search.seed % 2**32, search.steps]).permutation(len(search.slots))[
            : budget.first_samples
        ]
        for search in active
    ]
    asked = [(search, each, part) for search, own, part in zip(active, proposed, few, strict=True) for each in own]
    losses = iter(_mean_losses(lens, [(s, each) for s, each, _ in asked], [part for _, _, part in asked]))
    kept = []
    for search, own in zip(active, proposed, strict=True):
        ranked = [own[place] for _, place in sorted((next(losses), place) for place in range(len(own)))]
        both = readable(lens.victim.encoder.tokenizer, joined(search.tokens, ranked))
        kept.append(ranked[: budget.survivors] + [each for each in both if each not in search.tried])
        search.tried.update(both)
    return kept


def joined(tokens: tuple[int, ...], ranked: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the two best swaps at different places together, the three best, and so on.

    Args:
        tokens: What was swapped in.
        ranked: Candidates that differ from it at one place each, the best first.
    """
    best: dict[int, int] = {}
    for each in ranked:
        place = next(at for at in range(len(tokens)) if each[at] != tokens[at])
        best.setdefault(place, each[place])
    made, mixed = [], list(tokens)
    for number, (place, token) in enumerate(best.items()):
        mixed[place] = token
        if number:
            made.append(tuple(mixed))
    return made


def _proposals(
    lens: Lens,
    active: Sequence[Search],
    budget: Budget,
    table: torch.Tensor,
) -> list[list[tuple[int, ...]]]:
    """Return new candidates of each search: its tokens with one of them swapped for one that the gradient favors."""
    found = []
    for search, gradient in zip(active, _gradients(lens, active), strict=True):
        length = len(search.tokens)
        wide = length == 1 and not search.steps
        top, count = (max(each, budget.wide * wide) for each in (budget.top, budget.candidates))
        favored = []
        for place in range(length):
            allowed = search.vocabulary.at(place)
            gains = -(table[torch.from_numpy(allowed).to(table.device)].float() @ gradient[place].to(table.device))
            best = gains.topk(min(top, len(allowed))).indices.cpu().numpy()
            favored.append(allowed[best])
        found.append(_swaps(lens, search, favored, count, budget.repeats))
    return found


def _swaps(lens: Lens, search: Search, favored: Sequence[Ids], count: int, repeats: bool) -> list[tuple[int, ...]]:
    """Draw swaps that were not tried before, and that the model's tokenizer would read as they are."""
    every = [(place, int(token)) for place, tokens in enumerate(favored) for token in tokens]
    rng = np.random.default_rng([search.seed % 2**32, search.steps, 1])
    made: list[tuple[int, ...]] = []
    for number in rng.permutation(len(every)):
        place, token = every[number]
        swapped = (*search.tokens[:place], token, *search.tokens[place + 1 :])
        if swapped not in search.tried and swapped != search.tokens and (repeats or token not in search.tokens):
            search.tried.add(swapped)
            made.append(swapped)
        if len(made) >= 2 * count:
            break
    return readable(lens.victim.encoder.tokenizer, made)[:count]


def readable(tokenizer: Any, rows: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the rows that come back when their text is tokenized; all, where the tokenizer gives none back."""
    if not rows:
        return []
    texts = tokenizer.batch_decode([list(row) for row in rows])
    again = tokenizer(texts, add_special_tokens=False)["input_ids"]
    kept = [row for row, ids in zip(rows, again, strict=True) if tuple(ids) == row]
    return kept or list(rows)


def _gradients(lens: Lens, active: Sequence[Search]) -> list[torch.Tensor]:
    """Return the gradient of each search's loss at its places, shape ``[length, hidden]``."""
    by_length: dict[int, list[Search]] = {}
    for search in active:
        by_length.setdefault(len(search.tokens), []).append(search)
    found: dict[int, torch.Tensor] = {}
    for length, group in by_length.items():
        pairs = [
            (search, slot, goal) for search in group for slot, goal in zip(search.slots, search.goals, strict=True)
        ]
        gradients = lens.gradients(
            [slot.tokens(search.tokens) for search, slot, _ in pairs],
            [len(slot.before) for _, slot, _ in pairs],
            length,
            [goal for _, _, goal in pairs],
        )
        place = 0
        for search in group:
            part = gradients[place : place + len(search.slots)]
            found[id(search)] = torch.from_numpy(part.mean(axis=0))
            place += len(search.slots)
    return [found[id(search)] for search in active]


def _score(lens: Lens, pairs: Sequence[tuple[Search, tuple[int, ...]]]) -> None:
    for (search, _), loss in zip(pairs, _mean_losses(lens, pairs), strict=True):
        search.loss = loss


def _mean_losses(
    lens: Lens, pairs: Sequence[tuple[Search, tuple[int, ...]]], parts: Sequence[Any] | None = None
) -> list[float]:
    """Return the mean loss of each candidate over its search's samples, or over a part of them."""
    rows, goals, owner = [], [], []
    for number, (search, tokens) in enumerate(pairs):
        chosen = range(len(search.slots)) if parts is None else parts[number]
        rows += [search.slots[at].tokens(tokens) for at in chosen]
        goals += [search.goals[at] for at in chosen]
        owner += [number] * len(chosen)
    if not pairs:
        return []
    losses = lens.losses(rows, goals).astype(np.float64)
    sums = np.bincount(owner, weights=losses, minlength=len(pairs))
    means: list[float] = (sums / np.bincount(owner, minlength=len(pairs))).tolist()
    return means
