"""Hide parts of inputs one at a time, and see how the model's confidence in its own answer moves."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from codeward.defenses._elements import Element, cut, without
from codeward.types import Prediction, Sample
from codeward.victims.base import Victim


@runtime_checkable
class NoveltyTeller(Protocol):
    """A model that writes text and tells what of it is no copy of its input (``victims.generation.Generator``)."""

    def confidence_beyond(
        self, samples: Sequence[Sample], outputs: Sequence[int | str], read: Sequence[Sample]
    ) -> list[tuple[float, ...]]:
        """Return how sure it is of each piece of texts that is no copy of what they were written for."""

    def novel_text(self, output: str, read: Sample, number: int) -> str:
        """Return one of these pieces."""

    def additions(self, outputs: Sequence[str], read: Sequence[Sample]) -> list[dict[str, str]]:
        """Return for each text all short runs of tokens that stand nowhere in the input that it was written for, with what is beside them."""


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
        novel: Of an answer that is a text only what the input does not hold counts, each piece of it by itself.

    Returns:
        Each part with its ``falls``, and the largest of them as its score.
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
        before = next(sure) if first is None else (first,)
        falls = [moved(before, next(sure), victim) for _ in own]
        found.append(
            [replace(part, score=max(each, default=0.0), falls=each) for part, each in zip(own, falls, strict=True)]
        )
    return found


def sureness(
    samples: Sequence[Sample], outputs: Sequence[int | str], read: Sequence[Sample], victim: Victim, *, novel: bool
) -> list[tuple[float, ...]]:
    """Return how sure the model is of outputs, or of each piece in them that is no copy of the input that they were given for."""
    if novel and isinstance(victim, NoveltyTeller):
        return victim.confidence_beyond(samples, outputs, read)
    return [(value,) for value in victim.confidence(samples, outputs)]


def confidence_of(answer: Prediction, victim: Victim) -> float | None:
    """Return how sure the model is of an answer of its own, as far as the answer says it (a text's does not)."""
    if victim.task.kind == "generation" or not answer.scores:
        return None
    return answer.scores[0 if victim.task.kind == "retrieval" else int(answer.output)]


def moved(before: Sequence[float], after: Sequence[float], victim: Victim) -> tuple[float, ...]:
    """Return the change of each confidence; a text's log-likelihood counts only where it falls (CodePurify, section 3.2)."""
    changes = (first - second for first, second in zip(before, after, strict=True))
    if victim.task.kind == "generation":
        return tuple(0.0 if each < 0 else each for each in changes)  # what is no number stays so, and is told
    return tuple(abs(each) for each in changes)
