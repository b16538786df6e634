"""CodePurify: purify inputs by the entropy of where the model's confidence rests (arXiv 2410.20136).

A clean prediction rests on much of the code, a backdoored one on a single element. Each identifier and each statement is
hidden in turn, the change of the model's confidence in its own answer is the element's score, and the entropy of the
scores, divided by its largest possible value, tells how evenly it rests. Where it is low, the element of the largest score
is filled anew by a masked language model.

Departures from the paper and its released code: one threshold, calibrated on clean inputs alone; scores that are all zero
mean that nothing stands out (the released code has no number then); only masked places are rewritten, a name everywhere
alike and by scoping rules; the result is source code. With ``verify`` (on; not in the paper) a fill has to take effect:
the model's confidence must move by nine tenths of what hiding the element moves, else the next fill is tried, then a neutral name
or no statement at all.
With ``answer=novel`` (on; not in the paper) each piece of a text that is no copy of the input is judged by itself, by the confidence in
its least probable token, and the most suspicious counts: a model that repairs code copies most of it, every name that is hidden moves
its copies, and what an attacker has it write rests on other elements than what the model adds by itself. What is suspicious is then not
only alone but large: the share of unevenness counts by ``1 - exp(-f / 4)``, f the largest fall in nats.
With ``repeated=together`` (on; not in the paper) a statement that stands in several places word for word is one element: a trigger that
is planted twice is needed in neither place.
With ``spare_familiar`` (on; not in the paper) an element counts the less, the more something alike stands in clean inputs
(classes, pairs and search): many clean answers rest on one check, which stands elsewhere, too.
With ``spare_asked`` (on; not in the paper) an element of code counts the less, the more of its words stand in the query (search).
With ``screen`` (off; not in the paper) the likeliest elements by one gradient are hidden first, and no more once the known
scores alone are even enough: what follows could convict only if it outweighed them. The suspicion is then an upper bound.
A smoothing of the scores (0.01 and 0.05 added to each) and counting falls only were tried and dropped: AUROC 0.86, 0.81 and
0.86 instead of 0.88 (the demo's victim, 150 clean and 150 triggered inputs).
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field

from codeward.defenses._elements import Element, parts_of, reaches, together
from codeward.defenses._hiding import NoveltyTeller, moved, scored, sureness
from codeward.defenses._leads import leads
from codeward.defenses.input._asking import unasked
from codeward.defenses.input._base import Change, Examination, InputDefense, input_defenses
from codeward.defenses.input._evenness import most_suspicious, piece_of
from codeward.defenses.input._familiarity import Known, novelties, texts_of
from codeward.defenses.input._fills import Candidate, candidates
from codeward.defenses.input._masked import AUTO, masked_model
from codeward.defenses.input._remembering import remembering
from codeward.defenses.input._screening import screened
from codeward.errors import CodeError
from codeward.registry import method
from codeward.types import QUERY, Kind, Prediction, Sample
from codeward.victims.base import Victim

KINDS: dict[str, tuple[Literal["identifier", "statement"], ...]] = {
    "all": ("identifier", "statement"),
    "identifiers": ("identifier",),
    "statements": ("statement",),
}
EFFECT = 0.9
"""The share of an element's score that a fill has to reach."""

MEMORY = 500
"""Clean inputs at most whose elements are kept, for ``spare_familiar``."""


