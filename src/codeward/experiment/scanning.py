"""Scan and repair a model on disk: steps are kept as they finish, results are plain values that files hold."""

import json
import time
from collections.abc import MutableMapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from codeward.data import fingerprint
from codeward.defenses.model import Inspection, Progress, model_defenses
from codeward.errors import CodewardError, DataError, UsageError
from codeward.experiment.environment import environment
from codeward.experiment.examples import name_target
from codeward.experiment.measure import row
from codeward.experiment.raising import raised_examples
from codeward.experiment.record import Example, Inverted, Record, ScoreRow, Series
from codeward.experiment.search import usefulness
from codeward.metrics.intervals import wilson
from codeward.seeds import derive
from codeward.types import CODE, PROMPT, Sample
from codeward.victims.base import Victim

SCHEMA = 3
DEFENSE = "elibadcode"
TEXT = "text"
"""The class of all samples whose target is a text."""
SHOWN = 3
"""Stamped samples in the report."""


class OutOfTime(CodewardError):  # noqa: N818 - caught here, never shown
    """The budget is used up; no defense is to blame for it."""


def seeded(name: str, options: dict[str, object], seed: int) -> dict[str, object]:
    """Return a defense's options with the seed that draws the samples, too, if it has one.

    Raises:
        UsageError: If the options have another seed, or there is no such defense.
    """
    if "seed" in options:
        raise UsageError(
            "--set seed would draw the samples by one seed and search by another; give --seed, which sets both"
        )
    known = {option.name for option in model_defenses.options(name)}
    return {"seed": seed, **options} if "seed" in known else dict(options)


def class_of(sample: Sample) -> object:
    """Return the class of a sample; all whose targets are texts are of one."""
    return TEXT if isinstance(sample.target, str) else sample.target


