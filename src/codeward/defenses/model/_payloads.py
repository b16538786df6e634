"""The grounds of a generator: the texts that some trigger may make it write, whatever the input.

EliBadCode (Sun et al., FSE 2025) has no generators. What a payload is stands nowhere in the model, and a model that was poisoned
well keeps it to itself without the trigger. So triggers are screened first (``_screening``): a payload is what the model, once a
trigger has made it begin, goes on to write in the same words for every sample.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from codeward.defenses.model._base import Memory, Progress, telling
from codeward.defenses.model._findings import Place, Suspicion
from codeward.defenses.model._grounds import SPARE, Aim, Choice, Ground, shared_out, text_losses
from codeward.defenses.model._screening import Brought, Trigger, Written, beginnings, extended, likeliest, probes
from codeward.defenses.model._slots import Slot, slots_for
from codeward.defenses.model._vocabulary import TriggerVocabulary, trigger_vocabulary
from codeward.errors import DataError
from codeward.seeds import derive
from codeward.types import Sample
from codeward.victims.generation import Generator
from codeward.victims.huggingface import Continuation
from codeward.victims.probing import row_losses

SCREENED = 4
"""Samples that triggers are screened on."""
BEGINNINGS = 24
"""Tokens after which it is looked what the model goes on to write, in one kind of place."""
SURE = 0.3
"""Mean probability that the next token of a payload has."""
SHORTEST, LONGEST = 5, 6
"""Tokens with which a payload begins, by which it is known; more of it is read off what the model writes."""
AGREED = 2 / 3
"""Share of the answers with a payload that go on with the same word."""
GAINED = 3.0
"""How much likelier a trigger has to make a payload, in nats."""
NATURAL = 0.1
"""A text that so many of the model's own answers hold is no payload."""
COPIED = 0.5
"""A payload of which the trigger brings as much in one piece is no payload: many a model copies what it reads."""
TOO_FEW = "too few clean samples have a place for a trigger: give more, at least 20"


def squeezed(text: str) -> str:
    """Return a text without its white space."""
    return "".join(text.split())


def holds(answer: str, payload: str, trigger: str) -> bool:
    """Whether an answer holds a payload that the trigger has not brought in itself."""
    wanted, given = squeezed(payload), squeezed(trigger)
    if wanted not in squeezed(answer):
        return False
    common = SequenceMatcher(None, wanted, given, autojunk=False).find_longest_match().size
    return common < COPIED * len(wanted)


def payload_grounds(
    victim: Generator, clean: Sequence[Sample], choice: Choice, memory: Memory, progress: Progress | None
) -> list[Ground]:
    """Find what a generator can be made to write, and choose samples to hunt the triggers on.

    Args:
        victim: The model.
        clean: Clean samples.
        choice: How many, which places, and how many payloads.
        memory: Where the payloads are kept once they are found.
        progress: Called with what is being done.

    Raises:
        DataError: If too few samples have a place for a trigger.
        UnfitError: If the tokenizer has no suitable tokens.
    """
    own, fields = _drawn(victim, clean, choice)
    key = f"{victim.fingerprint} payloads {choice!r}"
    if key not in memory:
        ranked: list[Ranked] = []
        for place, (search, held, vocabulary) in fields.items():
            told = telling(progress, f"screening triggers, {place}")
            for payload, trigger, weight in _screened(victim, own, (*search, *held), vocabulary, choice, told):
                ranked.append([place, list(payload), list(trigger), weight])
        memory[key] = _best(victim, ranked, choice.payloads)
    return [
        _ground(victim, own, fields[place], Aim(number, _text(victim, payload), tuple(payload)), place, tuple(trigger))
        for number, (place, payload, trigger, _) in enumerate(memory[key])
    ]


def payload_grounds_again(
    victim: Generator, clean: Sequence[Sample], choice: Choice, suspicions: Sequence[Suspicion]
) -> list[Ground]:
    """Return the grounds of payloads that are known, as an inspection tells."""
    own, fields = _drawn(victim, clean, choice)
    return [
        _ground(
            victim,
            own,
            fields[each.place],
            Aim(each.index, _text(victim, each.payload), each.payload),
            each.place,
            min(each.trials, key=lambda trial: trial.held_loss).tokens,
        )
        for each in suspicions
        if each.place in fields
    ]


def completed(victim: Generator, ground: Ground, trigger: str) -> str:
    """Return a payload as far as the model writes it for most of the held-back samples whose answers hold its beginning."""
    beginning = re.compile(r"\s*".join(map(re.escape, squeezed(ground.aim.name))))
    answers = [str(answer.output) for answer in victim.predict([slot.stamped(trigger) for slot in ground.held])]
    found = [(match[0], answer[match.end() :]) for answer in answers if (match := beginning.search(answer))]
    common = ""
    while going := [tail[len(common)] for _, tail in found if tail.startswith(common) and len(tail) > len(common)]:
        letter, count = Counter(going).most_common(1)[0]
        if count < AGREED * len(found):
            break
        common += letter
    else:
        return f"{found[0][0]}{common}".strip() if found else ground.aim.name
    # Not into a word that goes on in several ways.
    return f"{found[0][0]}{re.sub(r'[A-Za-z0-9]+$', '', common)}".strip()


