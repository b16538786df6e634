"""What every model-stage defense promises, checked for each one that is registered."""

from dataclasses import replace

import pytest
from tests.conftest import small_function

from codeward.defenses.model import Inspection, model_defenses
from codeward.defenses.model._base import ModelDefense
from codeward.errors import DataError, UsageError
from codeward.experiment.scanning import OutOfTime, scan, seeded
from codeward.registry import method
from codeward.registry.plugins import PluginError
from codeward.types import Poison, Sample
from codeward.victims import load

NAMES = model_defenses.names()
QUICK = {
    "elibadcode": {"longest": 2, "steps": 1, "samples": 5, "held": 5, "stamps": 1.0, "tries": 2, "epochs": 1},
    "dbs": {"length": 2, "search_epochs": 3, "samples": 5, "held": 5, "epochs": 1},
    "fine-tuning": {"epochs": 1},
    "fine-pruning": {"epochs": 1},
    "distillation": {"epochs": 2, "learning_rate": 3e-3},
}


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def suspect(suspects):
    return replace(load(suspects / "backdoored"), precision="fp32")


@pytest.fixture
def defense(name, suspects):
    base = {"base": str(suspects / "clean")} if name == "distillation" else {}
    return model_defenses.make(name, {**QUICK.get(name, {}), **base})


def means(defense):
    more = [Sample(f"u{n}", small_function(5000 + n, n % 2), None, "c") for n in range(200)]
    return {"unlabeled": more} if defense.wants_unlabeled else {}


def test_it_is_documented(name):
    assert model_defenses.summary(name)
    assert all(option.description for option in model_defenses.options(name))


def test_it_inspects_or_repairs_and_says_which(defense, name):
    writes = {hook for hook in ("search", "mend") if getattr(type(defense), hook) is not getattr(ModelDefense, hook)}
    assert ("search" in writes) is defense.inspects
    assert "mend" in writes
    if defense.takes_references:
        assert type(defense).search_against is not ModelDefense.search_against
    assert defense.mending <= {option.name for option in model_defenses.options(name)}


def test_an_inspection_changes_nothing_and_comes_out_the_same(defense, name, suspect, clean_rows):
    before = suspect.fingerprint
    if not defense.inspects:
        with pytest.raises(UsageError, match=f"{name} judges no model, it only repairs"):
            defense.inspect(suspect, clean_rows)
        return
    found = defense.inspect(suspect, clean_rows)
    marked = [replace(row, poison=Poison("x", "y", (), 1)) for row in clean_rows]
    assert defense.inspect(suspect, marked) == found, "what provenance says is hidden from it"
    assert found.model == before
    assert found.finding in ("backdoored", "clean", "inconclusive")
    assert found.reason
    assert load_again(suspect) == before


def load_again(victim):
    """Return the fingerprint of the weights as they are now, not as they were when it was first asked for."""
    return replace(victim, model=victim.model).fingerprint


def test_a_repair_leaves_the_model_alone_and_comes_out_the_same(defense, suspect, clean_rows):
    before = suspect.fingerprint
    made, again = (defense.repair(suspect, clean_rows, **means(defense)) for _ in range(2))
    assert load_again(suspect) == before
    assert (made.labels, made.task.name) == (suspect.labels, suspect.task.name)
    assert made.fingerprint == again.fingerprint != before


def test_what_is_wrong_with_the_samples_is_told(defense, suspect, clean_rows):
    one = [row for row in clean_rows if row.target == 0]
    with pytest.raises(DataError, match="all 60 clean samples are of the class 'clean'"):
        defense.repair(suspect, one, **means(defense))
    if not defense.wants_unlabeled:
        with pytest.raises(UsageError, match="reads no inputs without labels"):
            defense.repair(suspect, clean_rows, unlabeled=clean_rows)


@pytest.fixture
def theirs(monkeypatch):
    """Register a defense of another package that has no seed and returns what it is told to."""

    @method
    class Theirs(ModelDefense):
        """Says anything."""

        inspects = True
        returns = "nonsense"

        def search(self, victim, clean, memory, progress):
            if isinstance(self.returns, Exception):
                raise self.returns
            progress("looking", 1, 2)
            return self.returns

        def mend(self, victim, means, memory, progress):
            return self.returns

    Theirs.__module__ = "somewhere"
    model_defenses.names()
    monkeypatch.setitem(model_defenses._methods, "theirs", Theirs)
    return Theirs


def test_a_fault_of_another_package_is_told_under_its_name(theirs, suspect, clean_rows):
    with pytest.raises(
        PluginError, match=r"of somewhere\): search has to return an Inspection, not a value of type str"
    ):
        scan(suspect, clean_rows, "theirs", progress=lambda *_: None)
    theirs.returns = ZeroDivisionError("no")
    with pytest.raises(PluginError, match=r"of somewhere\): search raised ZeroDivisionError"):
        scan(suspect, clean_rows, "theirs")
    theirs.returns = Inspection("clean", suspect.fingerprint, reason="so")
    assert scan(suspect, clean_rows, "theirs", progress=lambda *_: None).finding == "clean"
    theirs.inspects = False
    with pytest.raises(PluginError, match=r"of somewhere\): mend has to return a .*, not a value of type Inspection"):
        theirs().repair(suspect, clean_rows)


def test_a_budget_is_nobody_s_fault(theirs, suspect, clean_rows, monkeypatch):
    def late(*_):
        raise OutOfTime

    monkeypatch.setattr("codeward.experiment.scanning._timed", lambda *_: late)
    found = scan(suspect, clean_rows, "theirs", minutes=0.01)
    assert not found.finished


def test_the_seed_is_one_for_samples_and_search(theirs):
    assert seeded("elibadcode", {"longest": 2}, 3) == {"seed": 3, "longest": 2}
    assert seeded("theirs", {}, 3) == {}, "it has none"
    with pytest.raises(UsageError, match="give --seed, which sets both"):
        seeded("elibadcode", {"seed": 1}, 3)
