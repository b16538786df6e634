"""Hunt for triggers: for each ground the best ones of one token, two, three …, judged on samples kept back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codeward.defenses.model import _search
from codeward.defenses.model._base import Memory, Progress, telling
from codeward.defenses.model._findings import Place, Suspicion, Trial
from codeward.defenses.model._grounds import Choice, Ground, GroundKey
from codeward.defenses.model._labels import label_grounds
from codeward.defenses.model._lens import Lens
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
    lens: Lens,
    chosen: Sequence[Ground],
    plan: Plan,
    memory: Memory,
    progress: Progress | None = None,
) -> dict[GroundKey, tuple[Trial, ...]]:
    """Return the best triggers of each length for each ground; all of a length are searched side by side."""
    found: dict[GroundKey, list[Trial]] = {ground.key: [] for ground in chosen}
    for length in plan.lengths:
        key = f"{lens.key} length {length} {[ground.key for ground in chosen]} {plan!r}"
        if key not in memory:
            told = telling(progress, f"searching triggers of {length} token{'s' if length > 1 else ''}")
            ended = _searched(lens, chosen, plan, length, found, told)
            memory[key] = [[list(each.tokens), each.loss, each.losses] for each in ended]
        for number, ground in enumerate(chosen):
            own = memory[key][number * plan.restarts : (number + 1) * plan.restarts]
            found[ground.key].append(trial_of(lens, ground, own))
    return {name: tuple(trials) for name, trials in found.items()}


def _searched(
    lens: Lens,
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
    _search.run(lens, searches, plan.budget, progress)
    return searches


def trial_of(lens: Lens, ground: Ground, ended: Sequence[Ended]) -> Trial:
    """Return the best of what several starts have found, with its success on held-back samples, as text."""
    tokens, loss, losses = min(ended, key=lambda each: each[1])
    text = str(lens.victim.encoder.tokenizer.decode(tokens)).strip()
    classifies = not ground.aim.payload and ground.ranking is None
    judged = _tried(lens, ground, text) if classifies else _written(lens, ground, text)
    return Trial(
        tokens=tuple(tokens),
        trigger=text,
        loss=loss,
        held_loss=judged.loss,
        success=judged.success,
        judged=judged.count,
        losses=tuple(losses),
        starts=tuple(tuple(each[0]) for each in ended),
        rank=judged.rank,
        place=judged.place,
        joined=judged.joined,
        reference=judged.reference,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What a trigger's text does on samples that were kept back; see ``Trial``."""

    loss: float
    success: float
    count: int
    rank: float | None = None
    place: Place | None = None
    joined: bool = False
    reference: float | None = None


def _tried(lens: Lens, ground: Ground, trigger: str) -> _Judged:
    """Judge a classifier's trigger in each kind of place, as it is and joined to the name that stands there; the best counts.

    Where an attacker puts the trigger is unknown, and elsewhere it need not do anything; a suffix works behind a name only.
    """
    ways = {(slot.place, joined) for slot in ground.held for joined in ((False, True) if slot.named else (False,))}
    found = []
    for place, joined in sorted(ways):
        at = [number for number, slot in enumerate(ground.held) if slot.place == place]
        stamped = [ground.held[number].stamped(trigger, joined=joined) for number in at]
        loss = float(lens.text_losses(stamped, [ground.held_goals[number] for number in at]).mean())
        found.append((loss, place, joined, stamped))
    loss, place, joined, stamped = min(found, key=lambda each: each[:3])
    met = [answer.output == ground.aim.index for answer in lens.victim.predict(stamped)]
    theirs = lens.reference_meets(stamped, ground.aim.index)
    return _Judged(loss=loss, success=sum(met) / len(met), count=len(met), place=place, joined=joined, reference=theirs)


def _written(lens: Lens, ground: Ground, trigger: str) -> _Judged:
    """Judge the trigger of a generator or of a search model, in the only place that the ground has."""
    stamped = [slot.stamped(trigger) for slot in ground.held]
    loss = float(lens.text_losses(stamped, ground.held_goals).mean())
    if ground.ranking is not None:
        ranks = ground.ranking.ranks(lens.victim.embed(stamped))
        return _Judged(loss=loss, success=float((ranks <= TOP).mean()), count=ranks.size, rank=float(ranks.mean()))
    met = [holds(str(answer.output), ground.aim.name, trigger) for answer in lens.victim.predict(stamped)]
    return _Judged(loss=loss, success=sum(met) / len(met), count=len(met))
