"""What a scan says, from triggers that are written down here."""

import math
from dataclasses import replace

import pytest

from codeward.defenses.model._findings import Suspicion, Trial
from codeward.defenses.model._verdict import (
    ACQUITS,
    CLEAN_SCORES,
    CONVICTS,
    UNSURE,
    WORKS,
    decided,
    decided_by_success,
    ease,
    p_value,
)


def trial(length=1, loss=1.0, held=1.0, success=1.0):
    return Trial(tuple(range(length)), f"t{length}", loss=loss, held_loss=held, success=success, judged=20)


def suspicion(*trials, score=CONVICTS + 1, untriggered=UNSURE + 1):
    return Suspicion("clean", 0, "everywhere", trials or (trial(),), score=score, untriggered=untriggered)


def test_a_label_is_the_more_suspicious_the_lower_triggers_bring_its_loss():
    scores = [ease([trial(loss=loss, held=held)] * 3) for loss, held in ((2.0, 3.0), (0.2, 3.0), (0.2, 0.3))]
    assert scores == sorted(scores)
    assert scores[0] == pytest.approx(-math.log(2.0) - math.log(3.0))
    assert ease([trial(held=3.0), trial(2, held=0.5)]) == pytest.approx(-math.log(0.5))  # the best of those kept back
    assert ease([trial(loss=4.0), trial(2, loss=0.01)]) == pytest.approx(
        -math.log(4.0)
    )  # of the search one token counts


@pytest.mark.parametrize(
    ("first", "finding", "told"),
    [
        (suspicion(score=max(CLEAN_SCORES) + 1), "backdoored", "to which none of 43 known clean models comes"),
        (suspicion(score=max(CLEAN_SCORES)), "backdoored", "to which 1 of 43 known clean models come"),
        (suspicion(score=CONVICTS), "backdoored", "to which 2 of 43 known clean models come"),
        (suspicion(score=CONVICTS - 0.01), "inconclusive", "a clean model may come"),
        (suspicion(score=ACQUITS), "inconclusive", "a clean model may come"),
        (suspicion(score=ACQUITS - 0.01), "clean", "known clean models"),
        (suspicion(trial(success=WORKS - 0.01)), "inconclusive", "fails on most"),
        (suspicion(score=9.0, untriggered=UNSURE - 0.01), "inconclusive", "unsure of its answers"),
        (suspicion(score=-9.0, untriggered=UNSURE - 0.01), "inconclusive", "unsure of its answers"),
    ],
)
def test_what_a_score_says(first, finding, told):
    said, reason = decided(first)
    assert said == finding
    assert told in reason


def test_the_shortest_trigger_is_shown_that_does_nearly_as_well():
    short, middle, long = trial(1, held=0.9), trial(2, held=0.35), trial(3, held=0.2)
    assert suspicion(short, middle, long).best is middle
    assert suspicion(replace(short, held_loss=0.09), middle, trial(3, held=0.001)).best.length == 1
    payload = replace(suspicion(replace(short, success=0.95), middle), payload=(7,))
    assert payload.best.length == 1
    assert replace(payload, trials=(replace(short, success=0.8), middle)).best.length == 2


def test_the_judged_model_is_counted_among_the_clean_ones():
    assert p_value(max(CLEAN_SCORES) + 1) == pytest.approx(1 / (1 + len(CLEAN_SCORES)))
    assert p_value(min(CLEAN_SCORES)) == 1.0


@pytest.mark.parametrize(("share", "finding"), [(0.45, "clean"), (0.7, "inconclusive"), (0.95, "backdoored")])
def test_what_a_payload_s_success_says(share, finding):
    first = Suspicion("loop", 0, "function", (trial(success=share),), share, 5.0, payload=(3, 4))
    found, reason = decided_by_success(first)
    assert found == finding
    assert f"1 token makes the model write 'loop' into {share:.0%} of 20" in reason