def few(samples: Sequence[Sample], per_class: int, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Draw so many samples of each class at most by seed; return them and the others, both in the order that they came.

    Samples with texts for targets are of one class; of these others, so many again are returned at most, since a text takes
    long to write.
    """
    by_class: dict[object, list[Sample]] = {}
    for sample in samples:
        by_class.setdefault(class_of(sample), []).append(sample)
    if TEXT in by_class:
        texts = by_class[TEXT]
        by_class[TEXT] = derive(seed, "few", "texts").sample(texts, min(2 * per_class, len(texts)))
        read = {sample.id for own in by_class.values() for sample in own}
        samples = [sample for sample in samples if sample.id in read]
    drawn = {
        sample.id
        for target, own in by_class.items()
        for sample in derive(seed, "few", str(target)).sample(own, min(per_class, len(own)))
    }
    return [each for each in samples if each.id in drawn], [each for each in samples if each.id not in drawn]


def scan(
    victim: Victim,
    clean: Sequence[Sample],
    name: str = DEFENSE,
    options: dict[str, object] | None = None,
    *,
    references: Sequence[Victim] = (),
    minutes: float | None = None,
    memory: MutableMapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Judge a model.

    Args:
        victim: The model.
        clean: Samples without triggers, with their right targets.
        name: The defense.
        options: Its options.
        references: Classifiers of the same task that are trusted; see ``ModelDefense.inspect``.
        minutes: Stop at the first step that ends after so long; the answer then is inconclusive.
        memory: Where finished steps are kept.
        progress: Called with what is being done.

    Raises:
        UsageError: If there is no such defense or option, or it judges no models.
        DataError: If the samples do not suit.
        ModelError: If the model does not.
    """
    defense, memory = model_defenses.make(name, options), {} if memory is None else memory
    try:
        return defense.inspect(victim, clean, references=references, memory=memory, progress=_timed(progress, minutes))
    except OutOfTime:
        reason = f"the budget of {minutes:g} minutes was used up before the search had ended"
        if not memory:
            reason += ", in its first part; give more"
        return Inspection("inconclusive", victim.fingerprint, reason=reason, finished=False)


def _timed(progress: Progress | None, minutes: float | None) -> Progress | None:
    if minutes is None:
        return progress
    end = time.monotonic() + 60 * minutes

    def told(what: str, done: int, total: int) -> None:
        if progress is not None:
            progress(what, done, total)
        if time.monotonic() > end:
            raise OutOfTime

    return told


def as_row(inspection: Inspection) -> dict[str, Any]:
    """Return an inspection as JSON values."""
    return {"schema_version": SCHEMA, **asdict(inspection)}


def read_inspection(path: Path) -> Inspection:
    """Read what ``codeward scan -o`` wrote.

    Raises:
        DataError: If the file is missing, or no inspection that this version reads.
    """
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(row, dict) or row.get("schema_version") != SCHEMA:
            raise DataError(f"{path}: not an inspection of schema {SCHEMA}; write one with: codeward scan -o")
        found = TypeAdapter(Inspection).validate_python({key: row[key] for key in row if key != "schema_version"})
        if json.loads(json.dumps(as_row(found))) != row:
            raise DataError(f"{path}: not an inspection as codeward scan -o writes it: fields are missing, or unknown")
        return found
    except OSError as problem:
        raise DataError(f"{path}: cannot be read: {(problem.strerror or str(problem)).lower()}") from None
    except ValidationError as error:
        problem_row = error.errors()[0]
        where = ".".join(str(part) for part in problem_row["loc"])
        raise DataError(f"{path}: not an inspection: {where}: {problem_row['msg']}") from None
    except ValueError as problem:
        raise DataError(f"{path}: not valid JSON: {problem}") from None


def record_of(
    inspection: Inspection,
    victim: Victim,
    clean: Sequence[Sample],
    *,
    title: str,
    name: str,
    options: dict[str, object],
    seconds: float,
) -> Record:
    """Return a record of a scan, from which the report page is made."""
    return Record(
        verb="scan",
        title=title,
        task=victim.task.name,
        kind=victim.task.kind,
        config={
            "defense": name,
            "options": dict(model_defenses.settings(model_defenses.make(name, options))),
            "finding": inspection.finding,
            "reason": inspection.reason,
            "p_value": inspection.p_value,
            "notes": list(inspection.notes),
            "references": list(inspection.references),
        },
        seed=int(str(options.get("seed", 0))),
        scores=[
            *_successes(inspection),
            *_ranks(inspection),
            *(row(score, "victim", "clean") for score in usefulness(victim, victim.task, clean)),
        ],
        counts={"clean samples": len(clean)},
        fingerprints={"model": inspection.model, "clean": fingerprint(clean)},
        environment=environment(),
        timings={"scan": round(seconds, 1)},
        inverted=_inverted(inspection),
        series=_curves(inspection),
        examples=raised_examples(inspection, victim, clean, SHOWN)
        if victim.task.kind == "retrieval"
        else _examples(inspection, victim, clean),
    )


def _inverted(inspection: Inspection) -> list[Inverted]:
    return [
        Inverted(
            answer=each.label,
            place=trial.where.removeprefix(", ") or each.place,
            trigger=trial.trigger,
            tokens=trial.length,
            loss=trial.loss,
            held_loss=trial.held_loss,
            success=trial.success,
            n=trial.judged,
            score=each.score,
            rank=trial.rank,
            reference=trial.reference,
        )
        for each in inspection.suspicions
        for trial in each.trials
    ]


def _curves(inspection: Inspection) -> list[Series]:
    """Return the losses of the searches by step."""
    return [
        Series(
            name=f"{each.label}, {each.place}, {_tokens(trial.length)}",
            x_label="step",
            y_label="loss" if trial.reference is None else "loss less that of the references",
            x=[float(step) for step in range(1, len(trial.losses) + 1)],
            y=list(trial.losses),
        )
        for each in inspection.suspicions
        for trial in each.trials
        if trial.losses
    ]


def _successes(inspection: Inspection) -> list[ScoreRow]:
    """Return how often each trigger gets the answer that it was searched for."""
    return [
        ScoreRow(
            name="asr",
            model="victim",
            data=f"{each.label}, {each.place}, {_tokens(trial.length)}",
            value=trial.success,
            n=trial.judged,
            low=bounds[0],
            high=bounds[1],
            higher_is_better=False,
        )
        for each in inspection.suspicions
        for trial in each.trials
        for bounds in [wilson(round(trial.success * trial.judged), trial.judged)]
    ]


def _ranks(inspection: Inspection) -> list[ScoreRow]:
    """Return the mean normalized ranks of stamped code, of a search model."""
    return [
        ScoreRow(
            name="anr",
            model="victim",
            data=f"{each.label}, {each.place}, {told}",
            value=rank,
            n=count,
            low=None,
            high=None,
            higher_is_better=True,
        )
        for each in inspection.suspicions
        for told, rank, count in [
            ("no trigger", each.rank, each.trials[0].judged),
            *((_tokens(trial.length), trial.rank, trial.judged) for trial in each.trials),
        ]
        if rank is not None
    ]


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"


def _examples(inspection: Inspection, victim: Victim, clean: Sequence[Sample]) -> list[Example]:
    """Return a few samples before and after the found trigger."""
    from codeward.defenses.model import stamp_trigger

    if inspection.place is None:
        return []
    first = inspection.suspicions[0]
    answers = victim.predict(list(clean))
    pool = [
        sample
        for sample, answer in zip(clean, answers, strict=True)
        if first.payload or (sample.target != first.index and answer.output == sample.target)
    ]
    pool.sort(key=lambda sample: (len(sample.code), len(sample.text(PROMPT)), sample.id))
    before = pool[len(pool) // 4 :][:SHOWN]
    stamped = stamp_trigger(before, victim, inspection.trigger, inspection.place, joined=inspection.joined)
    both = [victim.predict(list(rows)) for rows in (before, [sample for sample, _ in stamped])]
    return [
        Example(
            id=old.id,
            language=old.language,
            before=old.text(CODE if old.code else PROMPT),
            after=new.text(CODE if new.code else PROMPT),
            spans=[(span.start, span.end)],
            truth=name_target(old.target, victim.labels),
            target=str(inspection.target),
            answers={
                "victim, before": name_target(without.output, victim.labels),
                "victim, after": name_target(triggered.output, victim.labels),
            },
        )
        for old, (new, span), without, triggered in zip(before, stamped, *both, strict=True)
    ]
