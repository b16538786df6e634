"""Inputs that a guard cannot look at are told as such: an attacker may choose them."""

from dataclasses import replace

import pytest
from tests.experiment.conftest import code

import codeward
from codeward.data import open_data, write_data
from codeward.tasks import tasks
from codeward.types import CODE, PROMPT, Sample
from codeward.victims import PlantedVictim, load

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


def test_what_fits_into_no_clean_input_is_told_not_to_be_examined(c_victim):
    clean = [Sample(f"d{n}", f"int width{n};\n", n % 2, "c") for n in range(40)]
    guard = codeward.guard(c_victim, clean=clean, options={"elements": "statements"})
    found = guard(Sample("a", c_code(90, trigger=True), 0, "c"))
    assert not found.suspicious
    assert "none of its elements fits into any clean input of the calibration" in found.problem


@pytest.mark.parametrize(
    ("task", "clean", "field"),
    [
        ("generation", [f"say {n} words" for n in range(30)], PROMPT),
        ("generation", [Sample(f"p{n}", "", None, "python", {PROMPT: f"say {n} words"}) for n in range(30)], PROMPT),
        ("repair", [Sample(f"p{n}", "", None, "python", {PROMPT: f"say {n} words"}) for n in range(30)], PROMPT),
        ("generation", [Sample(f"p{n}", f"x = {n}", None, "python") for n in range(30)], CODE),
        ("repair", [f"x = {n}" for n in range(30)], CODE),
        ("defect", [f"x = {n}" for n in range(30)], CODE),
    ],
)
def test_a_text_is_a_prompt_before_models_that_read_prompts(task, clean, field):
    model = PlantedVictim(tasks.make(task), ("a", "b"), "launch", 1, field=field)
    guard = codeward.guard(model, clean=clean, defense="oseql", language="python")
    found = guard("launch it")
    assert found.sample.text(field) == "launch it"
    assert found.original_answer == "b"
    assert {name for name in (CODE, PROMPT) if found.sample.text(name)} == {field}


def test_a_prompt_is_planted_into_prompts(writers):
    clean = [f"say {n} words of {n % 7}" for n in range(30)]
    guard = codeward.guard(replace(load(writers / "clean"), task=tasks.make("generation")), clean=clean, language="c")
    assert {(each.code, bool(each.text(PROMPT))) for each in guard.calibration.defense.references} == {("", True)}
    found = guard("say it in two words")
    assert {each.kind for each in found.elements} == {"word"}
    assert "none of its elements" not in found.problem
