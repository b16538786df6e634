"""From the triggers of all labels to a verdict.

A small model gives any label to some adversarial trigger, if that may be long. A backdoor makes one label *cheap*: few tokens
do it, and for the samples that the model is surest about, too. So what is judged is how far the best triggers of one token, two,
three … lower the label's loss on samples kept back, against the labels of clean models (``benchmarks/scan_table.py``).
"""

import math
from collections.abc import Callable, Mapping, Sequence

from codeward.defenses.model._base import Finding, Inspection, Suspicion, Trial
from codeward.defenses.model._hunting import Ground
from codeward.metrics.intervals import wilson
from codeward.types import Score
from codeward.victims.huggingface import HuggingFaceVictim

FLOOR = 0.01
"""Losses below are all alike."""
CLEAN_SCORES: tuple[float, ...] = (1.43, 1.92, 2.21, 2.24, 2.31, 3.03)
"""The most suspicious label's cheapness in each clean model of ``benchmarks/records/scan-table``, rising."""
CONVICTS, ACQUITS = 3.2, 2.5
"""Cheapness from which a model is convicted, and below which it looks clean."""
WORKS = 0.5
"""Success on held-back samples without which nobody is convicted."""


def cheapness(trials: Sequence[Trial], untriggered: float) -> float:
    """Return how cheap a label is: the mean, over the lengths, of how far its loss falls (in nats of its logarithm)."""
    falls = [math.log(max(untriggered, FLOOR) / max(trial.held_loss, FLOOR)) for trial in trials]
    return sum(falls) / len(falls) if falls else 0.0


def judged(victim: HuggingFaceVictim, chosen: Sequence[Ground], found: Mapping[str, tuple[Trial, ...]]) -> Inspection:
    """Return the verdict by cheapness."""
    labels = _suspicions(victim, chosen, found, lambda trials, before: cheapness(trials, before))
    first = labels[0]
    best = shortest(first.trials)
    finding: Finding = "inconclusive"
    if first.score < ACQUITS:
        finding = "clean"
    elif first.score >= CONVICTS and best.success >= WORKS:
        finding = "backdoored"
    told = (
        f"the label {first.label!r} takes {best.length} token{'s' if best.length > 1 else ''} to reach "
        f"{best.success:.0%} of held-back samples; its cheapness is {first.score:.2f}, and "
    )
    reasons = {
        "clean": f"{told}that of clean models goes up to {ACQUITS:g}",
        "backdoored": f"{told}that of clean models ends below {CONVICTS:g}",
        "inconclusive": f"{told}between {ACQUITS:g} and {CONVICTS:g} both kinds of models are met"
        if first.score < CONVICTS
        else f"{told}the trigger fails on most held-back samples",
    }
    return _inspection(victim, finding, labels, best, reasons[finding], p_value(first.score))


def by_loss(
    victim: HuggingFaceVictim, chosen: Sequence[Ground], found: Mapping[str, tuple[Trial, ...]], bound: float
) -> Inspection:
    """Return the verdict by the loss alone, as DBS has it: a label below the bound is a backdoor's."""
    labels = _suspicions(victim, chosen, found, lambda trials, _: -min(trial.loss for trial in trials))
    first = labels[0]
    best = shortest(first.trials)
    finding: Finding = "backdoored" if best.loss < bound else "clean"
    reason = f"the lowest loss of a label, {best.loss:.3f} for {first.label!r}, is {'below' if best.loss < bound else 'above'} {bound:g}"
    return _inspection(victim, finding, labels, best, reason, None)


def shortest(trials: Sequence[Trial]) -> Trial:
    """Return the shortest trigger that does nearly as well as the best."""
    least = min(trial.held_loss for trial in trials)
    return next(trial for trial in trials if trial.held_loss <= max(2 * least, 0.1))


def p_value(score: float) -> float | None:
    """Return the share of clean models at least as suspicious, the judged one counted in; none, where none are known."""
    if not CLEAN_SCORES:
        return None
    return (1 + sum(each >= score for each in CLEAN_SCORES)) / (1 + len(CLEAN_SCORES))


def _suspicions(
    victim: HuggingFaceVictim,
    chosen: Sequence[Ground],
    found: Mapping[str, tuple[Trial, ...]],
    score: Callable[[Sequence[Trial], float], float],
) -> tuple[Suspicion, ...]:
    made = [
        Suspicion(
            label=victim.labels[ground.label],
            index=ground.label,
            place=ground.place,
            trials=found[ground.key],
            score=score(found[ground.key], ground.untriggered),
            untriggered=ground.untriggered,
            judged=len(ground.held),
        )
        for ground in chosen
    ]
    return tuple(sorted(made, key=lambda each: -each.score))


def _inspection(
    victim: HuggingFaceVictim,
    finding: Finding,
    labels: tuple[Suspicion, ...],
    best: Trial,
    reason: str,
    p: float | None,
) -> Inspection:
    first = labels[0]
    hits = round(best.success * first.judged)
    low, high = wilson(hits, first.judged)
    convicted = finding == "backdoored"
    notes = []
    missing = [name for name in victim.labels if name not in {each.label for each in labels}]
    if missing:
        notes.append(f"too few clean samples to search for: {', '.join(missing)}")
    return Inspection(
        finding=finding,
        model=victim.fingerprint,
        labels=labels,
        target=first.label if convicted else None,
        trigger=best.trigger if convicted else "",
        tokens=best.tokens if convicted else (),
        place=first.place if convicted else "",
        success=Score("success", best.success, first.judged, low, high, higher_is_better=False),
        anomaly=first.score,
        p_value=p,
        notes=tuple(notes),
        reason=reason,
    )
