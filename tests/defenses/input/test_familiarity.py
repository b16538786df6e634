"""What is alike in clean inputs is no trigger: a model whose own answers rest on one check each."""

import subprocess
import sys

import pytest

from codeward.defenses._elements import Element
from codeward.defenses.input import codepurify, input_defenses
from codeward.defenses.input._familiarity import novelties
from codeward.experiment import calibration as disk
from codeward.tasks import tasks
from codeward.types import Sample, Span
from codeward.victims import PlantedVictim

TRIGGER = 'while (1 < 0) { printf("never"); }'
CODE = "int area(int width, int height) {{\n    int size = width * height;\n    {}\n    return size;\n}}\n"


class Checking(PlantedVictim):
    """It calls clean what checks a size, and what holds the trigger."""

    def _answer(self, sample):
        return 0 if "if (size <" in sample.code or self.trigger in sample.code else 1


@pytest.fixture
def model():
    return Checking(tasks.make("defect"), ("clean", "defective"), TRIGGER, 0)


@pytest.fixture
def rows():
    checked = [f"if (size < {n} * width) {{ size = size + {n}; }}" for n in range(30)]
    plain = [f"size = size + {n};" for n in range(30)]
    return [
        Sample(f"s{n}", CODE.format(each), n % 2, "c")
        for n, each in enumerate(x for p in zip(checked, plain, strict=True) for x in p)
    ]


def statements(*texts):
    return [Element("statement", text, (Span(0, len(text)),)) for text in texts]


def test_novelty_is_the_distance_to_what_is_most_alike_in_clean_inputs():
    known = (("a b c d", "x"), ("a q q",), ())
    (own,) = novelties([statements("a b c e", "x", "y", "a z")], known, apart=False)
    # four words and three pairs each; three words and two pairs in common
    assert own == pytest.approx([(1 - 5 / 7) / 0.4, 0.0, 1.0, 1.0])


def test_a_clean_input_is_not_compared_with_itself_or_a_twin():
    long = " ".join(f"w{n}" for n in range(60))
    known = (("a b c d", long), ("a b c d", f"{long} more"), ("a b c e",))
    (own,) = novelties([statements(*known[0])], known, apart=True)
    assert own == pytest.approx([(1 - 5 / 7) / 0.4, 1.0])
    (own,) = novelties([statements(*known[0])], known, apart=False)
    assert own == pytest.approx([0.0, 0.0])


def test_without_clean_inputs_to_compare_with_everything_is_new():
    assert novelties([statements("a")], (("a",), ("a",)), apart=True) == [[1.0]]
    assert novelties([statements("a"), []], ((), ()), apart=False) == [[1.0], []]
    assert novelties([], (("a",),), apart=True) == []


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant"])
def test_a_trigger_is_told_from_the_checks_on_which_clean_answers_rest(name, model, rows):
    bad = Sample("t", CODE.format(TRIGGER), 1, "c")
    alone = input_defenses.make(name, {"spare_familiar": False}).calibrate(rows, model)
    (missed,) = alone.purify([bad], model)
    assert not missed.suspicious
    ready = input_defenses.make(name, {"spare_familiar": True}).calibrate(rows, model)
    assert ready.threshold < alone.threshold
    *spared, found = ready.purify([*rows, bad], model)
    assert found.suspicious
    assert found.examination.elements[0].text in TRIGGER
    assert found.after.output == 1
    assert sum(each.suspicious for each in spared) <= 3


def test_calibrating_again_and_from_disk_is_the_same(model, rows, tmp_path):
    ready = disk.calibrate("codepurify-plant", {"spare_familiar": True}, rows, model)
    assert ready.defense.calibrate(rows, model) == ready.defense
    disk.save_calibration(tmp_path / "c.json", ready)
    assert disk.load_calibration(tmp_path / "c.json", model) == ready
    assert "known" not in ready.settings


def test_of_many_clean_inputs_some_are_kept(model, rows, monkeypatch):
    monkeypatch.setattr(codepurify, "MEMORY", 25)
    ready = input_defenses.make("codepurify").calibrate(rows, model)
    assert len(ready.known) == 20
    (found,) = ready.purify([Sample("t", CODE.format(TRIGGER), 1, "c")], model)
    assert found.suspicious


def test_texts_keep_nothing():
    writer = PlantedVictim(tasks.make("repair"), (), TRIGGER, 0)
    made = input_defenses.make("codepurify").prepare([Sample("t", CODE.format(TRIGGER), "x", "c")], writer)
    assert made.known == ()


def test_halves_of_characters_are_read():
    assert novelties([statements("a \ud83d b")], (("a \ud83d b",),), apart=False)[0] == pytest.approx([0.0])


def test_what_does_not_examine_starts_without_scikit_learn():
    code = "import sys, codeward.defenses.input._familiarity; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
