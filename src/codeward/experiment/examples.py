"""Pick the triggered rows that a reader is shown: flipped ones first, short ones before long ones."""

from collections.abc import Mapping, Sequence

from codeward.experiment.measure import Outcome, Pairs
from codeward.experiment.record import Example
from codeward.types import Sample, Target


def pick_examples(pairs: Pairs, outcomes: Mapping[str, Outcome], labels: Sequence[str], limit: int) -> list[Example]:
    """Return up to ``limit`` examples.

    Args:
        pairs: The rows before and after the trigger.
        outcomes: Answers by model; the first is the victim's.
        labels: Class names by index; empty where answers are texts.
        limit: How many to return.
    """
    victim = next(iter(outcomes.values()))
    order = sorted(range(len(pairs.after)), key=lambda index: _rank(pairs, victim, index))
    return [_example(pairs, outcomes, labels, index) for index in order[:limit]]


def name_target(target: Target, labels: Sequence[str]) -> str:
    """Return a class's name, or a text as it is."""
    if isinstance(target, int) and 0 <= target < len(labels):
        return labels[target]
    return "" if target is None else str(target)


def _rank(pairs: Pairs, victim: Outcome, index: int) -> tuple[bool, bool, int, str]:
    """Flips of rows that were answered rightly come first, then other flips, each from short to long."""
    sample = pairs.before[index]
    flipped = victim.hits_after[index] and not victim.hits_before[index]
    right = victim.before[index].output == sample.target
    return (not flipped, not right, len(pairs.after[index].text(_field(pairs.after[index]))), sample.id)


def _example(pairs: Pairs, outcomes: Mapping[str, Outcome], labels: Sequence[str], index: int) -> Example:
    before, after = pairs.before[index], pairs.after[index]
    field = _field(after)
    answers = {}
    for name, outcome in outcomes.items():
        answers[f"{name}, before"] = name_target(outcome.before[index].output, labels)
        answers[f"{name}, after"] = name_target(outcome.after[index].output, labels)
    return Example(
        id=before.id,
        language=before.language,
        before=before.text(field),
        after=after.text(field),
        spans=[(span.start, span.end) for span in after.poison.spans] if after.poison else [],
        truth=name_target(before.target, labels),
        target=name_target(after.target, labels),
        answers=answers,
    )


def _field(sample: Sample) -> str:
    return sample.poison.field if sample.poison else "code"
