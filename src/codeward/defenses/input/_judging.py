"""Of which inputs nothing can be said: those that lack what the model reads, and those of which it says no numbers."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan

from codeward.defenses._elements import Element
from codeward.types import OTHER, QUERY, Kind, Prediction, Sample

NO_QUERY = "a search model reads a query, too, and the row has none"
NO_OTHER = "a model of pairs reads two codes, and the row has one only"
NO_NUMBER = (
    "the model, or the defense, says no numbers (NaN) of it, so that nothing can be compared; do not serve its answer"
)


def lack(sample: Sample, kind: Kind) -> str:
    """Return what an input lacks of what a model of a kind reads, as half a sentence; empty: nothing."""
    if kind == "retrieval" and not sample.text(QUERY):
        return NO_QUERY
    if kind == "pair" and not sample.text(OTHER):
        return NO_OTHER
    return ""


def has_numbers(
    answer: Prediction, suspicion: float, elements: Sequence[Element], details: Mapping[str, float]
) -> bool:
    """Whether all that was measured of an input is a number.

    Args:
        answer: What the model answers to it.
        suspicion: The defense's verdict.
        elements: The parts, with what rests on them.
        details: What else was measured.
    """
    return not any(map(isnan, _measured(answer, suspicion, elements, details)))


def _measured(
    answer: Prediction, suspicion: float, elements: Sequence[Element], details: Mapping[str, float]
) -> Iterable[float]:
    yield float(suspicion)
    yield from answer.scores
    yield from details.values()
    for element in elements:
        yield element.score
        yield from element.falls
