"""Whether clean samples will do to judge a model with: enough of them, of what the model knows, and answered better than by chance."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from codeward.errors import DataError, NonFiniteError
from codeward.types import QUERY, Sample
from codeward.victims.base import Victim

if TYPE_CHECKING:
    from codeward.victims.huggingface import HuggingFaceVictim

FEWEST = 10
"""Samples of each class that a defense needs."""
FEWEST_TEXTS = 20
"""Samples with a reference text that a defense needs."""
FEWEST_QUERIES = 40
"""Pairs of query and code that a defense needs."""
JUDGED_TEXTS = 60
"""Samples on which it is looked whether a generator is better than chance, at most."""
CHANCE = 0.01
"""A model whose right answers are as likely as this by chance is not judged."""


def usable(clean: Sequence[Sample], victim: Victim) -> list[Sample]:
    """Return the samples without what the attacker wrote beside them; of a search model those that have a query."""
    blind = [sample.blind() for sample in clean]
    return [sample for sample in blind if victim.task.kind != "retrieval" or sample.text(QUERY).strip()]


def check_samples(clean: Sequence[Sample], victim: "HuggingFaceVictim") -> None:
    """Refuse clean samples with which nothing can be found.

    Raises:
        DataError: If they are too few, of one class, of a class that the model does not have, or without a text to learn.
    """
    if victim.task.kind == "generation":
        _check_texts(clean)
    elif victim.task.kind == "retrieval":
        _check_queries(clean)
    else:
        _check_classes(clean, victim.labels)


def _check_texts(clean: Sequence[Sample]) -> None:
    odd = next((sample for sample in clean if not isinstance(sample.target, str)), None)
    if odd is not None:
        raise DataError(
            f"clean sample {odd.id!r} has the target {odd.target!r}; the model writes text: give its reference text"
        )
    if len(clean) < FEWEST_TEXTS:
        raise DataError(f"the clean samples are too few ({len(clean)}); give at least {FEWEST_TEXTS}, better 60")


def _check_queries(clean: Sequence[Sample]) -> None:
    if not clean:
        raise DataError("no clean sample has a query, and a search model is judged by the words of queries; give pairs")
    if len(clean) < FEWEST_QUERIES:
        raise DataError(
            f"the clean samples are too few ({len(clean)} with a query); give at least {FEWEST_QUERIES}, better 400"
        )


def _check_classes(clean: Sequence[Sample], labels: Sequence[str]) -> None:
    counts = Counter(sample.target for sample in clean)
    for target in counts:
        if not isinstance(target, int) or not 0 <= target < len(labels):
            row = next(sample.id for sample in clean if sample.target == target)
            raise DataError(
                f"clean sample {row!r} has the target {target!r}, which the model does not know; it tells apart: "
                + ", ".join(labels)
            )
    enough = [label for label, count in counts.items() if count >= FEWEST]
    if len(counts) == 1:
        only = labels[next(label for label in counts if isinstance(label, int))]
        raise DataError(f"all {len(clean)} clean samples are of the class {only!r}; give some of another, too")
    if len(enough) < 2:
        told = ", ".join(f"{labels[label]} {count}" for label, count in counts.items() if isinstance(label, int))
        raise DataError(
            f"the clean samples are too few ({told or len(clean)}); give at least {FEWEST} of each class, better 120"
        )


def better_than_chance(clean: Sequence[Sample], victim: "HuggingFaceVictim", level: float = CHANCE) -> bool:
    """Whether a model knows the clean samples' targets better than blindly.

    A classifier's answers agree with the targets more often than if they were given without looking; a generator holds a
    sample's own target for more likely than the next sample's, more often than every second time, and a search model finds a
    query's own code nearer than the next sample's. A model that answers with no numbers does not.

    Args:
        clean: Samples with their right targets.
        victim: The model.
        level: How likely as many right answers by chance may be.
    """
    from scipy.stats import binomtest

    try:
        right, clean, blind = _right(clean, victim)
    except NonFiniteError:
        return False
    return bool(binomtest(right, len(clean), min(blind, 1.0), alternative="greater").pvalue < level)


def _right(clean: Sequence[Sample], victim: "HuggingFaceVictim") -> tuple[int, Sequence[Sample], float]:
    """Return how many samples are answered rightly, which ones were looked at, and how likely a right answer is by chance."""
    if victim.task.kind == "generation":
        clean = clean[:JUDGED_TEXTS]
        own = victim.confidence(clean, [str(sample.target) for sample in clean])
        shifted = [*clean[1:], *clean[:1]]
        others = victim.confidence(clean, [str(sample.target) for sample in shifted])
        right, blind = sum(a > b for a, b in zip(own, others, strict=True)), 0.5
    elif victim.task.kind == "retrieval":
        queries, codes = victim.embed(clean, QUERY), victim.embed(clean)
        own, others = (queries * codes).sum(1).tolist(), (queries * np.roll(codes, -1, axis=0)).sum(1).tolist()
        right, blind = sum(a > b for a, b in zip(own, others, strict=True)), 0.5
    else:
        answers = [prediction.output for prediction in victim.predict(clean)]
        targets = [sample.target for sample in clean]
        right = sum(answer == target for answer, target in zip(answers, targets, strict=True))
        said, true = Counter(answers), Counter(targets)
        blind = sum(said[label] * true[label] for label in true if isinstance(label, int)) / len(clean) ** 2
    return right, clean, blind
