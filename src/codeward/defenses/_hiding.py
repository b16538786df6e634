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
    before: Sequence[float] | None = None,
) -> list[list[Element]]:
    """Return the parts with how much hiding each moves the confidence; the copies of all samples share batches.

    Args:
        samples: The inputs.
        ends: How many characters the model reads of each field, for each input.
        parts: The parts of each input.
        answers: The model's own answers.
        victim: The model.
        filler: What stands in the place of a part; by default the model's unknown token.
        before: The confidence in the inputs as they came, where it is known.
    """
    hidden = victim.unknown if filler is None else filler
    copies: list[Sample] = []
    outputs: list[int | str] = []
    for sample, reach, own, answer in zip(samples, ends, parts, answers, strict=True):
        shown = cut(sample, reach)
        copies += [shown] if before is None else []
        copies += [without(shown, part, reach[part.field], hidden) for part in own]
        outputs += [answer.output] * (len(own) + (before is None))
    sure = iter(victim.confidence(copies, outputs) if copies else [])
    found = []
    for place, own in enumerate(parts):
        first = next(sure) if before is None else before[place]
        found.append([replace(part, score=moved(first, next(sure), victim)) for part in own])
    return found


def moved(before: float, after: float, victim: Victim) -> float:
    """Return a change of confidence; a text's mean log-likelihood counts only where it falls (CodePurify, section 3.2)."""
    if victim.task.kind == "generation":
        return max(0.0, before - after)
    return abs(before - after)
