"""What an input-stage defense is: it examines inputs, and mends those that look like nothing it was calibrated on."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from pydantic import Field

from codeward.defenses._elements import Element, ElementKind
from codeward.defenses.input._judging import NO_NUMBER, has_numbers, lack
from codeward.errors import DataError, UsageError
from codeward.registry import Registry, method
from codeward.registry.plugins import blaming, wrong
from codeward.types import Kind, Prediction, Sample, Span
from codeward.victims.base import Victim

Progress = Callable[[int, int], None]
FALSE_POSITIVES = 0.05
"""Which share of clean inputs may be taken for suspicious, unless the user says otherwise."""
CHUNK = 64
"""Samples whose parts are examined in common batches."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What a defense found in one input."""

    suspicion: float
    """The higher, the less it is like a clean input; compared with the calibrated threshold."""
    elements: tuple[Element, ...] = ()
    """The parts, the most suspicious first."""
    details: Mapping[str, float] = field(default_factory=dict)
    """What else was measured, such as the entropy."""
    problem: str = ""
    """Why the input could not be examined; empty if it could."""
    piece: str = ""
    """Of a suspicious answer that is a text: what in it rests on the first element, where the defense tells."""


@dataclass(frozen=True, slots=True)
class Change:
    """One edit of one field."""

    kind: ElementKind
    field: str
    span: Span
    """Where the element first stands, in the text before this change."""
    before: str
    after: str
    how: Literal["filled", "renamed", "removed"]
    score: float


@dataclass(frozen=True, slots=True)
class Purified:
    """One input after the defense."""

    sample: Sample
    """What the model should be given; the input itself where nothing was suspicious."""
    suspicious: bool
    examination: Examination
    """Of the input as it came."""
    before: Prediction
    after: Prediction
    """The answer to what the model should be given."""
    changes: tuple[Change, ...] = ()
    rejected: bool = False
    """Whether the defense can only tell, not mend: the answer should be withheld."""
    still: bool = False
    """Whether what the model should be given is suspicious, too: nothing could be changed, or not enough in all rounds."""
    problem_after: str = ""
    """Why what the model should be given could not be examined again; empty if it could, or is the input itself."""


