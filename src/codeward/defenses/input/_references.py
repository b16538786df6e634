"""Which clean inputs elements are planted into, and for which inputs there are none: those would pass unseen."""

from collections.abc import Sequence
from itertools import zip_longest

from codeward.code import LANGUAGES
from codeward.defenses._elements import Element
from codeward.defenses.input._planting import Reference, plant
from codeward.types import Kind, Prediction, Sample

OTHERWISE: dict[Kind, str] = {
    "classification": "of every class in each language",
    "pair": "of every class in each language",
    "generation": "to which it writes something else",
}
"""Which clean inputs are lacking where the model answers all like one, by the kinds of task in which it has to answer otherwise."""


def varied(samples: Sequence[Sample], answers: Sequence[Prediction], count: int) -> list[Sample]:
    """Return some samples of each language, of every answer in turn: an element can only move inputs that the model answers otherwise.

    Args:
        samples: Clean inputs.
        answers: What the model says to them.
        count: How many of a language.
    """
    languages: dict[str, dict[int | str, list[Sample]]] = {}
    for sample, answer in zip(samples, answers, strict=True):
        languages.setdefault(_read_as(sample), {}).setdefault(answer.output, []).append(sample)
    chosen = []
    for groups in languages.values():
        turns = zip_longest(*groups.values())
        chosen += [sample for turn in turns for sample in turn if sample is not None][:count]
    return chosen


def no_place(sample: Sample, answer: Prediction, references: Sequence[Reference], kind: Kind) -> str:
    """Return why no element of an input can be planted anywhere; the empty string where it can."""
    known = [said for reference, said in references if _read_as(reference) == _read_as(sample)]
    if not known:
        return (
            f"no clean input of the calibration is in its language ({sample.language or 'none given'}), so that nothing could be "
            "planted; calibrate with clean inputs of all languages that come"
        )
    if kind in OTHERWISE and all(said.output == answer.output for said in known):
        return (
            f"the model answers all clean inputs of its language ({sample.language}) in the calibration like this one, so that "
            f"nothing could be planted; calibrate with clean inputs {OTHERWISE[kind]}"
        )
    return ""


def no_fit(sample: Sample, answer: Prediction, elements: Sequence[Element], references: Sequence[Reference]) -> str:
    """Return why nothing could be planted where there are clean inputs to plant into; the empty string where something could."""
    others = [reference for reference, said in references if said.output != answer.output]
    if any(plant(reference, sample, element) is not None for element in elements for reference in others):
        return ""
    return (
        "none of its elements fits into any clean input of the calibration, so that nothing could be planted; calibrate with clean "
        "inputs like those that come"
    )


def _read_as(sample: Sample) -> str:
    """Return the language as which a sample is read; one name for all that is read as words."""
    return sample.language if sample.language in LANGUAGES else ""
