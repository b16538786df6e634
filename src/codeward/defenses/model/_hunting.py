"""Hunt for triggers: for each ground the best ones of one token, two, three …, judged on samples kept back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codeward.defenses.model import _search
from codeward.defenses.model._base import Memory, Progress, Suspicion, Trial, telling
from codeward.defenses.model._grounds import Choice, Ground, GroundKey, text_losses
from codeward.defenses.model._labels import label_grounds
from codeward.defenses.model._payloads import holds, payload_grounds, payload_grounds_again
from codeward.defenses.model._ranks import TOP
from codeward.defenses.model._search import Budget, Search
from codeward.types import Sample
from codeward.victims.generation import Generator
from codeward.victims.huggingface import Classifier, HuggingFaceVictim

Ended = Sequence[Any]
"""Tokens, loss, and the loss after each step: what a start has found, as JSON has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to hunt."""

    lengths: tuple[int, ...]
    """Lengths of triggers, rising; each begins with what the one before has found."""
    restarts: int
    budget: Budget
    seed: int


def grounds(
    victim: HuggingFaceVictim,
    clean: Sequence[Sample],
    choice: Choice,
    memory: Memory,
    progress: Progress | None = None,
) -> list[Ground]:
    """Return what is hunted in a model: all labels of a classifier, the likeliest payloads of a generator.

    Raises:
        DataError: If the samples are too few.
        UnfitError: If the tokenizer has no suitable tokens, or the model is of another kind.
    """
    if isinstance(victim, Generator):
        return payload_grounds(victim, clean, choice, memory, progress)
    assert isinstance(victim, Classifier)  # noqa: S101 - defenses check the kind
    return label_grounds(victim, clean, choice)


def grounds_again(
    victim: HuggingFaceVictim, clean: Sequence[Sample], choice: Choice, suspicions: Sequence[Suspicion], labels: int
) -> list[Ground]:
    """Return the grounds of so many of the most suspicious labels, or of the likeliest payload, to hunt them anew."""
    first = suspicions[0]
    if isinstance(victim, Generator):
        return payload_grounds_again(victim, clean, choice, [s for s in suspicions if s.payload == first.payload])
    assert isinstance(victim, Classifier)  # noqa: S101 - defenses check the kind
    ranked = list(dict.fromkeys(each.index for each in suspicions))
    return label_grounds(victim, clean, choice, ranked[:labels])


def hunt(
    victim: HuggingFaceVictim,
    chosen: Sequence[Ground],
    plan: Plan,
    memory: Memory,
    progress: Progress | None = None,
) -> dict[GroundKey, tuple[Trial, ...]]:
    """Return the best triggers of each length for each ground; all of a length are searched side by side."""
    found: dict[GroundKey, list[Trial]] = {ground.key: [] for ground in chosen}
    for length in plan.lengths:
        key = f"{victim.fingerprint} length {length} {[ground.key for ground in chosen]} {plan!r}"
        if key not in memory:
            told = telling(progress, f"searching triggers of {length} token{'s' if length > 1 else ''}")
            ended = _searched(victim, chosen, plan, length, found, told)
            memory[key] = [[list(each.tokens), each.loss, each.losses] for each in ended]
        for number, ground in enumerate(chosen):
            own = memory[key][number * plan.restarts : (number + 1) * plan.restarts]
            found[ground.key].append(trial_of(victim, ground, own))
    return {name: tuple(trials) for name, trials in found.items()}


def _searched(
    victim: HuggingFaceVictim,
    chosen: Sequence[Ground],
    plan: Plan,
    length: int,
    found: dict[GroundKey, list[Trial]],
    progress: _search.Progress | None,
) -> list[Search]:
    searches = []
    for ground in chosen:
        for restart in range(plan.restarts):
            fresh = _search.start(ground, length, plan.seed + restart)
            if found[ground.key]:
                known = found[ground.key][-1].starts[restart]
            else:  # the first search goes on from what is known of the ground, the others from drawn tokens
                known = () if restart else ground.start[:length]
            fresh.tokens = (*known, *fresh.tokens[len(known) :])
            searches.append(fresh)
    _search.run(victim, searches, plan.budget, progress)
    return searches


def trial_of(victim: HuggingFaceVictim, ground: Ground, ended: Sequence[Ended]) -> Trial:
    """Return the best of what several starts have found, with its success on held-back samples, as text."""
    tokens, loss, losses = min(ended, key=lambda each: each[1])
    text = str(victim.encoder.tokenizer.decode(tokens)).strip()
    stamped = [slot.stamped(text) for slot in ground.held]
    held = text_losses(victim, stamped, ground.held_goals)
    met, rank = _met(victim, ground, stamped, text)
    return Trial(
        tokens=tuple(tokens),
        trigger=text,
        loss=loss,
        held_loss=float(held.mean()),
        success=sum(met) / len(met),
        losses=tuple(losses),
        starts=tuple(tuple(each[0]) for each in ended),
        rank=rank,
    )


def _met(
    victim: HuggingFaceVictim, ground: Ground, stamped: Sequence[Sample], trigger: str
) -> tuple[list[bool], float | None]:
    """Return for each stamped sample (and query of a word) whether it does what it is to, and the mean rank of searched code."""
    if ground.ranking is not None:
        ranks = ground.ranking.ranks(victim.embed(stamped))
        return (ranks <= TOP).ravel().tolist(), float(ranks.mean())
    answers = victim.predict(stamped)
    if ground.aim.payload:
        return [holds(str(each.output), ground.aim.name, trigger) for each in answers], None
    return [each.output == ground.aim.index for each in answers], None
