"""CodePurify with a second question (ours): does the model's answer follow the suspected element into clean inputs?

CodePurify asks whether an answer needs an element. Small models answer many clean inputs by one word, too, so that entropy
alone parts clean from triggered inputs poorly. Here the leading elements are also planted into clean inputs that the model
answers otherwise, and the suspicion is the change of confidence by hiding times the rise by planting: an element that is both
necessary and sufficient for the answer. With ``evidence="both"`` the entropy's suspicion is added (not before texts): where
clean inputs hold evidence of their own, a planted trigger does not prevail in each. Elements, hiding and mending are CodePurify's.

Where two triggers stand in one input and each suffices, neither is necessary, so that hiding one says nothing. With
``among="all"``, the default before classifiers unless ``screen`` is set, every element is planted, first into one clean input
and the best ones then into all, and the suspicion is the rise, up to twice as much where the answer needs the element (with
``evidence="planting"`` the rise alone). Triggers are then taken out one a round. What is not necessary cannot show by its
confidence that a fill works, so it gets no fill, but a neutral name or no statement at all.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field

from codeward.defenses._elements import Element
from codeward.defenses._hiding import NoveltyTeller
from codeward.defenses.input._base import Examination, answers_of, input_defenses
from codeward.defenses.input._evenness import strength
from codeward.defenses.input._fills import Candidate
from codeward.defenses.input._leading import carriers, leaders, place_of
from codeward.defenses.input._planting import Reference, Suspect, followings, sufficiencies
from codeward.defenses.input._references import no_fit, no_place, varied
from codeward.defenses.input._remembering import remembering, state_of
from codeward.defenses.input.codepurify import CodePurify
from codeward.errors import UsageError
from codeward.registry import method
from codeward.types import Kind, Prediction, Sample
from codeward.victims.base import Victim

NEEDED = 0.1
"""The score from which on an element is necessary enough to see whether a fill works."""
ALIKE = 0.95
"""The share of a statement's sufficiency from which on a name within it is the trigger."""
POOL = 4
"""Clean inputs that are kept for each one into which an element is planted: some have the same answer or do not fit."""


