"""Is a suspected element a trigger? Plant it into clean inputs and see whether the model's answer follows it.

Hiding an element tells whether an answer needs it. A word on which one clean answer rests does not move others; a trigger
moves all of them. This is ours, not the paper's; the idea of moving a suspected part to held-out inputs is known from image
and text models (SentiNet; Chou et al., 2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from codeward.code import LANGUAGES, Role, identifiers, insert_statement, rename
from codeward.code.layout import line_indent
from codeward.defenses._elements import Element, meant_by
from codeward.defenses._hiding import NoveltyTeller
from codeward.defenses.input._mangling import own_words
from codeward.errors import CodeError, UsageError
from codeward.types import QUERY, Prediction, Sample
from codeward.victims.base import Victim

NAMES = (Role.FUNCTION, Role.PARAMETER, Role.VARIABLE)
KEPT = 1024
"""Planted codes that are kept: what rises in one clean input is planted there again, and inputs have elements in common."""
Reference = tuple[Sample, Prediction]
"""A clean input with what the model answers to it."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """An element of an input, with what the model answered to it."""

    sample: Sample
    answer: Prediction
    element: Element


def sufficiencies(
    suspects: Sequence[Suspect], references: Sequence[Reference], victim: Victim, count: int
) -> list[float]:
    """Return how far each element moves the model to its answer in clean inputs that had another one.

    For classes it is the mean rise of the answer's probability over those inputs; for retrieval that of the similarity to
    the query. It is 0 where an element can be planted nowhere, and NaN where the model says no number.

    Args:
        suspects: The elements.
        references: Clean inputs with the model's answers.
        victim: The model.
        count: Into how many inputs each is planted.
    """
    rows: list[Sample] = []
    outputs: list[int | str] = []
    widths: list[int] = []
    for suspect in suspects:
        pairs = _planted(suspect, references, victim, count)
        widths.append(len(pairs))
        rows += [sample for pair in pairs for sample in pair]
        outputs += [suspect.answer.output] * (2 * len(pairs))
    sure = iter(victim.confidence(rows, outputs) if rows else [])
    found = []
    for width in widths:
        rises = [-next(sure) + next(sure) for _ in range(width)]
        mean = sum(rises) / width if rises else 0.0
        found.append(0.0 if mean < 0 else mean)
    return found


def followings(suspects: Sequence[Suspect], references: Sequence[Reference], victim: Victim, count: int) -> list[float]:
    """Return in which share of clean inputs the model writes, once an element is planted, something of what it wrote to the element's input.

    Something is a run of four tokens that stands in both answers, but neither in what either was written for nor in the answer to
    the clean input as it is, and is no garbled copy of the element: an attacker's payload, where the element is the trigger.

    Args:
        suspects: The elements.
        references: Clean inputs with the model's answers.
        victim: A model that writes text and tells what it adds.
        count: Into how many inputs each is planted.
    """
    if not isinstance(victim, NoveltyTeller):
        raise UsageError("planting before a model that writes text needs one that tells what it adds to its input")
    pairs = [_planted(suspect, references, victim, count) for suspect in suspects]
    rows = [planted for own in pairs for _, planted in own]
    written = victim.predict(rows) if rows else []
    added = iter(victim.additions([str(each.output) for each in written], rows))
    clean = [sample for sample, _ in references]
    own_additions = victim.additions([str(answer.output) for _, answer in references], clean)
    natural = dict(zip([each.id for each in clean], own_additions, strict=True))
    wanted = victim.additions([str(each.answer.output) for each in suspects], [each.sample for each in suspects])
    found = []
    for suspect, want, own in zip(suspects, wanted, pairs, strict=True):
        words = own_words(want, suspect.element.text, suspect.sample.language)
        follows = [bool(words & (next(added).keys() - natural[reference.id].keys())) for reference, _ in own]
        found.append(sum(follows) / len(follows) if follows else 0.0)
    return found


def _planted(
    suspect: Suspect, references: Sequence[Reference], victim: Victim, count: int
) -> list[tuple[Sample, Sample]]:
    """Return clean inputs without and with the element."""
    retrieval = victim.task.kind == "retrieval"
    pairs: list[tuple[Sample, Sample]] = []
    for reference, answer in references:
        if len(pairs) == count:
            break
        if not retrieval and answer.output == suspect.answer.output:
            continue
        shown = reference.with_text(QUERY, suspect.sample.text(QUERY)) if retrieval else reference
        planted = plant(shown, suspect.sample, suspect.element)
        if planted is not None:
            pairs.append((shown, planted))
    return pairs


def plant(reference: Sample, donor: Sample, element: Element) -> Sample | None:
    """Return a sample with an element of another one; ``None`` where it does not fit."""
    text = reference.text(element.field)
    if element.kind == "word" or reference.language not in LANGUAGES:
        return reference.with_text(element.field, f"{element.text} {text}")
    if reference.language != donor.language:
        return None
    try:
        if element.kind == "identifier":
            meant = meant_by(donor, element)
            made = _renamed(text, reference.language, element.text, Role.VARIABLE if meant is None else meant.role)
        else:
            source, start = donor.text(element.field), element.spans[0].start
            made = _inserted(text, reference.language, line_indent(source, start) + element.text)
    except CodeError:
        return None
    return None if made is None else reference.with_text(element.field, made)


@lru_cache(maxsize=KEPT)
def _inserted(text: str, language: str, statement: str) -> str | None:
    """Put a statement first into a code, if it has a place for it."""
    edited = insert_statement(text, language, statement)
    return None if edited is None else edited.code


@lru_cache(maxsize=KEPT)
def _renamed(text: str, language: str, name: str, role: Role) -> str | None:
    """Rename the first identifier of the same role, else of any that is declared here."""
    own = [each for each in identifiers(text, language) if each.role in NAMES and not each.fixed]
    for each in sorted(own, key=lambda each: each.role != role):
        try:
            return rename(text, language, each, name).code
        except CodeError:
            continue
    return None
