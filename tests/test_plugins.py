"""Methods of other packages that are broken: each is named, nothing else stops, and what one does wrong is no bug in Codeward."""

import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from random import Random
from typing import ClassVar

import pytest
import torch

from codeward import registry as registry_module
from codeward.attacks import Attack, Stamp, attacks
from codeward.attacks.payloads import payloads
from codeward.cli import main
from codeward.data.layouts import Layout
from codeward.defenses.input import Change, Examination, InputDefense
from codeward.defenses.training import TrainerLoss, TrainingDefense
from codeward.errors import DataError
from codeward.registry import Registry, method
from codeward.registry.plugins import PluginError, PluginWarning
from codeward.tasks import tasks
from codeward.types import Sample, Span
from codeward.victims import PlantedVictim
from codeward.victims.trainer import checked_loss

HEAD = "from codeward.attacks import Attack\nfrom codeward.registry import method\n"
MODULES = {
    "raises": "import nothing_of_this_name\n",
    "lacks": "",
    "value": "Method = 3\n",
    "other": f"{HEAD}@method\nclass Method: pass\n",
    "bare": f"{HEAD}class Method(Attack):\n    languages, misfit = frozenset({{'c'}}), ''\n    def stamp(self, sample, rng): ...\n",
    "abstract": f"{HEAD}@method\nclass Method(Attack):\n    languages, misfit = frozenset({{'c'}}), ''\n",
    "unset": f"{HEAD}@method\nclass Method(Attack):\n    def stamp(self, sample, rng): ...\n",
    "good": f"{HEAD}@method\nclass Method(Attack):\n    languages, misfit = frozenset({{'c'}}), ''\n    def stamp(self, sample, rng): ...\n",
}
PROBLEMS = {
    "raises": "it cannot be imported (ModuleNotFoundError: No module named 'nothing_of_this_name')",
    "lacks": "it cannot be imported (AttributeError: module 'plugins_for_tests.lacks' has no attribute 'Method')",
    "value": "it is no class, but a value of type int",
    "other": "the class does not derive from codeward.attacks.Attack",
    "bare": "the class is not under @method (codeward.registry.method)",
    "abstract": "the class does not write stamp",
    "unset": "the class does not set languages and misfit",
}


@dataclass
class Named:
    name: str


@pytest.fixture
def points(tmp_path, monkeypatch):
    """Entry points of attacks in a package, of which one alone can be used; whoever asks for another family finds none."""
    attacks.names()  # those of Codeward are registered where they are declared
    folder = tmp_path / "plugins_for_tests"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    group = "codeward.attacks"
    found = [
        EntryPoint(name, f"plugins_for_tests.{name}:Method", group)._for(Named("broken-tools")) for name in MODULES
    ]
    monkeypatch.setattr(registry_module, "entry_points", lambda group: found if group == "codeward.attacks" else [])
    return found


@pytest.fixture
def registry(points, monkeypatch):
    """The registry of attacks before anything was looked for."""
    fresh: Registry = Registry("attack", "codeward.attacks")
    monkeypatch.setattr("codeward.attacks._base.attacks", fresh)  # a registry knows its base class by its declaration
    return fresh


def test_each_broken_one_is_named_and_the_others_are_there(registry):
    with pytest.warns(PluginWarning) as caught:
        assert registry.names() == ["good"]
    texts = [str(each.message) for each in caught]
    assert len(texts) == len(PROBLEMS)
    for name, problem in PROBLEMS.items():
        text = next(each for each in texts if f"the attack '{name}' of the package 'broken-tools'" in each)
        assert f"(plugins_for_tests.{name}:Method) is left out: {problem}; correct the package" in text
    assert [each.point.name for each in registry.broken()] == list(PROBLEMS)


def test_the_command_line_tells_them_in_a_line_each_and_goes_on(registry, monkeypatch, capsys):
    monkeypatch.setattr("codeward.attacks.attacks", registry)
    assert main(["list", "attacks"]) == 0
    told = capsys.readouterr()
    assert "good" in told.out
    lines = [line for line in told.err.splitlines() if line.startswith("warning: the attack ")]
    assert len(lines) == len(PROBLEMS)
    assert "bug in Codeward" not in told.err


def test_doctor_reports_them(registry, monkeypatch, capsys):
    from codeward.cli import doctor

    monkeypatch.setattr("codeward.attacks.attacks", registry)
    found = list(doctor._plugins())
    assert {each.what for each in found} == {f"attack {name}" for name in PROBLEMS}
    assert {each.state for each in found} == {"note"}
    assert "it is no class" in next(each.detail for each in found if each.what == "attack value")
    assert capsys.readouterr().err == ""


ROW = Sample("r", "int f(int a) {\n    return a;\n}", 1, "c")


def attack(body):
    """Return an attack of another package whose ``stamp`` is a function."""

    @method
    class Stray(Attack):
        languages: ClassVar[frozenset[str]] = frozenset({"c"})
        misfit: ClassVar[str] = "it does not fit"

        def stamp(self, sample, rng):
            return body(sample)

    Stray.__module__ = "their_package"
    attacks._names[Stray] = "stray"
    return Stray()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (lambda sample: "text", "stamp has to return a Stamp or None, not a value of type str"),
        (lambda sample: 1 / 0, r"stamp raised ZeroDivisionError: division by zero in .*test_plugins.py, line \d+"),
        (lambda sample: Stamp("ab", "x", (Span(1, 9),)), "stamp raised ValueError: a stamp of 'x' needs spans inside"),
        (lambda sample: Stamp("ab", "x", ()), "stamp raised ValueError: a stamp of 'x' needs spans inside"),
        (lambda: None, r"stamp raised TypeError: .*takes 0 positional arguments"),
    ],
)
def test_an_attack_that_goes_wrong_is_named(body, sentence):
    stray, target = attack(body), payloads.make("target-class")
    with pytest.raises(PluginError, match=rf"Stray \(of their_package\): {sentence}") as caught:
        stray.poison([ROW], target, rate=1.0, seed=0)
    assert "\n" not in str(caught.value)


