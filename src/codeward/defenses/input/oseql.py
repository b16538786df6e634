"""OSeqL: leave out each line and look for an outlier among the confidences (Hussain et al., arXiv 2312.04004).

A line that holds a trigger moves the model's confidence in its answer as no other line does. Departures: the outlier is the
largest change in units of the median absolute deviation (the paper trains a one-class SVM on the few values of one input),
and one threshold is calibrated on clean inputs. The line is taken away. Code that stands on one line or two, as in data sets
that drop line breaks, is taken apart by its simple statements instead.
"""

from collections.abc import Sequence

import numpy as np

from codeward.code import LANGUAGES, Edit, apply
from codeward.defenses._elements import Element, lines_of, parts_of, reaches
from codeward.defenses._hiding import scored
from codeward.defenses.input._base import Change, Examination, InputDefense, input_defenses
from codeward.registry import method
from codeward.types import CODE, OTHER, Prediction, Sample
from codeward.victims.base import Victim

CONSISTENT = 1.4826
"""By which the median absolute deviation estimates a standard deviation."""
NOISE = 1e-3
"""Changes of confidence below this are rounding."""
FEWEST = 3
"""Lines of which one can stand out."""
CODES = (CODE, OTHER)


@input_defenses.register("oseql")
@method
class OSeqL(InputDefense):
    """Leave out each line; the one whose absence moves the confidence like no other is taken away."""

    def examine(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """See ``InputDefense.examine``."""
        ends = reaches(samples, victim.task.kind, victim.reach)
        parts = [
            [part for field, end in reach.items() for part in _lines(sample, field, end)]
            for sample, reach in zip(samples, ends, strict=True)
        ]
        return [
            Examination(
                outlyingness([line.score for line in lines]), tuple(sorted(lines, key=lambda line: -line.score))
            )
            for lines in scored(samples, ends, parts, answers, victim, filler="")
        ]

    def mend(
        self,
        samples: Sequence[Sample],
        answers: Sequence[Prediction],
        found: Sequence[Examination],
        victim: Victim,
    ) -> list[tuple[Sample, tuple[Change, ...]]]:
        """See ``InputDefense.mend``."""
        results: list[tuple[Sample, tuple[Change, ...]]] = []
        for sample, each in zip(samples, found, strict=True):
            line = each.elements[0]
            text = apply(sample.text(line.field), [Edit(span, "") for span in line.spans]).code
            change = Change(line.kind, line.field, line.spans[0], line.text, "", "removed", line.score)
            results.append((sample.with_text(line.field, text), (change,)))
        return results


def _lines(sample: Sample, field: str, reach: int) -> list[Element]:
    """Return the lines of a field; where they are too few to compare, its statements that hold no other."""
    lines = lines_of(sample.text(field), field, reach)
    if len(lines) >= FEWEST or field not in CODES or sample.language not in LANGUAGES:
        return lines
    parts = parts_of(sample, field, reach, ("statement",))
    simple = [
        part
        for part in parts
        if not any(other is not part and part.spans[0].contains(other.spans[0]) for other in parts)
    ]
    return simple if len(simple) >= FEWEST else lines


def outlyingness(scores: Sequence[float]) -> float:
    """Return how far the largest value stands from the median, in robust standard deviations; 0 for too few."""
    if len(scores) < FEWEST:
        return 0.0
    values = np.asarray(scores, dtype=np.float64)
    middle = float(np.median(values))
    spread = CONSISTENT * float(np.median(np.abs(values - middle)))
    return (float(values.max()) - middle) / (spread + NOISE)
