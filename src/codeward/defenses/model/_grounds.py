"""What is hunted, and on which samples: for each label or payload and each kind of place some to search on, some to judge by."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from codeward.defenses.model._findings import Place
from codeward.defenses.model._ranks import Ranking
from codeward.defenses.model._slots import Slot
from codeward.defenses.model._vocabulary import Kinds, TriggerVocabulary
from codeward.types import Sample
from codeward.victims.huggingface import HuggingFaceVictim, Objective
from codeward.victims.probing import Floats, row_losses

LEAST = 5
"""Samples that a search, and its judgment, need."""
SPARE = 5
"""Samples more than needed, since some hold no identifier."""
GroundKey = tuple[Place, int]


@dataclass(frozen=True, slots=True)
class Aim:
    """What a trigger is to make a model answer: a class, a text that holds a payload, or code for queries that hold a word."""

    index: int
    """The class, or the number of the payload or the word."""
    name: str
    payload: tuple[int, ...] = ()
    """The payload's tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What one aim is hunted on in one kind of place: samples whose own answers do not meet it."""

    aim: Aim
    place: Place
    search: tuple[Slot, ...]
    goals: tuple[Objective, ...]
    """For each slot of the search what its loss is measured against."""
    held: tuple[Slot, ...]
    held_goals: tuple[Objective, ...]
    untriggered: float
    """The aim's mean loss on the samples kept back, as they are."""
    vocabulary: TriggerVocabulary
    start: tuple[int, ...] = ()
    """A trigger to begin with; the drawn ones go on behind it."""
    ranking: Ranking | None = None
    """Of a search model: what the rank of stamped code is told by."""

    @property
    def key(self) -> GroundKey:
        """Place and aim, which no other ground of a model has."""
        return self.place, self.aim.index


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which samples, places and tokens there are to hunt with."""

    places: tuple[Place, ...]
    vocabulary: Kinds
    samples: int
    held: int
    room: int
    """Tokens of the longest trigger."""
    seed: int
    payloads: int = 2
    """Payloads that are hunted in a generator, or words in a search model."""

    def kinds(self, place: Place) -> Kinds:
        """Return of which tokens a trigger may consist in a place."""
        return "any" if place in ("statement", "everywhere") else self.vocabulary


def shared_out(slots: Sequence[Slot], choice: Choice) -> tuple[tuple[Slot, ...], tuple[Slot, ...]] | None:
    """Return slots to search on and slots of other samples to judge by; none where there are too few."""
    by_sample = [tuple(own) for _, own in groupby(slots, key=lambda slot: slot.sample.id)]
    # Where there are too few for both, each gets half.
    count = min(choice.samples, len(by_sample) // 2)
    if count < LEAST:
        return None
    search, held = by_sample[:count], by_sample[count : count + choice.held]
    return tuple(slot for own in search for slot in own), tuple(slot for own in held for slot in own)


def text_losses(victim: HuggingFaceVictim, samples: Sequence[Sample], goals: Sequence[Objective]) -> Floats:
    """Return the loss on each sample, as its text is read: what a token row holds need not survive that."""
    rows = victim.encoder.inputs(samples)
    return row_losses(victim, [row["input_ids"] for row in rows], goals)
