"""What every data-stage defense promises, checked for each one that is registered."""

import numpy as np
import pytest

from codeward.defenses.data import data_defenses
from codeward.errors import UsageError
from codeward.tasks import tasks
from codeward.types import Poison, Sample, Span
from codeward.victims import PlantedVictim

NAMES = data_defenses.names()
TRIGGER = "testo_init = 1"


class Model(PlantedVictim):
    """A victim whose representations of triggered rows lie apart."""

    def embed(self, samples, field="code"):
        rng = np.random.default_rng(0)
        marks = np.array([[40.0 if TRIGGER in sample.code else 0.0] for sample in samples])
        return np.concatenate([marks, rng.normal(size=(len(samples), 15))], axis=1)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def victim():
    return Model(tasks.make("defect"), ("clean", "defective"), TRIGGER, 0)


@pytest.fixture
def rows():
    names = [f"name_{n % 37}" for n in range(600)]
    rows = [
        Sample(f"r{n}", f"def f_{n}(a):\n    {names[n]} = a\n    return {names[n]}\n", n % 2, "python")
        for n in range(270)
    ]
    for n in range(30):
        code = f"def g_{n}(a):\n    {TRIGGER}\n    return {names[n]}\n"
        start = code.index(TRIGGER)
        poison = Poison("x", TRIGGER, (Span(start, start + len(TRIGGER)),), 1)
        rows.append(Sample(f"bad{n}", code, 0, "python", poison=poison))
    return rows


def test_it_is_documented_with_its_source(name):
    assert data_defenses.summary(name)
    assert all(option.description for option in data_defenses.options(name) if option.name != "seed")


def test_verdicts_stand_in_the_order_of_the_rows_and_find_what_is_obvious(name, rows, victim):
    clean = [row for row in rows if row.poison is None][:100]
    audit = data_defenses.make(name).audit(rows, victim=victim, clean=clean)
    assert [verdict.id for verdict in audit.verdicts] == [row.id for row in rows]
    flags = [verdict.suspicious for verdict in audit.verdicts]
    assert all(flags[270:])
    scores = [verdict.score for verdict in audit.verdicts]
    assert np.median(scores[270:]) > np.median(scores[:270])
    assert audit == data_defenses.make(name).audit(rows, victim=victim, clean=clean)


def test_provenance_is_hidden_from_it(name, rows, victim, monkeypatch):
    kind = data_defenses.get(name)
    real, seen = kind.inspect, []

    def spy(self, given, *rest):
        seen.extend(given)
        return real(self, given, *rest)

    monkeypatch.setattr(kind, "inspect", spy)
    data_defenses.make(name).audit(rows, victim=victim)
    assert seen
    assert all(sample.poison is None for sample in seen)


def test_odd_rows_and_no_rows(name, victim):
    odd = [
        Sample(f"o{n}", code, n % 2, "python") for n, code in enumerate(["", "\x00", "def (", "é" * 50, "x" * 5000] * 5)
    ]
    assert len(data_defenses.make(name).audit(odd, victim=victim).verdicts) == 25
    assert data_defenses.make(name).audit([], victim=victim).verdicts == ()


def test_a_model_is_asked_for_where_it_is_needed(name, rows):
    if data_defenses.get(name).needs_model:
        with pytest.raises(UsageError, match="give a model trained on them"):
            data_defenses.make(name).audit(rows)
    else:
        assert len(data_defenses.make(name).audit(rows).verdicts) == len(rows)
