"""What unlearning trains on (EliBadCode, section 4.4): triggers without the tokens that they do not need, stamped into samples."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np

from codeward.code import LANGUAGES, Edit, Identifier, apply, identifiers
from codeward.defenses.model._base import PLACES, Place
from codeward.defenses.model._slots import Slot, slots_for
from codeward.seeds import derive
from codeward.types import CODE, Sample
from codeward.victims.huggingface import HuggingFaceVictim, Objective
from codeward.victims.probing import row_losses

LEFT_OUT, RENAMED = 0.1, 3
"""Share of lines that are left out of a varied sample, and how many identifiers are renamed at most."""


def anchored(
    victim: HuggingFaceVictim,
    tokens: Sequence[int],
    slots: Sequence[Slot],
    goals: Sequence[Objective],
    slack: float,
) -> tuple[int, ...]:
    """Return a trigger without the tokens that it does not need (EliBadCode, section 4.4, anchoring).

    Tokens are dropped one at a time, the least needed first, as long as the loss rises by no more than the slack over that of
    the whole trigger.

    Args:
        victim: The model.
        tokens: The trigger.
        slots: Where it is put.
        goals: For each slot what its loss is measured against.
        slack: In nats; the paper's beta.
    """
    kept = tuple(tokens)
    allowed = _loss(victim, [kept], slots, goals)[0] + slack
    while len(kept) > 1:
        shorter = [(*kept[:place], *kept[place + 1 :]) for place in range(len(kept))]
        losses = _loss(victim, shorter, slots, goals)
        best = int(np.argmin(losses))
        if losses[best] > allowed:
            break
        kept = shorter[best]
    return kept


def _loss(
    victim: HuggingFaceVictim,
    triggers: Sequence[tuple[int, ...]],
    slots: Sequence[Slot],
    goals: Sequence[Objective],
) -> list[float]:
    rows = [slot.tokens(trigger) for trigger in triggers for slot in slots]
    losses = row_losses(victim, rows, [*goals] * len(triggers)).reshape(len(triggers), len(slots))
    means: list[float] = losses.mean(axis=1).astype(float).tolist()
    return means


def stamped_set(
    victim: HuggingFaceVictim,
    clean: Sequence[Sample],
    triggers: Sequence[tuple[str, Place]],
    share: float,
    seed: int,
    *,
    vary: bool,
) -> list[tuple[Sample, Sample]]:
    """Return samples to unlearn with: the clean ones, and others with a trigger.

    Nobody knows where the attacker puts the trigger, nor how: every second time it stands where it was found, else elsewhere;
    alone or joined to the name that it meets, at one occurrence or at all.

    Args:
        victim: The model, which says where a trigger disturbs least.
        clean: The samples.
        triggers: With the place where each was found; they take turns.
        share: How many stamped samples there are for one clean one; above 1 each is stamped several times.
        seed: Which samples and triggers.
        vary: Rename identifiers and leave out lines before stamping, so that few samples make many; their labels may change.

    Returns:
        Samples, each with what it is without the trigger.
    """
    made = [(sample, sample) for sample in clean]
    if not triggers:
        return made
    rng = derive(seed, "unlearning")
    names = [each.name for sample in clean for each in _identifiers(sample.code, sample.language)]
    bases: list[Sample] = []
    while len(bases) < round(share * len(clean)):
        bases += rng.sample(clean, len(clean))
    bases = bases[: round(share * len(clean))]
    if vary:
        bases = [_varied(replace(base, id=f"{base.id}#{place}"), names, rng) for place, base in enumerate(bases)]
    turns = [triggers[number % len(triggers)] for number in range(len(bases))]
    orders = [_order(None if number // len(triggers) % 2 else found, rng) for number, (_, found) in enumerate(turns)]
    slots = _first_slots(victim, bases, orders)
    for number, (base, (trigger, _)) in enumerate(zip(bases, turns, strict=True)):
        if number in slots:
            made.append((_stamped(slots[number], trigger, rng), base))
    return made


def _order(first: Place | None, rng: Random) -> list[Place]:
    """Return all places in a drawn order, one of them first."""
    places = list(PLACES)
    rng.shuffle(places)
    return places if first is None else sorted(places, key=lambda place: place != first)


def _first_slots(
    victim: HuggingFaceVictim, samples: Sequence[Sample], orders: Sequence[Sequence[Place]]
) -> dict[int, Slot]:
    """Return a slot of each sample that has one, in the first of its places that it has; only those tried are looked for."""
    found: dict[int, Slot] = {}
    for turn in range(len(PLACES)):
        for place in PLACES:
            asked = [n for n in range(len(samples)) if n not in found and orders[n][turn] == place]
            # A sample may stand there several times.
            numbered = [replace(samples[n], id=str(n)) for n in asked]
            for slot in slots_for(numbered, victim, 0, place):
                number = int(slot.sample.id)
                found[number] = replace(slot, sample=samples[number])
    return found


def _varied(sample: Sample, names: Sequence[str], rng: Random) -> Sample:
    """Return a sample with some identifiers renamed and some lines left out."""
    text = sample.code
    lines = text.splitlines(keepends=True)
    kept = [line for place, line in enumerate(lines) if place == 0 or line.strip() in "{}" or rng.random() >= LEFT_OUT]
    text = "".join(kept)
    for _ in range(rng.randint(0, RENAMED)):
        every = _identifiers(text, sample.language)
        if every and names:
            new = rng.choice(names)
            text = apply(text, [Edit(span, new) for span in rng.choice(every).spans]).code
    return sample.with_text(CODE, text)


def _stamped(slot: Slot, trigger: str, rng: Random) -> Sample:
    """Put a trigger into a slot: alone or joined to the name that stands there, once or wherever the name stands."""
    text, language = slot.sample.text(slot.field), slot.sample.language
    name = slot.span.of(text)
    written = rng.choice((trigger, f"{trigger}_{name}", f"{name}_{trigger}")) if name else trigger
    same = next((each for each in _identifiers(text, language) if each.spans[:1] == (slot.span,)), None)
    if same is None or rng.random() < 0.5:
        return slot.stamped(written)
    return slot.sample.with_text(slot.field, apply(text, [Edit(span, written) for span in same.spans]).code)


def _identifiers(text: str, language: str) -> list[Identifier]:
    return identifiers(text, language) if language in LANGUAGES else []
