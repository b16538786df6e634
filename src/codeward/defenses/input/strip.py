"""STRIP: a trigger keeps its answer whatever the input is blended with (Gao et al., ACSAC 2019; for text, TDSC 2021).

Each input is blended with clean ones, and the mean entropy of the model's class probabilities over the blends is low where a
trigger decides. A blend replaces words of the input by the words at the same place of a clean input, as the authors do for
text; each input has its own mean. It tells and cannot mend, so the answer to a suspicious input is withheld.
"""

import dataclasses
import re
from collections.abc import Sequence
from random import Random
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field

from codeward.defenses._elements import fields_read
from codeward.defenses.input._base import Change, Examination, InputDefense, input_defenses
from codeward.errors import UsageError
from codeward.registry import method
from codeward.seeds import derive
from codeward.types import Prediction, Sample
from codeward.victims.base import Victim

WORD = re.compile(r"\w+|[^\w\s]")


@input_defenses.register("strip")
@method
class Strip(InputDefense):
    """Blend with clean inputs; where the answers stay sure, a trigger decides. Detects only."""

    mends: ClassVar[bool] = False
    blends: Annotated[int, Field(ge=1)] = 8
    """How many clean inputs each input is blended with."""
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of words that are replaced."""
    seed: int = 0
    """Which words."""
    references: tuple[Sample, ...] = ()
    """The clean inputs; kept by calibration."""

    def prepare(self, clean: Sequence[Sample], victim: Victim) -> Self:
        """Keep the clean inputs to blend with.

        Raises:
            UsageError: If the model tells no classes apart.
        """
        if victim.task.kind not in ("classification", "pair"):
            raise UsageError(
                "strip needs class probabilities, and a model that searches or writes gives none; choose another defense, such as codepurify"
            )
        return dataclasses.replace(self, references=tuple(clean[: self.blends]))

    def examine(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """See ``InputDefense.examine``; details hold the mean ``entropy`` in nats."""
        rows = [self._blend(sample, reference, victim) for sample in samples for reference in self.references]
        values = [_entropy(each.scores) for each in victim.predict(rows)]
        width = len(self.references)
        means = [float(np.mean(values[start : start + width])) for start in range(0, len(values), width)]
        return [Examination(-mean, details={"entropy": mean}) for mean in means]

    def mend(
        self,
        samples: Sequence[Sample],
        answers: Sequence[Prediction],
        found: Sequence[Examination],
        victim: Victim,
    ) -> list[tuple[Sample, tuple[Change, ...]]]:
        """Change nothing."""
        return [(sample, ()) for sample in samples]

    def _blend(self, sample: Sample, reference: Sample, victim: Victim) -> Sample:
        rng = derive(self.seed, "strip", sample.id, reference.id)
        for field in fields_read(sample, victim.task.kind):
            sample = sample.with_text(field, blend(sample.text(field), reference.text(field), self.share, rng))
        return sample


def blend(text: str, other: str, share: float, rng: Random) -> str:
    """Return a text in which a share of the words are those at the same place of another."""
    words = WORD.findall(other)
    if not words:
        return text
    count = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal count
        word = words[count % len(words)]
        count += 1
        return word if rng.random() < share else match[0]

    return WORD.sub(replaced, text)


def _entropy(scores: Sequence[float]) -> float:
    """Return the entropy of class probabilities in nats; NaN where some are no numbers."""
    values = np.asarray(scores, dtype=np.float64)
    values = values[~(values <= 0)]
    return float(-(values * np.log(values)).sum())