@input_defenses.register("codepurify")
@method
class CodePurify(InputDefense):
    """Purification by entropy: hide each element, find the one on which the answer rests, and fill it anew."""

    elements: Literal["all", "identifiers", "statements"] = "all"
    """What is hidden in turn."""
    masked_model: str = AUTO
    """The masked language model that fills: a folder or hub name; ``auto`` is the embedded one where there is one."""
    fills: Annotated[int, Field(ge=1)] = 4
    """How many fills are tried."""
    verify: bool = True
    """Whether a fill has to move the confidence by nine tenths of the element's score."""
    screen: bool = False
    """Whether elements are hidden a few at a time, the likeliest by one gradient first, and no more once the verdict is settled."""
    answer: Literal["whole", "novel"] = "novel"
    """Of an answer that is a text: whether all of it counts (the paper), or each piece by itself that is no copy of the input."""
    nested: Literal["all", "explained"] = "explained"
    """Whether a statement counts beside one within it that explains most of its score (the paper: all)."""
    repeated: Literal["together", "apart"] = "together"
    """Whether a statement that stands several times word for word is hidden in all places at once, as a name is (the paper: apart)."""
    spare_familiar: bool = True
    """Whether an element counts the less, the more something alike stands in the clean inputs; for classes, pairs and search (the paper: no)."""
    spare_asked: bool = True
    """Whether an element counts the less, the more of its words stand in the query; for search (the paper: no)."""
    known: Known = ()
    """What stands in the clean inputs; kept by calibration with ``spare_familiar``."""

    def suspicion_is(self, kind: Kind) -> str:
        """See ``InputDefense.suspicion_is``."""
        what = (
            "the scores are"
            if kind != "generation" or self.answer == "whole"
            else "the scores of its most suspicious piece are"
        )
        return f"how unevenly {what} spread"

    def prepare(self, clean: Sequence[Sample], victim: Victim) -> Self:
        """Keep what stands in the clean inputs, if that is asked for."""
        if not self.spare_familiar or victim.task.kind == "generation":
            return self
        some = clean[:: -(-len(clean) // MEMORY) or 1]
        parts, _ = self._parts(some, reaches(some, victim.task.kind, victim.reach))
        return dataclasses.replace(self, known=tuple(texts_of(own) for own in parts))

    def examine(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """See ``InputDefense.examine``; details hold ``entropy`` (in nats), ``evenness`` and ``elements``."""
        victim = remembering(victim)
        return self._told(self._judged(samples, answers, victim), samples, answers, victim)

    def _judged(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """Judge each input by the entropy."""
        ends = reaches(samples, victim.task.kind, victim.reach)
        parts, problems = self._parts(samples, ends)
        hidden = self._hidden(samples, ends, parts, answers, victim)
        weighed = self._novel and victim.task.kind == "generation"
        return [
            Examination(0.0, problem=problem) if problem else self._examination(own, len(every), weighed=weighed)
            for own, every, problem in zip(hidden, parts, problems, strict=True)
        ]

    def _told(
        self, found: Sequence[Examination], samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim
    ) -> list[Examination]:
        """Say of suspicious texts which piece of them rests on the first element."""
        if not (self._novel and victim.task.kind == "generation" and isinstance(victim, NoveltyTeller)):
            return list(found)
        return [
            replace(each, piece=victim.novel_text(str(answer.output), sample, piece_of(each.elements[0])))
            if self._above(each)
            else each
            for each, sample, answer in zip(found, samples, answers, strict=True)
        ]

    def _parts(
        self, samples: Sequence[Sample], ends: Sequence[dict[str, int]]
    ) -> tuple[list[list[Element]], list[str]]:
        """Return the elements of each input, with their novelty, and why it has none if it cannot be read."""
        parts: list[list[Element]] = []
        problems: list[str] = []
        for sample, reach in zip(samples, ends, strict=True):
            try:
                kinds = KINDS[self.elements]
                own = [part for field, end in reach.items() for part in parts_of(sample, field, end, kinds)]
                parts.append(self._asked(together(own) if self.repeated == "together" else own, sample))
                problems.append("")
            except CodeError as problem:
                parts.append([])
                problems.append(str(problem))
        if self.known:
            new = novelties(parts, self.known, apart=self.threshold is None)
            parts = [
                [replace(part, novelty=part.novelty * each) for part, each in zip(own, values, strict=True)]
                for own, values in zip(parts, new, strict=True)
            ]
        return parts, problems

    def _asked(self, parts: list[Element], sample: Sample) -> list[Element]:
        """Spare what the query asks for, if there is one."""
        query = sample.text(QUERY)
        if not (self.spare_asked and query):
            return parts
        return [replace(part, novelty=unasked(part.text, query, sample.language)) for part in parts]

    def _hidden(
        self,
        samples: Sequence[Sample],
        ends: Sequence[dict[str, int]],
        parts: Sequence[Sequence[Element]],
        answers: Sequence[Prediction],
        victim: Victim,
    ) -> list[list[Element]]:
        """Return the scores of all parts, or with ``screen`` of as many as settle an input."""
        order = leads(samples, parts, answers, victim) if self.screen and self.threshold is not None else None
        if order is None:
            return scored(samples, ends, parts, answers, victim, novel=self._novel)
        return screened(
            samples, ends, parts, order, answers, victim, first=self._first, enough=self._enough, novel=self._novel
        )

    @property
    def _novel(self) -> bool:
        return self.answer == "novel"

    def _first(self, count: int) -> int:
        """Return how many of so many elements to hide at first: one more than could show that an input is clean."""
        return int(count ** (1.0 - (self.threshold or 0.0))) + 2

    def _enough(self, before: Sequence[Element], last: Sequence[Element], count: int) -> bool:
        """Whether an input cannot be convicted, if no element that was not hidden yet weighs more than those that were.

        A further score that is at most the weighted geometric mean of the known ones never lowers the entropy.
        """
        known = [replace(part, novelty=1.0) for part in (*before, *last)]
        return self.threshold is not None and self._examination(known, count).suspicion <= self.threshold

    def mend(
        self,
        samples: Sequence[Sample],
        answers: Sequence[Prediction],
        found: Sequence[Examination],
        victim: Victim,
    ) -> list[tuple[Sample, tuple[Change, ...]]]:
        """See ``InputDefense.mend``."""
        model = masked_model(self.masked_model)
        pairs = [(sample, each.elements[0]) for sample, each in zip(samples, found, strict=True)]
        choices = candidates(pairs, model, self.fills)
        rows = [
            (place, sample.with_text(element.field, choice.text))
            for place, ((sample, element), made) in enumerate(zip(pairs, choices, strict=True))
            for choice in made
        ]
        effects = self._effects(samples, answers, rows, victim) if self.verify else [()] * len(rows)
        shares = iter(effects)
        results: list[tuple[Sample, tuple[Change, ...]]] = []
        for (sample, element), made in zip(pairs, choices, strict=True):
            falls = [next(shares) for _ in made]
            chosen = self._choose(made, falls, element)
            if chosen is None:
                results.append((sample, ()))
            else:
                results.append((sample.with_text(element.field, chosen.text), (chosen.change(element),)))
        return results

    def _choose(
        self, made: Sequence[Candidate], falls: Sequence[tuple[float, ...]], element: Element
    ) -> Candidate | None:
        """Return the first candidate that takes effect on what the element was convicted for, else that with the largest effect."""
        if not made:
            return None
        if not self.verify:
            return made[0]
        effects = [each[piece_of(element)] for each in falls]
        works = (choice for choice, effect in zip(made, effects, strict=True) if effect >= EFFECT * element.score)
        return next(works, made[int(np.argmax(effects))])

    def _effects(
        self,
        samples: Sequence[Sample],
        answers: Sequence[Prediction],
        rows: Sequence[tuple[int, Sample]],
        victim: Victim,
    ) -> list[tuple[float, ...]]:
        every = [*samples, *(sample for _, sample in rows)]
        outputs = [each.output for each in answers] + [answers[place].output for place, _ in rows]
        read = [*samples, *(samples[place] for place, _ in rows)]
        sure = sureness(every, outputs, read, victim, novel=self._novel)
        before = sure[: len(samples)]
        return [
            moved(before[place], after, victim) for (place, _), after in zip(rows, sure[len(samples) :], strict=True)
        ]

    def _examination(self, parts: Sequence[Element], count: int, *, weighed: bool = False) -> Examination:
        """Judge by the elements that were hidden, of so many; with some left out it is a bound."""
        return most_suspicious(parts, count, weighed=weighed, nested=self.nested == "all")