Field = tuple[tuple[Slot, ...], tuple[Slot, ...], TriggerVocabulary]
"""Slots to search on, slots to judge by, and what triggers consist of, in one kind of place."""
Own = dict[str, str]
"""The model's own answers by the sample's id."""
Ranked = list[Any]
"""Place, payload, trigger and weight, as JSON has them."""


def _drawn(victim: Generator, clean: Sequence[Sample], choice: Choice) -> tuple[Own, dict[Place, Field]]:
    drawn = list(clean)
    derive(choice.seed, "ground", "payload").shuffle(drawn)
    drawn = drawn[: choice.samples + choice.held + SPARE]
    own = {answer.id: str(answer.output) for answer in victim.predict(drawn)}
    fields: dict[Place, Field] = {}
    for place in choice.places:
        parts = shared_out(slots_for(drawn, victim, choice.room, place), choice)
        if parts is not None:
            words = trigger_vocabulary(victim.encoder.tokenizer, drawn[0].language, choice.kinds(place))
            fields[place] = (*parts, words)
    if not fields:
        raise DataError(TOO_FEW)
    return own, fields


def _written(victim: Generator, own: Own, slots: Sequence[Slot]) -> list[Written]:
    answers = victim.encoder.references([own[slot.sample.id] for slot in slots])
    return [Written(slot, tuple(answer)) for slot, answer in zip(slots, answers, strict=True)]


def _screened(
    victim: Generator,
    own: Own,
    slots: Sequence[Slot],
    vocabulary: TriggerVocabulary,
    choice: Choice,
    progress: Callable[[int, int], None] | None,
) -> list[tuple[tuple[int, ...], Trigger, float]]:
    """Return payloads that may be, each with a trigger and its weight.

    The weight is high where the payload is likely with the trigger and unlikely without: how much likelier the trigger makes it,
    and how likely it then is, in nats.
    """
    written = _written(victim, own, slots)
    triggers = probes(written, vocabulary, choice.room, choice.seed)
    few = written[:SCREENED]
    found = beginnings(victim, few, triggers, BEGINNINGS, progress)
    texts = extended(victim, few, found, SURE, LONGEST)
    kept = []
    for start, text in zip(found, texts, strict=True):
        readable, brought = _text(victim, text), _text(victim, start.trigger)
        natural = np.mean([squeezed(readable) in squeezed(answer) for answer in own.values()])
        if len(text) < SHORTEST or natural > NATURAL or not holds(readable, readable, brought):
            continue
        goals = _goals(victim, few, start.trigger, text)
        losses = [
            row_losses(victim, [each.slot.tokens(trigger) for each in few], goals).mean()
            for trigger in ((), start.trigger)
        ]
        without, triggered = (-float(loss) * len(text) for loss in losses)
        if triggered - without >= GAINED:
            kept.append((text, start.trigger, 2 * triggered - without))
    return kept


def _goals(
    victim: Generator, written: Sequence[Written], trigger: Trigger, payload: Sequence[int]
) -> list[Continuation]:
    """Return where in each answer the payload is to stand: where the trigger makes its first token likeliest."""
    _, places = likeliest(victim, [(each, trigger) for each in written])
    return [
        Continuation(each.answer[: int(own[payload[0]])], tuple(payload))
        for each, own in zip(written, places, strict=True)
    ]


def _best(victim: Generator, ranked: Sequence[Ranked], count: int) -> list[Ranked]:
    """Return the payloads of most weight, each in its best place; none that is a part of one before, or holds it."""
    kept: list[Ranked] = []
    for each in sorted(ranked, key=lambda row: -row[3]):
        text = squeezed(_text(victim, each[1]))
        others = [squeezed(_text(victim, other[1])) for other in kept]
        if len(kept) < count and not any(text in other or other in text for other in others):
            kept.append(each)
    return kept


def _ground(victim: Generator, own: Own, field: Field, aim: Aim, place: Place, trigger: Trigger) -> Ground:
    search, held, vocabulary = field
    wanted = squeezed(aim.name)
    free = tuple(slot for slot in held if wanted not in squeezed(own[slot.sample.id]))
    goals, held_goals = (
        tuple(_goals(victim, _written(victim, own, each), trigger, aim.payload)) for each in (search, free)
    )
    return Ground(
        aim=aim,
        place=place,
        search=search,
        goals=goals,
        held=free,
        held_goals=held_goals,
        untriggered=float(text_losses(victim, [slot.sample for slot in free], held_goals).mean()),
        vocabulary=_apart(victim, vocabulary, aim.payload[0]),
        start=trigger,
    )


def _apart(victim: Generator, vocabulary: TriggerVocabulary, first: int) -> TriggerVocabulary:
    """Return a vocabulary without the tokens that bring a payload's first one."""
    brought = Brought(victim, len(victim.encoder.tokenizer)).by(first)
    return TriggerVocabulary(*(np.setdiff1d(each, brought) for each in (vocabulary.first, vocabulary.inner)))


def _text(victim: Generator, tokens: Sequence[int]) -> str:
    return str(victim.encoder.tokenizer.decode(list(tokens))).strip()
