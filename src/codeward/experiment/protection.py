"""What an input defense does to a victim: success and utility after it, what it flags, whether it finds the trigger."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from codeward.defenses.input import InputDefense, Purified
from codeward.experiment.manifest import Threat
from codeward.experiment.measure import Outcome, Pairs, one_language, row
from codeward.experiment.record import ScoreRow
from codeward.metrics import metrics
from codeward.tasks import Task
from codeward.types import Sample, Score
from codeward.victims.base import Victim

CLEAN, TRIGGERED = "clean", "triggered"
LOCALIZED = "localization"
"""Share of triggered inputs whose most suspicious element overlaps the trigger."""


@dataclass(slots=True)
class Protection:
    """What was measured of one defense."""

    scores: list[ScoreRow] = field(default_factory=list)
    seconds: float = 0.0
    """Of one clean input."""


def protect(
    name: str,
    defense: InputDefense,
    victim: Victim,
    samples: Sequence[Sample],
    *,
    threat: Threat | None = None,
    pairs: Pairs | None = None,
    outcome: Outcome | None = None,
) -> Protection:
    """Measure a calibrated defense before a victim.

    Args:
        name: What the rows of the record call it.
        defense: The defense.
        victim: The model.
        samples: Clean test rows.
        threat: The attack, with the pairs and the victim's answers to them.
        pairs: Test rows without and with the trigger.
        outcome: What the victim answers to them.
    """
    found = Protection()
    start = time.perf_counter()
    clean = defense.purify(samples, victim)
    found.seconds = (time.perf_counter() - start) / max(len(samples), 1)
    found.scores += [row(score, name, CLEAN) for score in _utility(victim.task, samples, clean)]
    flagged = [each.suspicious for each in clean]
    found.scores.append(row(metrics.make("fpr").score(flagged, [False] * len(flagged)), name, CLEAN))
    if threat is not None and pairs is not None and outcome is not None:
        arriving = [
            replace(after, target=before.target, poison=None)
            for before, after in zip(pairs.before, pairs.after, strict=True)
        ]
        triggered = defense.purify(arriving, victim)
        found.scores += _attack_rows(name, threat, pairs, outcome, clean, triggered)
    return found


def _utility(task: Task, samples: Sequence[Sample], purified: Sequence[Purified]) -> list[Score]:
    """Measure utility after the defense; an answer that is withheld is wrong."""
    outputs = [_given(each) for each in purified]
    targets = [sample.target for sample in samples]
    return [metrics.make(name).score(outputs, targets, language=one_language(samples)) for name in task.metrics]


def _given(each: Purified) -> int | str:
    if not each.rejected:
        return each.after.output
    return -1 if isinstance(each.after.output, int) else ""


def _attack_rows(
    name: str,
    threat: Threat,
    pairs: Pairs,
    outcome: Outcome,
    clean: Sequence[Purified],
    triggered: Sequence[Purified],
) -> list[ScoreRow]:
    generated = isinstance(outcome.before[0].output, str) if outcome.before else False
    hits = [
        not each.rejected and threat.payload.achieved(each.after.output, sample) and not (generated and without)
        for each, sample, without in zip(triggered, pairs.after, outcome.hits_before, strict=True)
    ]
    rows = [row(metrics.make("asr").score(hits, [True] * len(hits)), name, TRIGGERED)]
    return rows + detection_rows(name, pairs.after, clean, triggered)


def detection_rows(
    name: str, stamped: Sequence[Sample], clean: Sequence[Purified], triggered: Sequence[Purified]
) -> list[ScoreRow]:
    """Return how well triggered inputs are told from clean ones, and how often the trigger is what was found first."""
    flags = [each.suspicious for each in triggered]
    suspicions = [each.examination.suspicion for each in (*triggered, *clean)]
    truths = [True] * len(triggered) + [False] * len(clean)
    located = [_overlaps(each, sample) for each, sample in zip(triggered, stamped, strict=True)]
    rows = [
        row(metrics.make("recall").score(flags, [True] * len(flags)), name, TRIGGERED),
        row(metrics.make("auroc").score(suspicions, truths), name, f"{TRIGGERED} and {CLEAN}"),
    ]
    if any(each.examination.elements for each in triggered):
        share = metrics.make("recall").score(located, [True] * len(located)).renamed(LOCALIZED)
        rows.append(row(share, name, TRIGGERED))
    return rows


def _overlaps(each: Purified, sample: Sample) -> bool:
    """Whether the element that was found first shares characters with the trigger."""
    poison, elements = sample.poison, each.examination.elements
    if poison is None or not elements or elements[0].field != poison.field:
        return False
    return any(span.overlaps(place) for span in elements[0].spans for place in poison.spans)