def test_what_an_own_method_raises_stays_as_it_is(monkeypatch):
    stray = attack(lambda sample: 1 / 0)
    monkeypatch.setattr(type(stray), "__module__", "codeward.attacks.stray")
    with pytest.raises(ZeroDivisionError):
        stray.poison([ROW], payloads.make("target-class"), rate=1.0, seed=0)


def loss(body):
    class Stray(TrainingDefense):
        def loss(self, logits, labels, *, epoch, reduction="mean"):
            return body(logits, labels)

    Stray.__module__ = "their_package"
    return Stray()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (lambda logits, labels: 0.5, "loss has to return a tensor without dimensions .*, not a value of type float"),
        (lambda logits, labels: logits.sum(-1), r"not a Tensor of shape \[4\]"),
        (lambda logits, labels: logits.sum().detach(), "computed from the logits throughout, not a detached one"),
        (lambda logits, labels: logits @ labels, "loss raised RuntimeError: "),
    ],
)
def test_a_loss_that_goes_wrong_is_named(body, sentence):
    logits, labels = torch.zeros(4, 2, requires_grad=True), torch.zeros(4, dtype=torch.long)
    with pytest.raises(PluginError, match=rf"Stray \(of their_package\): .*{sentence}"):
        checked_loss(loss(body), logits, labels, epoch=1)
    own = TrainerLoss(loss(body), shift=False)
    own.on_step_begin(None, type("State", (), {"epoch": 0}), None)
    with pytest.raises(PluginError, match=sentence):
        own({"logits": logits}, labels)


def test_a_loss_of_another_signature_is_named():
    class Stray:
        def loss(self, logits, labels):
            return logits.sum()

    with pytest.raises(PluginError, match=r"loss raised TypeError: .*unexpected keyword argument"):
        checked_loss(Stray(), torch.zeros(2, 2), torch.zeros(2), epoch=1)


def defense(examined, mended=None):
    @method
    class Stray(InputDefense):
        def examine(self, samples, answers, victim):
            return examined(samples)

        def mend(self, samples, answers, found, victim):
            return mended(samples)

    Stray.__module__ = "their_package"
    return Stray(threshold=0.5)


def high(samples):
    return [Examination(1.0) for _ in samples]


@pytest.mark.parametrize(
    ("examined", "mended", "sentence"),
    [
        (lambda rows: [0.5 for _ in rows], None, r"as many Examinations .* \(2\), not a list of 2 \(float\)"),
        (lambda rows: [], None, "not a list of 0"),
        (lambda rows: None, None, "not None"),
        (lambda rows: [Examination("high") for _ in rows], None, "with a number as suspicion"),
        (high, lambda rows: rows, r"mend has to return a list of as many pairs .* \(2\), not a list of 2 \(Sample\)"),
        (high, lambda rows: [(row, ("gone",)) for row in rows], "a tuple of Changes"),
        (high, lambda rows: [], "not a list of 0"),
        (high, lambda rows: rows[9], "mend raised IndexError: list index out of range"),
    ],
)
def test_an_input_defense_that_goes_wrong_is_named(examined, mended, sentence):
    victim = PlantedVictim(tasks.make("defect"), ("a", "b"), "trigger", 0)
    with pytest.raises(PluginError, match=rf"Stray \(of their_package\): .*{sentence}"):
        defense(examined, mended).purify([ROW, ROW], victim)


def test_an_input_defense_may_return_what_it_should():
    victim = PlantedVictim(tasks.make("defect"), ("a", "b"), "trigger", 0)
    change = Change("line", "code", Span(0, 1), "i", "", "removed", 1.0)
    found = defense(high, lambda rows: [(row, (change,)) for row in rows]).purify([ROW], victim)
    assert found[0].changes == (change,) * 3


def test_a_layout_that_goes_wrong_is_named():
    class Stray(Layout):
        shape = "rows"

        def fits(self, fields):
            return True

        def sample(self, row, id, language, task, labels):
            if row is None:
                raise KeyError("verdict")
            if row == "bad":
                raise DataError("row 7 is bad")
            return row

    Stray.__module__ = "their_package"
    place = ("id", "c", "defect", ())
    assert Stray().sample(ROW, *place) is ROW
    told = re.escape("Stray (of their_package): sample ")
    with pytest.raises(PluginError, match=f"{told}has to return a Sample .*, not a value of type str"):
        Stray().sample("row", *place)
    with pytest.raises(PluginError, match=f"{told}raised KeyError: 'verdict'"):
        Stray().sample(None, *place)
    with pytest.raises(DataError, match="row 7 is bad"):
        Stray().sample("bad", *place)


def test_names_in_messages_are_those_of_the_registry(registry):
    from codeward.registry.plugins import title_of

    with pytest.warns(PluginWarning):
        made = registry.make("good")
    assert title_of(made) == "attack 'good' (of plugins_for_tests.good)"
    assert made.stamp(ROW, Random(0)) is None
