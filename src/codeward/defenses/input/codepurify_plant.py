"""CodePurify with a second question (ours): does the model's answer follow the suspected element into clean inputs?

CodePurify asks whether an answer needs an element. Small models answer many clean inputs by one word, too, so that entropy
alone parts clean from triggered inputs poorly. Here the leading elements are also planted into clean inputs that the model
answers otherwise, and the suspicion is the change of confidence by hiding times the rise by planting: an element that is both
necessary and sufficient for the answer. Elements, hiding and mending are CodePurify's.
"""

import dataclasses
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated, Self

from pydantic import Field

from codeward.defenses._elements import Element
from codeward.defenses.input._base import Examination, answers_of, input_defenses
from codeward.defenses.input._planting import Suspect, sufficiencies
from codeward.defenses.input.codepurify import EXPLAINED, CodePurify
from codeward.errors import UsageError
from codeward.registry import method
from codeward.types import Prediction, Sample
from codeward.victims.base import Victim

POOL = 4
"""Clean inputs that are kept for each one into which an element is planted: some have the same answer or do not fit."""


@input_defenses.register("codepurify-plant")
@method
class CodePurifyPlant(CodePurify):
    """CodePurify that also plants what it suspects into clean inputs: is the element sufficient for the answer?"""

    plant: Annotated[int, Field(ge=1)] = 4
    """Into how many clean inputs each leading element is planted."""
    leading: Annotated[int, Field(ge=1)] = 3
    """How many elements are planted, those with the largest scores."""
    references: tuple[Sample, ...] = ()
    """The clean inputs for planting; kept by calibration."""

    def prepare(self, clean: Sequence[Sample], victim: Victim) -> Self:
        """Keep clean inputs for planting."""
        if victim.task.kind == "generation":
            raise UsageError(
                "codepurify-plant works for classes, pairs and search: a generated text has no answer that could follow an "
                "element; use codepurify"
            )
        return dataclasses.replace(self, references=tuple(varied(clean, answers_of(clean, victim), POOL * self.plant)))

    def examine(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """See ``InputDefense.examine``; the suspicion is necessity times sufficiency of the best element."""
        found = super().examine(samples, answers, victim)
        chosen = [leaders(each.elements, self.leading) for each in found]
        suspects = [
            Suspect(sample, answer, element)
            for sample, answer, elements in zip(samples, answers, chosen, strict=True)
            for element in elements
        ]
        rises = iter(sufficiencies(suspects, self.references, victim, self.plant))
        results = []
        for each, elements in zip(found, chosen, strict=True):
            own = [(element.score * next(rises), element) for element in elements]
            ranked = [element for _, element in sorted(own, key=lambda pair: -pair[0])]
            rest = [element for element in each.elements if element not in ranked]
            suspicion = max((value for value, _ in own), default=0.0)
            results.append(dataclasses.replace(each, suspicion=suspicion, elements=(*ranked, *rest)))
        return results


def varied(samples: Sequence[Sample], answers: Sequence[Prediction], count: int) -> list[Sample]:
    """Return some samples, of every answer in turn: an element can only move inputs that the model answers otherwise."""
    groups: dict[int | str, list[Sample]] = {}
    for sample, answer in zip(samples, answers, strict=True):
        groups.setdefault(answer.output, []).append(sample)
    turns = zip_longest(*groups.values())
    return [sample for turn in turns for sample in turn if sample is not None][:count]


def leaders(elements: Sequence[Element], count: int) -> list[Element]:
    """Return the first elements, and the statements around them that score about as high: the trigger may be all of it."""
    first = list(elements[:count])
    around = [
        outer
        for outer in elements[count:]
        if outer.kind == "statement"
        and any(
            outer.field == inner.field
            and outer.spans[0].contains(inner.spans[0])
            and outer.score >= EXPLAINED * inner.score
            for inner in first
        )
    ]
    return first + around[:count]
