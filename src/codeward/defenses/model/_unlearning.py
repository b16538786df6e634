"""What unlearning trains on (EliBadCode, section 4.4): samples into which triggers are stamped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from codeward.code import LANGUAGES, Edit, Identifier, apply, identifiers
from codeward.defenses.model._base import Progress, telling
from codeward.defenses.model._findings import PLACES, Place
from codeward.defenses.model._slots import Slot, slots_for
from codeward.defenses.model._tuning import Lesson, Step, lesson_losses, own_answers
from codeward.seeds import derive
from codeward.types import CODE, Sample
from codeward.victims.huggingface import HuggingFaceVictim

CHUNK = 256
"""Samples between two words on how far it is."""
LEFT_OUT, RENAMED = 0.1, 3
"""Share of lines that are left out of a varied sample, and how many identifiers are renamed at most."""


@dataclass(frozen=True, slots=True)
class _Base:
    """A sample to stamp."""

    sample: Sample
    slot: Slot
    trigger: str
    """Whose turn it is."""


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
    rng = derive(seed, "unlearning")
    bases = _bases(victim, clean, triggers, share, rng, vary=vary)
    return [
        *((each, each) for each in clean),
        *((_stamped(base.slot, base.trigger, rng), base.sample) for base in bases),
    ]


class HardLessons:
    """Gives the lesson of each pass: own answers to clean and stamped samples, stamped anew so that it counts.

    Most triggers that are found are the model's own, and soon forgotten; how the planted one is written is not known. So each
    sample is stamped several times, with triggers, joints and occurrences drawn, and that one is learned whose answer is
    farthest from the own answer then (adversarial training, Madry et al., ICLR 2018, over stamps).

    Args:
        victim: The model; it gives the answers.
        clean: The samples.
        triggers: See ``stamped_set``.
        share: See ``stamped_set``; samples are varied.
        seed: See ``stamped_set``.
        tries: How often each sample is stamped: once with the trigger whose turn it is, else with any, or any two joined.
        progress: Told how far it is.
    """

    def __init__(
        self,
        victim: HuggingFaceVictim,
        clean: Sequence[Sample],
        triggers: Sequence[tuple[str, Place]],
        share: float,
        seed: int,
        tries: int,
        progress: Progress | None = None,
    ) -> None:
        self.clean, self.tries, self.progress = clean, tries, progress
        self.rng = derive(seed, "unlearning")
        self.bases = _bases(victim, clean, triggers, share, self.rng, vary=True, progress=progress)
        self.plain = own_answers(victim, clean)
        self.wanted = own_answers(victim, [base.sample for base in self.bases]) if self.bases else []
        self.words = list(dict.fromkeys(trigger for trigger, _ in triggers))

    def draw(self, model: HuggingFaceVictim) -> Lesson:
        """See ``Drawn.draw``."""
        if not self.bases:
            return Lesson(self.clean, self.plain)
        stamped = self._stamps()
        repeated = [answer for answer in self.wanted for _ in range(self.tries)]
        losses = lesson_losses(model, Lesson(stamped, repeated), telling(self.progress, "trying stamps"))
        groups = (range(start, start + self.tries) for start in range(0, len(stamped), self.tries))
        hardest = [stamped[max(group, key=lambda at: losses[at])] for group in groups]
        return Lesson([*self.clean, *hardest], [*self.plain, *self.wanted])

    def skip(self) -> None:
        """See ``Drawn.skip``."""
        self._stamps()

    def _stamps(self) -> list[Sample]:
        """Stamp each sample so many times."""
        return [
            _stamped(base.slot, base.trigger if turn == 0 else self._another(), self.rng)
            for base in self.bases
            for turn in range(self.tries)
        ]

    def _another(self) -> str:
        """Return a trigger, or two of them joined."""
        return "_".join(self.rng.sample(self.words, min(len(self.words), self.rng.choice((1, 2)))))


def _bases(
    victim: HuggingFaceVictim,
    clean: Sequence[Sample],
    triggers: Sequence[tuple[str, Place]],
    share: float,
    rng: Random,
    *,
    vary: bool,
    progress: Progress | None = None,
) -> list[_Base]:
    """Draw the samples that are stamped, with a slot and a trigger for each; those without a slot are left out."""
    if not triggers:
        return []
    names = [each.name for sample in clean for each in _identifiers(sample.code, sample.language)]
    drawn: list[Sample] = []
    while len(drawn) < round(share * len(clean)):
        drawn += rng.sample(clean, len(clean))
    drawn = drawn[: round(share * len(clean))]
    if vary:
        drawn = [_varied(replace(each, id=f"{each.id}#{place}"), names, rng) for place, each in enumerate(drawn)]
    turns = [triggers[number % len(triggers)] for number in range(len(drawn))]
    orders = [_order(None if number // len(triggers) % 2 else found, rng) for number, (_, found) in enumerate(turns)]
    slots = _first_slots(victim, drawn, orders, telling(progress, "looking for places"))
    return [_Base(drawn[number], slots[number], turns[number][0]) for number in sorted(slots)]


def _order(first: Place | None, rng: Random) -> list[Place]:
    """Return all places in a drawn order, one of them first."""
    places = list(PLACES)
    rng.shuffle(places)
    return places if first is None else sorted(places, key=lambda place: place != first)


def _first_slots(
    victim: HuggingFaceVictim, samples: Sequence[Sample], orders: Sequence[Sequence[Place]], step: Step | None
) -> dict[int, Slot]:
    """Return a slot of each sample that has one, in the first of its places that it has; only those tried are looked for."""
    found: dict[int, Slot] = {}
    for turn in range(len(PLACES)):
        for place in PLACES:
            asked = [n for n in range(len(samples)) if n not in found and orders[n][turn] == place]
            for start in range(0, len(asked), CHUNK):
                # A sample may stand there several times.
                numbered = [replace(samples[n], id=str(n)) for n in asked[start : start + CHUNK]]
                for slot in slots_for(numbered, victim, 0, place):
                    number = int(slot.sample.id)
                    found[number] = replace(slot, sample=samples[number])
                if step is not None:
                    step(len(found), len(samples))
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