@input_defenses.register("codepurify-plant")
@method
class CodePurifyPlant(CodePurify):
    """CodePurify that also plants what it suspects into clean inputs: is the element sufficient for the answer?"""

    plant: Annotated[int, Field(ge=1)] = 4
    """Into how many clean inputs each leading element is planted."""
    leading: Annotated[int, Field(ge=1)] = 3
    """How many elements are planted so: those with the largest scores, or, of all, those that rise most in one clean input."""
    among: Literal["auto", "leading", "all"] = "auto"
    """What is planted: the leading elements; or all, judged first of all by sufficiency; auto: all before classifiers of inputs or pairs
    unless ``screen`` is set, else the leading ones. Calibration settles it."""
    evidence: Literal["both", "planting"] = "both"
    """Whether more counts than what planting says (not before texts): for leading elements without ``screen`` the entropy's suspicion is added;
    of all elements one counts up to twice, the more, the more the answer needs it."""
    references: tuple[Sample, ...] = ()
    """The clean inputs for planting; kept by calibration."""

    def prepare(self, clean: Sequence[Sample], victim: Victim) -> Self:
        """Keep clean inputs for planting.

        Raises:
            UsageError: If options contradict each other, or the model's.
        """
        if victim.task.kind == "generation":
            self._check_writer(victim)
        if self.screen and self.among == "all":
            raise UsageError("among=all plants every element, so screen can leave out none; give one of the two")
        kept = tuple(varied(clean, answers_of(clean, victim), POOL * self.plant))
        return dataclasses.replace(super().prepare(clean, victim), references=kept, among=self._among(victim))

    def _among(self, victim: Victim) -> Literal["leading", "all"]:
        """Return what is planted before a model."""
        if self.among != "auto":
            return self.among
        return "all" if victim.task.kind in ("classification", "pair") and not self.screen else "leading"

    def suspicion_is(self, kind: Kind) -> str:
        """See ``InputDefense.suspicion_is``."""
        if kind == "generation":
            return "how much a piece of the answer rests on the element, times the share of clean inputs of which the model writes it, too, once the element is planted there"
        follow = "how far clean inputs go over to the answer when the element is planted into them"
        if kind == "retrieval":
            follow = "how far clean code comes nearer to the query when the element is planted into it"
        if self.among == "all":
            return follow + (", up to twice as much where the answer needs it" if self.evidence == "both" else "")
        uneven = f", and {super().suspicion_is(kind)}" if self._adds else ""
        return f"the element's score times {follow}{uneven}"

    def _check_writer(self, victim: Victim) -> None:
        if not isinstance(victim, NoveltyTeller):
            raise UsageError(
                "codepurify-plant before a model that writes text needs one that tells what it adds to its input; use codepurify"
            )
        if self.screen or self.among == "all":
            name = "screen" if self.screen else "among=all"
            raise UsageError(f"{name} is for classes, pairs and search, not for a model that writes text; leave it out")

    def examine(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """See ``InputDefense.examine``; the suspicion is necessity times sufficiency of the best element, with the entropy's added."""
        victim = remembering(victim)
        found = self._judged(samples, answers, victim)
        if victim.task.kind == "generation":
            judged = self._told(self._followed(found, samples, answers, victim), samples, answers, victim)
        else:
            judged = self._planted(found, samples, answers, victim)
        if self.threshold is None:  # of clean inputs only how suspicious they are is asked
            return judged
        return [self._or_not_examined(*each, victim) for each in zip(judged, samples, answers, strict=True)]

    def _or_not_examined(self, each: Examination, sample: Sample, answer: Prediction, victim: Victim) -> Examination:
        """Say of an input for which there is no clean one to plant into that it was not examined: it would pass unseen."""
        if each.problem or not each.elements:
            return each
        references = self._answered(victim)
        problem = no_place(sample, answer, references, victim.task.kind)
        if not problem and each.suspicion == 0 and victim.task.kind != "retrieval":
            problem = no_fit(sample, answer, each.elements, references)
        return dataclasses.replace(each, suspicion=0.0, problem=problem) if problem else each

    def _answered(self, victim: Victim) -> list[Reference]:
        """Return the clean inputs for planting with what a model answers to them; it is asked once."""
        state = state_of(victim)
        if state not in self._known_answers:
            self._known_answers[state] = answers_of(self.references, victim)
        return list(zip(self.references, self._known_answers[state], strict=True))

    @cached_property
    def _known_answers(self) -> dict[object, list[Prediction]]:
        """What models answered to the clean inputs, by their state."""
        return {}

    def _followed(
        self, found: Sequence[Examination], samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim
    ) -> list[Examination]:
        """Judge texts: the elements on which a piece rests, by whether the model writes of it wherever they are planted."""
        chosen = [carriers(each.elements, 2 * self.leading) for each in found]
        suspects = self._suspects(chosen, samples, answers)
        shares = iter(followings(suspects, self._answered(victim), victim, self.plant))
        results = []
        for each, own in zip(found, chosen, strict=True):
            follows = [next(shares) for _ in own]
            worth = [strength(element.worth) * share for element, share in zip(own, follows, strict=True)]
            results.append(_ranked(each, own, worth, sufficient=follows))
        return results

    def _planted(
        self, found: Sequence[Examination], samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim
    ) -> list[Examination]:
        """Judge classes and similarities: the leading elements, or all, by the rise where they are planted."""
        if self.among == "all":
            chosen = self._best(found, samples, answers, victim)
        else:
            chosen = [self._worth_planting(leaders(each.elements, self.leading), victim) for each in found]
        rises = self._rises(chosen, samples, answers, victim, self.plant)
        return [
            self._weighed(each, elements, own, victim) for each, elements, own in zip(found, chosen, rises, strict=True)
        ]

    def _weighed(
        self, each: Examination, elements: Sequence[Element], rises: Sequence[float], victim: Victim
    ) -> Examination:
        """Judge an input by elements that were planted and how far the model rose."""
        if self.among != "all":
            worth = [rise * element.worth for element, rise in zip(elements, rises, strict=True)]
            ranked = _ranked(each, elements, worth, sufficient=None, least=self._bound(each.elements, victim))
            return dataclasses.replace(ranked, suspicion=ranked.suspicion + (each.suspicion if self._adds else 0.0))
        sufficient = [rise * element.novelty for element, rise in zip(elements, rises, strict=True)]
        needed = [1.0 + element.score if self.evidence == "both" else 1.0 for element in elements]
        worth = [share * more for share, more in zip(sufficient, needed, strict=True)]
        return _ranked(each, elements, worth, sufficient=sufficient)

    @property
    def _adds(self) -> bool:
        """Whether the entropy of leading elements counts, too: with ``screen`` it is a bound, which cannot be added."""
        return self.evidence == "both" and not self.screen

    def _suspects(
        self, chosen: Sequence[Sequence[Element]], samples: Sequence[Sample], answers: Sequence[Prediction]
    ) -> list[Suspect]:
        return [
            Suspect(sample, answer, element)
            for sample, answer, elements in zip(samples, answers, chosen, strict=True)
            for element in elements
        ]

    def _first(self, count: int) -> int:
        return self.leading + 1

    def _enough(self, before: Sequence[Element], last: Sequence[Element], count: int) -> bool:
        """Whether the elements hidden last could not convict (a rise is one at most), or are none of those that lead."""
        leading = sorted((part.worth for part in before), reverse=True)[: self.leading]
        return max(part.score for part in last) <= max(self.threshold or 0.0, leading[-1] if leading else 0.0)

    def _worth_planting(self, elements: list[Element], victim: Victim) -> list[Element]:
        """With ``screen`` leave out what cannot convict: an element is worth its score times a rise of one at most."""
        if not self.screen or self.threshold is None:
            return elements
        return [element for element in elements if self._bound([element], victim) > self.threshold]

    def _bound(self, elements: Sequence[Element], victim: Victim) -> float:
        """Return what elements that are not planted can be worth at most: a similarity rises by two, a probability by one."""
        most = max((element.worth for element in elements), default=0.0)
        return most * (2.0 if victim.task.kind == "retrieval" else 1.0) if self.screen else 0.0

    def _best(
        self, found: Sequence[Examination], samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim
    ) -> list[list[Element]]:
        """Return the elements of each input that rise most in one clean input, and the statements around them."""
        every = [list(each.elements) for each in found]
        rises = self._rises(every, samples, answers, victim, 1)
        worth = [
            [rise * element.novelty for rise, element in zip(own, elements, strict=True)]
            for own, elements in zip(rises, every, strict=True)
        ]
        return [leaders(_by(own, elements), self.leading) for elements, own in zip(every, worth, strict=True)]

    def _rises(
        self,
        chosen: Sequence[Sequence[Element]],
        samples: Sequence[Sample],
        answers: Sequence[Prediction],
        victim: Victim,
        count: int,
    ) -> list[list[float]]:
        """Return the sufficiency of some elements of each input, measured in so many clean inputs."""
        suspects = self._suspects(chosen, samples, answers)
        rises = iter(sufficiencies(suspects, self._answered(victim), victim, count))
        return [[next(rises) for _ in elements] for elements in chosen]

    def _choose(
        self, made: Sequence[Candidate], falls: Sequence[tuple[float, ...]], element: Element
    ) -> Candidate | None:
        """Choose as CodePurify does; of what is not necessary, the last candidate, which keeps nothing of it."""
        if made and self.among == "all" and element.score < NEEDED:
            return made[-1]
        return super()._choose(made, falls, element)


def _ranked(
    each: Examination,
    elements: Sequence[Element],
    worth: Sequence[float],
    *,
    sufficient: Sequence[float] | None,
    least: float = 0.0,
) -> Examination:
    """Put the planted elements first, by what they are worth; the suspicion is the best's.

    Args:
        each: What was found before.
        elements: Those that were planted.
        worth: Of each.
        sufficient: By what a name comes before the statement around it, if it does.
        least: The suspicion where none was planted.
    """
    ranked = _by(worth, elements)
    if sufficient is not None:
        ranked = _name_first(ranked, dict(zip(elements, sufficient, strict=True)))
    first = {place_of(element) for element in ranked}
    rest = [element for element in each.elements if place_of(element) not in first]
    suspicion = math.nan if any(map(math.isnan, worth)) else max(worth, default=least)
    return dataclasses.replace(each, suspicion=suspicion, elements=(*ranked, *rest))


def _by(worth: Sequence[float], elements: Sequence[Element]) -> list[Element]:
    """Return elements by what they are worth, the highest first; before all of them those of which there is no number."""
    order = sorted(range(len(elements)), key=lambda at: (not math.isnan(worth[at]), -worth[at]))
    return [elements[at] for at in order]


def _name_first(ranked: list[Element], worth: Mapping[Element, float]) -> list[Element]:
    """Put a name before the statement around it that is worth no more: the statement may be the author's own."""
    names = [
        inner
        for inner in ranked[1:]
        if inner.kind == "identifier"
        and inner.field == ranked[0].field
        and worth[inner] >= ALIKE * worth[ranked[0]]
        and any(ranked[0].spans[0].contains(span) for span in inner.spans)
    ]
    return [*names[:1], *(element for element in ranked if element not in names[:1])]
