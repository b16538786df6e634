"""Evaluate a model on a data set: clean utility, and under an attack its success rate beside a clean model's."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeward.data import fingerprint
from codeward.errors import ModelError
from codeward.experiment.calibration import Calibration
from codeward.experiment.environment import environment
from codeward.experiment.examples import pick_examples
from codeward.experiment.manifest import Threat
from codeward.experiment.measure import (
    Outcome,
    Pairs,
    attack_outcome,
    baseline,
    check_targets,
    row,
    stamp_pairs,
    success_rows,
)
from codeward.experiment.protection import protect
from codeward.experiment.record import Example, Record, ScoreRow
from codeward.experiment.search import SearchSuccess, search_success, usefulness
from codeward.experiment.search_protection import protect_search
from codeward.metrics.numbers import check_numbers
from codeward.tasks import Task
from codeward.types import Sample
from codeward.victims.base import Victim

VICTIM = "victim"
CLEAN_MODEL = "clean model"
EXAMPLES = 5
PROBED = 8
"""Rows by which a model that gives no probabilities is looked at, before it is measured."""


@dataclass(slots=True)
class _Findings:
    """What an evaluation gathers on its way."""

    scores: list[ScoreRow] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    pairs: Pairs | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    success: SearchSuccess | None = None


def evaluate(
    victim: Victim,
    samples: Sequence[Sample],
    *,
    threat: Threat | None = None,
    reference: Victim | None = None,
    defenses: Sequence[Calibration] = (),
    seed: int = 0,
    title: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> Record:
    """Measure a victim, a clean model beside it, and input defenses before it, on test rows.

    Args:
        victim: The model to measure.
        samples: Clean test rows with their true targets.
        threat: The attack to measure; without it only clean utility is.
        reference: A clean model for the same task, measured on the same rows with the same triggers.
        defenses: Calibrated input defenses, each measured before the victim.
        seed: The seed that the stamps derive from.
        title: The record's title.
        config: What led here, to be kept in the record.

    Raises:
        ModelError: If the two models are made for different tasks or labels, or one answers with no numbers.
        DataError: If rows have no true target.
        UsageError: If the attack serves a class that the victim does not have.
    """
    _check_reference(victim, reference)
    task = victim.task
    check_targets(task, samples)
    if threat is not None:
        threat.payload.check(victim.labels)
    models = {VICTIM: victim} | ({} if reference is None else {CLEAN_MODEL: reference})
    for model in models.values():
        _check_sound(model, samples)
    findings = _Findings()
    with _Clock(findings.timings, "clean utility"):
        for name, model in models.items():
            findings.scores += _utility_rows(model, task, samples, name)
        without = baseline(task, samples)
        if without is not None:
            findings.scores += [row(score, without[0], "clean") for score in without[1]]
    if threat is not None:
        with _Clock(findings.timings, "attack"):
            _attack(findings, models, threat, samples, seed)
    for calibration in defenses:
        with _Clock(findings.timings, calibration.name):
            _protect(findings, calibration, victim, samples, threat)
    return Record(
        verb="evaluate",
        title=title or _title(task, threat),
        task=task.name,
        kind=task.kind,
        config={
            **(config or {}),
            **({} if threat is None else threat.settings()),
            **({"defenses": {each.name: each.settings for each in defenses}} if defenses else {}),
        },
        seed=seed,
        scores=findings.scores,
        counts=findings.counts or {"total": len(samples)},
        skipped=findings.skipped,
        fingerprints={"test": fingerprint(samples)} | {name: model.fingerprint for name, model in models.items()},
        environment=environment(),
        timings=findings.timings,
        examples=_examples(findings, victim),
    )


def _utility_rows(model: Victim, task: Task, samples: Sequence[Sample], name: str) -> list[ScoreRow]:
    return [row(score, name, "clean") for score in usefulness(model, task, samples)]


def _attack(
    findings: _Findings, models: Mapping[str, Victim], threat: Threat, samples: Sequence[Sample], seed: int
) -> None:
    """Measure every model on the rows that the victim was triggered with."""
    victim = models[VICTIM]
    if victim.task.kind == "retrieval":
        for name, model in models.items():
            found = search_success(model, threat, samples, seed)
            findings.scores += [row(score, name, data) for data, score in found.scores]
            findings.counts, findings.skipped = found.counts, found.skipped
            findings.success = findings.success or found
        return
    pairs = stamp_pairs(victim, threat, samples, seed)
    findings.pairs, findings.counts, findings.skipped = pairs, pairs.counts, pairs.skipped
    for name, model in models.items():
        outcome = attack_outcome(model, threat.payload, pairs, generated=victim.task.kind == "generation")
        findings.outcomes[name] = outcome
        findings.scores += success_rows(outcome, name)


def _protect(
    findings: _Findings, calibration: Calibration, victim: Victim, samples: Sequence[Sample], threat: Threat | None
) -> None:
    """Measure an input defense before the victim."""
    if victim.task.kind == "retrieval":
        found = protect_search(calibration.name, calibration.defense, victim, samples, success=findings.success)
    else:
        found = protect(
            calibration.name,
            calibration.defense,
            victim,
            samples,
            threat=threat,
            pairs=findings.pairs,
            outcome=findings.outcomes.get(VICTIM),
        )
    findings.scores += found.scores
    findings.timings[f"{calibration.name}, a clean input"] = round(found.seconds, 5)


def _examples(findings: _Findings, victim: Victim) -> list[Example]:
    if findings.pairs is None or not findings.outcomes:
        return []
    return pick_examples(findings.pairs, findings.outcomes, victim.labels, EXAMPLES)


def _check_sound(victim: Victim, samples: Sequence[Sample]) -> None:
    """Refuse a model that writes or ranks by no numbers, which its texts and ranks would not show; see ``check_numbers``."""
    probed = [sample for sample in samples if sample.target is not None][:PROBED]
    if probed and victim.task.kind in ("generation", "retrieval"):
        sure = victim.confidence(probed, [str(sample.target) for sample in probed])
        check_numbers([(value,) for value in sure], probed)


def _check_reference(victim: Victim, reference: Victim | None) -> None:
    if reference is None:
        return
    if (reference.task.name, reference.labels) != (victim.task.name, victim.labels):
        raise ModelError(
            f"the clean model is made for task {reference.task.name!r} with labels {', '.join(reference.labels)}, "
            f"the victim for {victim.task.name!r} with {', '.join(victim.labels)}; give two models of one task"
        )


def _title(task: Task, threat: Threat | None) -> str:
    return task.name if threat is None else f"{threat.name} on {task.name}"


class _Clock:
    """Adds the seconds of a block to a table."""

    def __init__(self, timings: dict[str, float], name: str) -> None:
        self._timings = timings
        self._name = name
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._timings[self._name] = round(time.perf_counter() - self._start, 3)
