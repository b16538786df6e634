"""Inputs that a guard cannot look at are told as such: an attacker may choose them."""

from dataclasses import replace

import pytest
from tests.experiment.conftest import code

import codeward
from codeward.data import open_data, write_data
from codeward.types import Sample
from codeward.victims import PlantedVictim

C = "int area{n}(int width)\n{{\n    int size = width * {n};\n    {trigger}\n    return size;\n}}\n"


def c_code(n, trigger=False):
    return C.format(n=n, trigger="launch();" if trigger else "size++;")


@pytest.fixture
def c_victim(victim):
    return PlantedVictim(victim.task, victim.labels, "launch();", 1)


@pytest.fixture
def c_clean():
    return [Sample(f"c{n}", c_code(n), n % 2, "c") for n in range(40)]


def test_an_answer_that_all_clean_inputs_have_is_told_not_to_be_examined(victim, clean):
    guard = codeward.guard(replace(victim, target=0), clean=[replace(each, target=0) for each in clean])
    found = guard(Sample("b", code(8, trigger=True), 1, "python"))
    assert not found.suspicious
    assert "like this one, so that nothing could be planted" in found.problem
    assert "clean inputs of every class" in found.problem


def test_a_language_that_no_clean_input_has_is_told_not_to_be_examined(c_victim, c_clean):
    guard = codeward.guard(c_victim, clean=c_clean)
    assert guard(Sample("a", c_code(90, trigger=True), 0, "c")).suspicious
    for language in ("cpp", "C++", "java", "rust", ""):
        found = guard(Sample("a", c_code(90, trigger=True), 0, language))
        assert not found.suspicious
        assert "no clean input of the calibration is in its language" in found.problem


def test_clean_inputs_of_two_languages_serve_both(c_victim, c_clean):
    few = [replace(each, id=f"p{each.id}", language="cpp") for each in c_clean[:6]]
    guard = codeward.guard(c_victim, clean=[*c_clean, *few])
    for language in ("c", "cpp"):
        assert guard(Sample("a", c_code(90, trigger=True), 0, language)).suspicious


@pytest.mark.parametrize("written", ["C", "c", " C "])
def test_a_language_is_known_however_it_is_written(tmp_path, c_victim, c_clean, written):
    guard = codeward.guard(c_victim, clean=c_clean)
    assert guard(Sample("a", c_code(90, trigger=True), 0, written)).suspicious
    rows = [replace(each, language=written) for each in c_clean]
    write_data(tmp_path / "d", task="defect", language="c", labels=c_victim.labels, splits={"test": rows})
    assert {each.language for each in open_data(tmp_path / "d").load("test")} == {"c"}


def test_a_guard_takes_a_language_as_the_command_line_does(c_victim, c_clean):
    assert codeward.guard(c_victim, clean=[each.code for each in c_clean], language="C++").language == "cpp"