@method
class InputDefense(ABC):
    """Base of all input-stage defenses; the author writes ``examine`` and ``mend``."""

    mends: ClassVar[bool] = True
    """Whether it can take out what it finds."""
    max_rounds: Annotated[int, Field(ge=1)] = 3
    """How often an input may be mended while it is still suspicious: for attacks with several triggers."""
    threshold: float | None = None
    """Inputs above it are suspicious; set by calibration."""

    @abstractmethod
    def examine(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """Look at inputs and what the model answers to them, in their order; one that cannot be read gets its problem."""

    @abstractmethod
    def mend(
        self,
        samples: Sequence[Sample],
        answers: Sequence[Prediction],
        found: Sequence[Examination],
        victim: Victim,
    ) -> list[tuple[Sample, tuple[Change, ...]]]:
        """Return suspicious inputs without what was found, in their order, and what was changed."""

    def suspicion_is(self, kind: Kind) -> str:
        """Return what an input's suspicion is, before models of a kind, in half a sentence for whoever reads a page; empty: not told."""
        return ""

    def prepare(self, clean: Sequence[Sample], victim: Victim) -> Self:
        """Return the defense with what it keeps of the clean samples; most keep nothing."""
        return self

    @final
    def calibrate(
        self,
        clean: Sequence[Sample],
        victim: Victim,
        *,
        false_positive_rate: float = FALSE_POSITIVES,
        progress: Progress | None = None,
    ) -> Self:
        """Return the defense with the threshold that so few clean inputs pass.

        The threshold is the smallest value for which the expected share of clean inputs above it, drawn from where the
        given ones come from, is at most the rate (split conformal prediction; Vovk et al., 2005).

        Args:
            clean: Inputs without triggers.
            victim: The model to protect.
            false_positive_rate: In (0, 1).
            progress: Called with the number of inputs done and of all.

        Raises:
            UsageError: If the rate is no share.
            DataError: If the clean inputs are too few for the rate.
        """
        if not 0 < false_positive_rate < 1:
            raise UsageError(f"the false-positive rate has to be between 0 and 1, got {false_positive_rate:g}")
        needed = int(np.ceil(1 / false_positive_rate - 1e-9)) - 1
        prepared = dataclasses.replace(self, threshold=None).prepare([sample.blind() for sample in clean], victim)
        found = prepared._examined(clean, victim, progress)
        values = [each.suspicion for each in found if not each.problem]
        if len(values) < max(needed, 1):
            why = next((f" of {len(found)} ({each.problem})" for each in found if each.problem), "")
            raise DataError(
                f"a false-positive rate of {false_positive_rate:g} needs at least {max(needed, 1)} clean samples that can "
                f"be examined, got {len(values)}{why}; give more, or allow a higher rate"
            )
        place = int(np.ceil((len(values) + 1) * (1 - false_positive_rate) - 1e-9))
        return dataclasses.replace(prepared, threshold=float(sorted(values)[place - 1]))

    @final
    def purify(self, samples: Sequence[Sample], victim: Victim, *, progress: Progress | None = None) -> list[Purified]:
        """Examine inputs and mend the suspicious ones; same length, same order.

        Raises:
            UsageError: If the defense is not calibrated.
        """
        if self.threshold is None:
            raise UsageError("the defense has no threshold yet; calibrate it on clean samples of this model first")
        results: list[Purified] = []
        for start in range(0, len(samples), CHUNK):
            part = [sample.blind() for sample in samples[start : start + CHUNK]]
            results += self._purify_part(part, victim)
            if progress is not None:
                progress(len(results), len(samples))
        return results

    def _examined(self, samples: Sequence[Sample], victim: Victim, progress: Progress | None) -> list[Examination]:
        found: list[Examination] = []
        for start in range(0, len(samples), CHUNK):
            part = [sample.blind() for sample in samples[start : start + CHUNK]]
            found += self._judgeable(part, self._look(part, answers_of(part, victim), victim), victim)
            if progress is not None:
                progress(len(found), len(samples))
        return found

    def _look(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """Examine, and refuse what is not an examination of each sample; say so of those that have no numbers.

        Raises:
            PluginError: If so.
        """
        with blaming(self, "examine"):
            found: Any = self.examine(samples, answers, victim)
        right = isinstance(found, list | tuple) and len(found) == len(samples)
        if not right or not all(isinstance(each, Examination) and isinstance(each.suspicion, Real) for each in found):
            wanted = f"a list of as many Examinations with a number as suspicion as there are samples ({len(samples)})"
            raise wrong(self, "examine", wanted, found)
        return [
            each
            if each.problem or has_numbers(answer, each.suspicion, each.elements, each.details)
            else Examination(0.0, problem=NO_NUMBER)
            for each, answer in zip(found, answers, strict=True)
        ]

    def _repair(
        self, samples: Sequence[Sample], answers: Sequence[Prediction], found: Sequence[Examination], victim: Victim
    ) -> list[tuple[Sample, tuple[Change, ...]]]:
        """Mend, and refuse what is not a sample with its changes for each sample.

        Raises:
            PluginError: If so.
        """
        with blaming(self, "mend"):
            mended: Any = self.mend(samples, answers, found, victim)
        right = isinstance(mended, list | tuple) and len(mended) == len(samples)
        if not right or not all(_is_mended(each) for each in mended):
            wanted = f"a list of as many pairs of a Sample and a tuple of Changes as there are samples ({len(samples)})"
            raise wrong(self, "mend", wanted, mended)
        return list(mended)

    @staticmethod
    def _judgeable(samples: Sequence[Sample], found: Sequence[Examination], victim: Victim) -> list[Examination]:
        """Say of code without the query or the other code that the model reads, too, that nothing can be said of it."""
        lacks = [lack(sample, victim.task.kind) for sample in samples]
        return [Examination(0.0, problem=why) if why else each for each, why in zip(found, lacks, strict=True)]

    def _purify_part(self, samples: Sequence[Sample], victim: Victim) -> list[Purified]:
        before = answers_of(samples, victim)
        first = self._judgeable(samples, self._look(samples, before, victim), victim)
        flagged = [place for place, each in enumerate(first) if self._above(each)]
        results = [
            Purified(sample, place in flagged, each, answer, answer, rejected=place in flagged and not self.mends)
            for place, (sample, each, answer) in enumerate(zip(samples, first, before, strict=True))
        ]
        if self.mends and flagged:
            for place, mended in zip(flagged, self._mended([results[place] for place in flagged], victim), strict=True):
                results[place] = mended
            answers = answers_of([results[place].sample for place in flagged], victim)
            for place, answer in zip(flagged, answers, strict=True):
                results[place] = replace(results[place], after=answer)
        return results

    def _mended(self, flagged: Sequence[Purified], victim: Victim) -> list[Purified]:
        """Mend until nothing is suspicious, nothing can be changed, or the rounds are over; say what is suspicious still."""
        current = list(flagged)
        answers = [each.before for each in current]
        found = [each.examination for each in current]
        still = list(range(len(current)))
        for number in range(self.max_rounds + 1):
            if number and still:
                samples = [current[at].sample for at in still]
                fresh = answers_of(samples, victim)
                for at, answer, each in zip(still, fresh, self._look(samples, fresh, victim), strict=True):
                    answers[at], found[at] = answer, each
                still = [at for at in still if self._above(found[at])]
            if number == self.max_rounds or not still:
                break
            samples = [current[at].sample for at in still]
            mended = self._repair(samples, [answers[at] for at in still], [found[at] for at in still], victim)
            for at, (sample, changes) in zip(still, mended, strict=True):
                current[at] = replace(current[at], sample=sample, changes=(*current[at].changes, *changes))
            still = [at for at, (_, changes) in zip(still, mended, strict=True) if changes]
        return [
            replace(each, still=self._above(last), problem_after=last.problem)
            for each, last in zip(current, found, strict=True)
        ]

    def _above(self, each: Examination) -> bool:
        return not each.problem and self.threshold is not None and each.suspicion > self.threshold


input_defenses: Registry[InputDefense] = Registry("input defense", "codeward.defenses.input", plural="input_defenses")


def _is_mended(each: object) -> bool:
    """Whether something is a sample with the changes that were made to it."""
    if not isinstance(each, tuple) or len(each) != 2:
        return False
    sample, changes = each
    return isinstance(sample, Sample) and isinstance(changes, tuple) and all(isinstance(one, Change) for one in changes)


def answers_of(samples: Sequence[Sample], victim: Victim) -> list[Prediction]:
    """Return the model's answers; for retrieval, where an input alone has no rank, its similarity to the query."""
    if victim.task.kind != "retrieval":
        return victim.predict(samples)
    similar = victim.confidence(samples, [0] * len(samples))
    return [Prediction(sample.id, 0, (value,)) for sample, value in zip(samples, similar, strict=True)]
