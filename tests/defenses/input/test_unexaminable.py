"""Inputs of which nothing can be said: without numbers, without what the model reads, and those that cannot be examined again."""

import math

import pytest

from codeward.defenses.input import Change, Examination, InputDefense, input_defenses
from codeward.errors import DataError
from codeward.tasks import tasks
from codeward.types import OTHER, Prediction, Sample, Span
from codeward.victims import PlantedVictim

LABELS = ("clean", "defective")
CLEAN = [Sample(f"c{n}", f"def f(a):\n    b = {n}\n    c = 2\n    return b\n", n % 2, "python") for n in range(30)]
FINE = Sample("fine", "def g(a):\n    b = 7\n    c = 3\n    return b\n", 0, "python")
BROKEN = Sample("broken", "def g(a):\n    b = 7\n    broken()\n    return b\n", 0, "python")
BAD = Sample("bad", "def g(a):\n    b = 7\n    trigger()\n    return b\n", 1, "python")


class Unsure(PlantedVictim):
    """It says no numbers of code with a certain text, as a model behind a network does that fails."""

    where = "broken"
    asked = "both"

    def predict(self, samples):
        found = super().predict(samples)
        return [
            self._spoiled(each, sample) if self.asked == "both" else each
            for each, sample in zip(found, samples, strict=True)
        ]

    def confidence(self, samples, outputs):
        found = super().confidence(samples, outputs)
        return [math.nan if self._fails(sample) else value for value, sample in zip(found, samples, strict=True)]

    def _spoiled(self, each, sample):
        return Prediction(each.id, each.output, (math.nan, math.nan)) if self._fails(sample) else each

    def _fails(self, sample):
        return self.where in sample.code


class WhenHidden(Unsure):
    """It says no numbers of code in which something is left out."""

    asked = "confidence"

    def _fails(self, sample):
        return sample.id == "broken" and "broken" not in sample.code


class WhenPlanted(Unsure):
    """It says no numbers of clean code into which something is planted."""

    asked = "confidence"

    def _fails(self, sample):
        return sample.id != "broken" and "broken" in sample.code


def victim(kind, name="defect", **options):
    return kind(tasks.make(name), LABELS, "trigger()", 0, **options)


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant", "oseql", "strip"])
def test_an_answer_without_numbers_is_told_not_to_be_examined(name):
    model = victim(Unsure)
    ready = input_defenses.make(name).calibrate(CLEAN, model)
    assert math.isfinite(ready.threshold)
    broken, fine, bad = ready.purify([BROKEN, FINE, BAD], model)
    assert "no numbers (NaN)" in broken.examination.problem
    assert not broken.suspicious
    assert not broken.examination.elements
    assert not fine.examination.problem
    assert not bad.examination.problem
    assert bad.suspicious or name == "strip"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("codepurify", WhenHidden),
        ("codepurify-plant", WhenHidden),
        ("oseql", WhenHidden),
        ("codepurify-plant", WhenPlanted),
    ],
)
def test_numbers_that_fail_only_where_a_part_is_hidden_or_planted_are_told(name, kind):
    model = victim(kind)
    ready = input_defenses.make(name).calibrate(CLEAN, model)
    broken, fine, bad = ready.purify([BROKEN, FINE, BAD], model)
    assert "no numbers (NaN)" in broken.examination.problem
    assert not fine.examination.problem
    assert bad.suspicious


def test_clean_inputs_without_numbers_set_no_threshold():
    class Never(Unsure):
        where = "def"

    with pytest.raises(
        DataError, match=r"at least 19 clean samples .* got 0 of 30 \(.*no numbers \(NaN\).*\); give more"
    ):
        input_defenses.make("oseql").calibrate(CLEAN, victim(Never))


def test_an_answer_for_sure_is_not_taken_for_no_number():
    class Certain(PlantedVictim):
        def confidence(self, samples, outputs):
            return [-math.inf if "trigger" not in each.code else 0.0 for each in samples]

    ready = input_defenses.make("oseql", {"threshold": 1.0})
    model = Certain(tasks.make("repair"), (), "trigger()", 0)
    (found,) = ready.purify([BAD], model)
    assert found.suspicious
    assert found.examination.elements[0].text == "trigger()"


@pytest.mark.parametrize("name", ["codepurify", "codepurify-plant", "oseql", "strip", "onion"])
@pytest.mark.usefixtures("tiny_minis")
def test_a_pair_without_its_other_code_is_told_not_to_be_examined(name):
    model = PlantedVictim(tasks.make("clone"), LABELS, "trigger()", 0)
    pairs = [Sample(each.id, each.code, each.target, "python", {OTHER: FINE.code}) for each in CLEAN]
    ready = input_defenses.make(name).calibrate(pairs, model)
    whole = Sample("whole", FINE.code, 0, "python", {OTHER: FINE.code})
    bare, empty, fine = ready.purify([FINE, Sample("empty", FINE.code, 0, "python", {OTHER: ""}), whole], model)
    for each in (bare, empty):
        assert each.examination.problem == "a model of pairs reads two codes, and the row has one only"
        assert not each.suspicious
    assert not fine.examination.problem


@pytest.mark.usefixtures("tiny_minis")
def test_onion_judges_a_pair_as_if_it_came_alone():
    model = PlantedVictim(tasks.make("clone"), LABELS, "trigger()", 0)
    pairs = [
        Sample("a", "", 0, "python", {OTHER: FINE.code}),
        Sample("b", FINE.code, 0, "python", {OTHER: " \n"}),
        Sample("c", BAD.code, 0, "python", {OTHER: FINE.code}),
    ]
    defense = input_defenses.make("onion")
    found = defense.examine(pairs, model.predict(pairs), model)
    for pair, each in zip(pairs, found, strict=True):
        (alone,) = defense.examine([pair], model.predict([pair]), model)
        assert [part.text for part in each.elements] == [part.text for part in alone.elements]
        assert each.suspicion == pytest.approx(alone.suspicion, rel=0.02)
    assert found[0].suspicion == pytest.approx(found[1].suspicion, rel=0.02)


class Once(InputDefense):
    """It takes the trigger out, and cannot look at what is left."""

    def examine(self, samples, answers, victim):
        seen = ["trigger" in each.code for each in samples]
        return [Examination(1.0) if one else Examination(0.0, problem="nothing to compare with") for one in seen]

    def mend(self, samples, answers, found, victim):
        change = Change("line", "code", Span(0, 1), "trigger()", "", "removed", 1.0)
        return [(each.with_text("code", each.code.replace("trigger()", "pass")), (change,)) for each in samples]


def test_what_could_not_be_examined_again_is_told():
    bad, fine = Once(threshold=0.5).purify([BAD, FINE], victim(PlantedVictim))
    assert (bad.suspicious, bad.still, bad.problem_after) == (True, False, "nothing to compare with")
    assert (fine.suspicious, fine.problem_after, fine.examination.problem) == (False, "", "nothing to compare with")
