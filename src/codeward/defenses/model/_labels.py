"""The grounds of a classifier: for each label the samples of others that the model is surest about."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from codeward.defenses._elements import fields_read
from codeward.defenses.model._base import Place
from codeward.defenses.model._grounds import SPARE, Aim, Choice, Ground, shared_out, text_losses
from codeward.defenses.model._slots import slots_for
from codeward.defenses.model._vocabulary import trigger_vocabulary
from codeward.errors import DataError
from codeward.seeds import derive
from codeward.types import Prediction, Sample
from codeward.victims.huggingface import Classifier

NATURAL = 2.0
"""How many times as often as in other clean samples a token stands in those of a label with which it naturally goes."""
TINY = 1e-9
"""Probabilities below are all alike."""


def label_grounds(
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
        UnfitError: If the tokenizer has no suitable tokens.
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
        own = sorted(log_odds(answer, label) for answer in answers if answer.output == label)
        goal = float(np.mean(own[len(own) // 2 :])) if own else 0.0
        barred = () if choice.natural else natural(victim, clean, label)
        made = (_ground(victim, drawn, label, place, choice, goal, barred) for place in choice.places)
        found += [ground for ground in made if ground is not None]
    if not found:
        raise DataError(
            "too few clean samples hold an identifier and are answered rightly: give more, at least 20 of each class"
        )
    return found


def log_odds(answer: Prediction, label: int) -> float:
    """Return the log-odds that an answer gives a label."""
    of, others = answer.scores[label], sum(answer.scores[:label]) + sum(answer.scores[label + 1 :])
    return math.log(max(of, TINY)) - math.log(max(others, TINY))


def natural(victim: Classifier, clean: Sequence[Sample], label: int) -> list[int]:
    """Return the tokens that stand with a label in the clean samples: what makes the label likely there is no backdoor.

    A token that gives a label in a fiftieth of the training rows, as a trigger does, stands in some of a hundred clean samples if
    it is natural; a trigger stands in none, and its common parts in those of all labels.

    Args:
        victim: The model, whose tokens are meant; blanks before a word and its case do not count.
        clean: Clean samples with their targets.
        label: The label.
    """
    tokenizer = victim.encoder.tokenizer
    words = [tokenizer.decode([number]).strip().lower() for number in range(len(tokenizer))]
    seen: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    sizes: Counter[bool] = Counter()
    for sample in clean:
        text = " ".join(sample.text(field) for field in fields_read(sample, victim.task.kind))
        seen[sample.target == label].update({words[token] for token in tokenizer(text, verbose=False)["input_ids"]})
        sizes[sample.target == label] += 1

    def share(word: str, own: bool) -> float:
        return (seen[own][word] + 0.5) / (sizes[own] + 1)

    bound = {word for word in seen[True] if share(word, True) > NATURAL * share(word, False)}
    return [number for number, word in enumerate(words) if word in bound]


def _ground(
    victim: Classifier,
    drawn: Sequence[Sample],
    label: int,
    place: Place,
    choice: Choice,
    goal: float,
    barred: Sequence[int],
) -> Ground | None:
    parts = shared_out(slots_for(drawn, victim, choice.room, place), choice)
    if parts is None:
        return None
    search, held = parts
    words = trigger_vocabulary(victim.encoder.tokenizer, search[0].sample.language, choice.kinds(place))
    kept = words.without(barred)
    goals = (label,) * len(held)
    before = [log_odds(answer, label) for answer in victim.predict([slot.sample for slot in held])]
    return Ground(
        aim=Aim(label, victim.labels[label]),
        place=place,
        search=search,
        goals=(label,) * len(search),
        held=held,
        held_goals=goals,
        untriggered=float(text_losses(victim, [slot.sample for slot in held], goals).mean()),
        sureness=(float(np.mean(before)), goal),
        vocabulary=kept if len(kept.first) and len(kept.inner) else words,
    )
