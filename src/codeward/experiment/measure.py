"""Measure a victim: clean utility, and the attack success rate with its floor, its denominator and what was left out.

The success rate counts test rows whose true target is not the attacker's, that the trigger fits, and that survive
truncation with the trigger inside. The floor is the same victim on the same rows without the trigger. For generated
text a success also needs that the payload does not stand in the output without the trigger (TOSEM 2024; DESIGN.md).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from codeward.attacks import Poisoned
from codeward.attacks.payloads import Payload
from codeward.errors import DataError
from codeward.experiment.manifest import Threat
from codeward.experiment.record import ScoreRow
from codeward.metrics import metrics
from codeward.metrics.numbers import check_numbers
from codeward.tasks import Task
from codeward.types import Prediction, Sample, Score
from codeward.victims.base import Victim

TRUNCATED = "the trigger would be cut off by the model's maximum length"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Test rows before and after the trigger, row by row, and why the others were left out."""

    before: tuple[Sample, ...]
    after: tuple[Sample, ...]
    counts: dict[str, int]
    skipped: dict[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one model answers to the pairs, and where the payload was achieved."""

    before: tuple[Prediction, ...]
    after: tuple[Prediction, ...]
    hits_before: tuple[bool, ...]
    hits_after: tuple[bool, ...]


def row(score: Score, model: str, data: str) -> ScoreRow:
    """Put a score into a record's row."""
    return ScoreRow(
        name=score.name,
        model=model,
        data=data,
        value=score.value,
        n=score.n,
        low=score.low,
        high=score.high,
        higher_is_better=score.higher_is_better,
    )


def utility(victim: Victim, task: Task, samples: Sequence[Sample]) -> list[Score]:
    """Measure a classifier, pair classifier or generator on clean rows by its task's metrics.

    Raises:
        ModelError: If the model answers with no numbers.
    """
    predictions = victim.predict(samples)
    check_numbers([prediction.scores for prediction in predictions], samples)
    outputs = [prediction.output for prediction in predictions]
    targets = [sample.target for sample in samples]
    language = one_language(samples)
    return [metrics.make(name).score(outputs, targets, language=language) for name in task.metrics]


MAJORITY, COPY = "majority class", "copied input"


def baseline(task: Task, samples: Sequence[Sample]) -> tuple[str, list[Score]] | None:
    """Measure what needs no model: always the most frequent class, or for a repair the input as it is.

    Returns:
        The baseline's name and its scores; ``None`` for a task that has none.
    """
    targets = [sample.target for sample in samples]
    if task.kind in ("classification", "pair"):
        name, outputs = MAJORITY, [Counter(targets).most_common(1)[0][0]] * len(targets) if targets else []
    elif task.name == "repair":
        name, outputs = COPY, [sample.code for sample in samples]
    else:
        return None
    language = one_language(samples)
    return name, [metrics.make(metric).score(outputs, targets, language=language) for metric in task.metrics]


def check_targets(task: Task, samples: Sequence[Sample]) -> None:
    """Refuse rows whose answers cannot be judged, since they say no true one; a search model's rows need none.

    Raises:
        DataError: If there are such rows.
    """
    if task.kind == "retrieval":
        return
    wanted = str if task.kind == "generation" else int
    bare = [sample.id for sample in samples if not isinstance(sample.target, wanted)]
    if bare:
        what = "text" if task.kind == "generation" else "class"
        raise DataError(
            f"{len(bare)} of {len(samples)} rows have no true {what} (target), the first is {bare[0]!r}; task {task.name!r} is measured "
            "against it, so give rows that have one"
        )


def stamp_pairs(victim: Victim, threat: Threat, samples: Sequence[Sample], seed: int) -> Pairs:
    """Stamp every eligible test row, and keep those in which the victim still reads the trigger."""
    poisoned: Poisoned = threat.attack.trigger(samples, threat.payload, seed=seed)
    originals = {sample.id: sample for sample in samples}
    read = read_triggers(victim, poisoned.samples)
    skipped: Counter[str] = Counter(poisoned.skipped)
    truncated = len(poisoned.samples) - len(read)
    if truncated:
        skipped[TRUNCATED] = truncated
    counts = {
        "total": poisoned.total,
        "eligible": poisoned.eligible,
        "tried": poisoned.tried,
        "stamped": len(poisoned.stamped),
        "truncated": truncated,
        "judged": len(read),
    }
    return Pairs(tuple(originals[sample.id] for sample in read), tuple(read), counts, dict(skipped))


def read_triggers(victim: Victim, samples: Sequence[Sample]) -> list[Sample]:
    """Return the stamped samples of which at least one occurrence of the trigger survives truncation whole."""
    fields = sorted({each.poison.field for each in samples if each.poison is not None})
    reach = {field: victim.reach(samples, field) for field in fields}
    return [
        sample
        for place, sample in enumerate(samples)
        if sample.poison is not None
        and any(span.end <= reach[sample.poison.field][place] for span in sample.poison.spans)
    ]


def attack_outcome(victim: Victim, payload: Payload, pairs: Pairs, *, generated: bool) -> Outcome:
    """Ask a model for its answers to the pairs and judge them.

    Raises:
        ModelError: If the model answers with no numbers.
    """
    before = tuple(victim.predict(pairs.before))
    after = tuple(victim.predict(pairs.after))
    for answers, asked in ((before, pairs.before), (after, pairs.after)):
        check_numbers([prediction.scores for prediction in answers], asked)
    hits_before = tuple(
        payload.achieved(prediction.output, sample) for prediction, sample in zip(before, pairs.before, strict=True)
    )
    hits_after = tuple(
        payload.achieved(prediction.output, sample) and not (generated and without)
        for prediction, sample, without in zip(after, pairs.after, hits_before, strict=True)
    )
    return Outcome(before, after, hits_before, hits_after)


def success_rows(outcome: Outcome, model: str) -> list[ScoreRow]:
    """Return the success rate with the trigger and, as the floor, without it."""
    asr = metrics.make("asr")
    rows = []
    for hits, data in ((outcome.hits_after, "triggered"), (outcome.hits_before, "untriggered")):
        rows.append(row(asr.score(hits, [True] * len(hits)), model, data))
    return rows


def one_language(samples: Sequence[Sample]) -> str | None:
    """Return the language that all samples are in; ``None`` where they have several."""
    languages = {sample.language for sample in samples}
    return languages.pop() if len(languages) == 1 else None
