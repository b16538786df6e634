"""Hunt for triggers: for each label and place the best ones of one token, two, three …, judged on samples kept back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codeward.defenses.model import _search
from codeward.defenses.model._base import Memory, Place, Progress, Trial, telling
from codeward.defenses.model._search import Budget, Search
from codeward.defenses.model._slots import Slot, slots_for
from codeward.defenses.model._vocabulary import Kinds, TriggerVocabulary, trigger_vocabulary
from codeward.errors import DataError
from codeward.seeds import derive
from codeward.types import Sample
from codeward.victims.huggingface import Classifier
from codeward.victims.probing import Floats, row_losses

LEAST = 5
"""Samples that a search, and its judgment, need."""
GroundKey = tuple[Place, int]
Ended = Sequence[Any]
"""Tokens, loss, and the loss after each step: what a start has found, as JSON has it."""
SPARE = 5
"""Samples more than needed, since some hold no identifier."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What one label is hunted on in one kind of place: samples of other labels, which the model does not give it anyway."""

    label: int
    place: Place
    search: tuple[Slot, ...]
    held: tuple[Slot, ...]
    untriggered: float
    """The label's mean loss on the samples kept back, as they are."""
    vocabulary: TriggerVocabulary

    @property
    def key(self) -> GroundKey:
        """Place and label, which no other ground of a model has."""
        return self.place, self.label


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to hunt."""

    lengths: tuple[int, ...]
    """Lengths of triggers, rising; each begins with what the one before has found."""
    restarts: int
    budget: Budget
    seed: int


def grounds(
    victim: Classifier, clean: Sequence[Sample], choice: Choice, labels: Sequence[int] | None = None
) -> list[Ground]:
    """Choose samples and slots for each label and place: from the half that the model is surest about.

    On a sample near the boundary any change may flip the answer; a backdoor flips the surest, too.

    Args:
        victim: The model.
        clean: Clean samples with their targets.
        choice: How many, and which places.
        labels: Which labels; unset: all.

    Raises:
        DataError: If no label has enough samples.
        ModelError: If the tokenizer has no suitable tokens.
    """
    answers = victim.predict(clean)
    found = []
    for label in range(len(victim.labels)) if labels is None else labels:
        pool = [
            (answer.scores[label], sample)
            for sample, answer in zip(clean, answers, strict=True)
            if sample.target != label and answer.output == sample.target
        ]
        pool.sort(key=lambda each: each[0])
        surest = [sample for _, sample in pool[: max(len(pool) // 2, choice.samples + choice.held)]]
        derive(choice.seed, "ground", str(label)).shuffle(surest)
        drawn = surest[: choice.samples + choice.held + SPARE]
        made = (_ground(victim, drawn, label, place, choice) for place in choice.places)
        found += [ground for ground in made if ground is not None]
    if not found:
        raise DataError(
            "too few clean samples hold an identifier and are answered rightly: give more, at least 20 of each class"
        )
    return found


def _ground(victim: Classifier, drawn: Sequence[Sample], label: int, place: Place, choice: Choice) -> Ground | None:
    slots = slots_for(drawn, victim, choice.room, place)
    # Where there are too few for both, each gets half.
    count = min(choice.samples, len(slots) // 2)
    if count < LEAST:
        return None
    search, held = slots[:count], slots[count : count + choice.held]
    kinds: Kinds = "any" if place == "statement" else choice.vocabulary
    words = trigger_vocabulary(victim.encoder.tokenizer, search[0].sample.language, kinds)
    untriggered = float(text_losses(victim, [slot.sample for slot in held], label).mean())
    return Ground(label, place, tuple(search), tuple(held), untriggered, words)


def hunt(
    victim: Classifier,
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
    victim: Classifier,
    chosen: Sequence[Ground],
    plan: Plan,
    length: int,
    found: dict[GroundKey, list[Trial]],
    progress: _search.Progress | None,
) -> list[Search]:
    searches = []
    for ground in chosen:
        for restart in range(plan.restarts):
            fresh = _search.start(ground.label, ground.search, ground.vocabulary, length, plan.seed + restart)
            if found[ground.key]:
                known = found[ground.key][-1].starts[restart]
                fresh.tokens = (*known, *fresh.tokens[len(known) :])
            searches.append(fresh)
    _search.run(victim, searches, plan.budget, progress)
    return searches


def text_losses(victim: Classifier, samples: Sequence[Sample], label: int) -> Floats:
    """Return a label's loss on each sample, as its text is read: what a token row holds need not survive that."""
    rows = victim.encoder.inputs(samples)
    return row_losses(victim, [row["input_ids"] for row in rows], [label] * len(rows))


def trial_of(victim: Classifier, ground: Ground, ended: Sequence[Ended]) -> Trial:
    """Return the best of what several starts have found, with its success on held-back samples, as text."""
    tokens, loss, losses = min(ended, key=lambda each: each[1])
    text = str(victim.encoder.tokenizer.decode(tokens)).strip()
    stamped = [slot.stamped(text) for slot in ground.held]
    answers = victim.predict(stamped)
    held = text_losses(victim, stamped, ground.label)
    return Trial(
        tokens=tuple(tokens),
        trigger=text,
        loss=loss,
        held_loss=float(held.mean()),
        success=sum(answer.output == ground.label for answer in answers) / len(answers),
        losses=tuple(losses),
        starts=tuple(tuple(each[0]) for each in ended),
    )
