"""Hide parts of inputs one at a time, and see how the model's confidence in its own answer moves."""

from collections.abc import Sequence
from dataclasses import replace

from codeward.defenses._elements import Element, cut, without
from codeward.types import Prediction, Sample
from codeward.victims.base import Victim


def scored(
    samples: Sequence[Sample],
    ends: Sequence[dict[str, int]],
    parts: Sequence[Sequence[Element]],
    answers: Sequence[Prediction],
    victim: Victim,
    *,
    filler: str | None = None,
    novel: bool = False,
) -> list[list[Element]]:
    """Return the parts with how much hiding each moves the confidence; the copies of all samples share batches.

    Args:
        samples: The inputs.
        ends: How many characters the model reads of each field, for each input.
        parts: The parts of each input.
        answers: The model's own answers.
        victim: The model.
        filler: What stands in the place of a part; by default the model's unknown token.
        novel: Of an answer that is a text only what the input does not hold counts.
    """
    hidden = victim.unknown if filler is None else filler
    shown = [cut(sample, reach) for sample, reach in zip(samples, ends, strict=True)]
    known = [
        confidence_of(answer, victim) if sample == other else None
        for answer, sample, other in zip(answers, samples, shown, strict=True)
    ]
    copies: list[Sample] = []
    outputs: list[int | str] = []
    read: list[Sample] = []
    for sample, reach, own, answer, first in zip(shown, ends, parts, answers, known, strict=True):
        copies += [sample] if first is None else []
        copies += [without(sample, part, reach[part.field], hidden) for part in own]
        outputs += [answer.output] * (len(own) + (first is None))
        read += [sample] * (len(own) + (first is None))
    sure = iter(sureness(copies, outputs, read, victim, novel=novel) if copies else [])
    found = []
    for own, first in zip(parts, known, strict=True):
        before = next(sure) if first is None else first
        found.append([replace(part, score=moved(before, next(sure), victim)) for part in own])
    return found


def sureness(
    samples: Sequence[Sample], outputs: Sequence[int | str], read: Sequence[Sample], victim: Victim, *, novel: bool
) -> list[float]:
    """Return how sure the model is of outputs, or of what in them is no copy of the inputs that they were given for."""
    beyond = getattr(victim, "confidence_beyond", None)
    if novel and beyond is not None:
        found: list[float] = beyond(samples, outputs, read)
        return found
    return victim.confidence(samples, outputs)


def confidence_of(answer: Prediction, victim: Victim) -> float | None:
    """Return how sure the model is of an answer of its own, as far as the answer says it (a text's does not)."""
    if victim.task.kind == "generation" or not answer.scores:
        return None
    return answer.scores[0 if victim.task.kind == "retrieval" else int(answer.output)]


def moved(before: float, after: float, victim: Victim) -> float:
    """Return a change of confidence; a text's mean log-likelihood counts only where it falls (CodePurify, section 3.2)."""
    if victim.task.kind == "generation":
        return max(0.0, before - after)
    return abs(before - after)
