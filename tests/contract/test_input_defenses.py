"""What every input-stage defense promises, checked for each one that is registered."""

from random import Random

import numpy as np
import pytest
from scipy.stats import betabinom

from codeward.defenses.input import input_defenses
from codeward.errors import DataError, UsageError
from codeward.experiment.guard import guard
from codeward.tasks import tasks
from codeward.types import Poison, Sample, Span
from codeward.victims import PlantedVictim

NAMES = input_defenses.names()
TRIGGER = 'if random() < 0: raise Exception("fail")'
LABELS = ("clean", "defective")


@pytest.fixture(params=NAMES)
def name(request, tiny_minis):
    return request.param


@pytest.fixture
def victim():
    return PlantedVictim(tasks.make("defect"), LABELS, TRIGGER, 0, max_characters=600)


def function(n):
    return f"def area_{n}(width, height):\n    size = width * height + {n}\n    return size\n"


def clean_rows(count, start=0):
    return [Sample(f"row-{n}", function(n), n % 2, "python") for n in range(start, start + count)]


def triggered(n, target=1):
    head, rest = function(n).split("\n", 1)
    code = f"{head}\n    {TRIGGER}\n{rest}"
    start = code.index(TRIGGER)
    poison = Poison("deadcode-fixed", TRIGGER, (Span(start, start + len(TRIGGER)),), target)
    return Sample(f"bad-{n}", code, 0, "python", poison=poison)


@pytest.fixture
def ready(name, victim):
    return input_defenses.make(name).calibrate(clean_rows(40), victim, false_positive_rate=0.1)


def test_it_is_documented_with_its_source(name):
    assert input_defenses.summary(name)
    assert all(option.description for option in input_defenses.options(name))


def test_results_stand_in_the_order_of_the_inputs_and_do_not_depend_on_it(ready, victim):
    rows = [*clean_rows(5, 50), triggered(60), *clean_rows(4, 70)]
    found = ready.purify(rows, victim)
    assert [each.sample.id for each in found] == [row.id for row in rows]
    assert [each.before.id for each in found] == [row.id for row in rows]
    again = ready.purify(rows[::-1], victim)[::-1]
    assert [each.sample.code for each in found] == [each.sample.code for each in again]
    assert [each.suspicious for each in found] == [each.suspicious for each in again]


def test_what_is_not_suspicious_is_not_touched(ready, victim):
    rows = [*clean_rows(30, 100), triggered(200)]
    for row, each in zip(rows, ready.purify(rows, victim), strict=True):
        if not each.suspicious:
            assert each.sample.code == row.code
            assert each.after == each.before
            assert not each.changes


def test_provenance_is_hidden_from_it(ready, victim, monkeypatch):
    seen = []
    kind = type(ready)
    real = kind.examine

    def spy(self, samples, answers, victim):
        seen.extend(samples)
        return real(self, samples, answers, victim)

    monkeypatch.setattr(kind, "examine", spy)
    ready.purify([triggered(1)], victim)
    ready.calibrate([triggered(n) for n in range(20)], victim, false_positive_rate=0.2)
    assert seen
    assert all(sample.poison is None for sample in seen)


def test_a_guard_answers_an_input_as_if_it_came_alone(name, victim):
    before = guard(victim, clean=clean_rows(40), defense=name, false_positive_rate=0.1)
    codes = [function(50), triggered(60).code, function(70)]
    for code, each in zip(codes, before.many(codes), strict=True):
        alone = before(code)
        assert (each.sample, each.answer, each.suspicious, each.diff) == (
            alone.sample,
            alone.answer,
            alone.suspicious,
            alone.diff,
        )
        assert each.suspicion == pytest.approx(alone.suspicion, rel=1e-6)


def test_few_clean_inputs_pass_the_threshold(name, victim):
    """The threshold is set on some inputs and holds for others: a share above the rate by chance is as rare as one in 10,000."""
    rows = clean_rows(260)
    shuffled = Random(0).sample(rows, len(rows))
    known, others = shuffled[:60], shuffled[60:]
    for rate in (0.05, 0.2):
        ready = input_defenses.make(name).calibrate(known, victim, false_positive_rate=rate)
        flagged = sum(each.suspicious for each in ready.purify(others, victim))
        place = int(np.ceil((len(known) + 1) * (1 - rate) - 1e-9))
        assert flagged <= betabinom(len(others), len(known) + 1 - place, place).isf(1e-4)


@pytest.mark.parametrize("code", ["", "def f(:\n  ((", "\x00\x01\x02", "é" * 40, "x = 1\n" * 40_000])
def test_any_text_goes_through(ready, victim, code):
    rows = [Sample("odd", code, 0, "python"), *clean_rows(1)]
    odd, plain = ready.purify(rows, victim)
    assert odd.sample.code == code or odd.suspicious
    assert plain.sample.id == "row-0"


def test_nothing_in_nothing_out(ready, victim):
    assert ready.purify([], victim) == []


def test_use_without_calibration_and_too_few_clean_inputs(name, victim):
    made = input_defenses.make(name)
    with pytest.raises(UsageError, match="calibrate it on clean samples"):
        made.purify(clean_rows(2), victim)
    with pytest.raises(DataError, match="needs at least 19 clean samples that can be examined, got 8"):
        made.calibrate(clean_rows(8), victim)
    with pytest.raises(UsageError, match="between 0 and 1"):
        made.calibrate(clean_rows(30), victim, false_positive_rate=1.5)
