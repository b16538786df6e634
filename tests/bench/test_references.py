"""A scan of a bench can be given references: models trained on another data set, the same for all victims of a kind."""

import shutil

import pytest
from tests.conftest import small_function

from codeward.bench import work
from codeward.bench.plan import plan
from codeward.bench.reading import read_suite
from codeward.bench.store import Store
from codeward.data import write_data
from codeward.errors import DataError, UsageError
from codeward.types import Sample

DETECTOR = """
[defenses.distillation]

[defenses.elibadcode]
references = 2
STUDENToptions = { longest = 1, steps = 1, samples = 5, held = 5, top = 4, candidates = 4, epochs = 1 }

[defenses.dece]"""


@pytest.fixture
def planned(suite_file, rows_at, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(rows_at / "data", root / "data")
    rows = [Sample(f"u{n}", small_function(3000 + n, n % 2), n % 2, "c") for n in range(60)]
    splits = {"train": rows[:30], "valid": rows[30:45], "test": rows[45:]}
    write_data(root / "own", task="defect", language="c", labels=("clean", "defective"), splits=splits)

    def make(path='reference_path = "own"\nunlabeled_path = "own"', student="", edit=("", "")):
        text = (
            suite_file.read_text()
            .replace("[defenses.dece]", DETECTOR.replace("STUDENT", student))
            .replace("train = 90", f"train = 90\n{path}")
        )
        assert edit[0] in text
        own = suite_file.with_name("own.toml")
        own.write_text(text.replace(*edit) if edit[0] else text)
        graph = plan(read_suite(str(own)), root)
        return graph.part([cell for cell in graph.cells if cell.place.defense == "elibadcode"])

    return make


def test_scan_and_repair_are_given_the_same_references(planned, tmp_path, monkeypatch):
    part = planned()
    scan, repair = (next(s for s in part.steps.values() if s.kind == kind) for kind in ("scan", "repair"))
    trusted = {role: key for role, key in scan.inputs.items() if role.startswith("reference-")}
    assert sorted(trusted) == ["reference-0", "reference-1"]
    assert trusted.items() <= repair.inputs.items()
    assert [part.steps[key].settings["config"]["seed"] for _, key in sorted(trusted.items())] == [0, 1]
    (rows,) = {part.steps[key].inputs["data"] for key in trusted.values()}
    assert rows != scan.inputs["data"]
    given = []
    monkeypatch.setattr(work, "load", lambda place: given.append(place) or place, raising=False)
    monkeypatch.setattr("codeward.victims.load", lambda place: given.append(place) or place)
    inputs = {role: tmp_path / key for role, key in scan.inputs.items()}
    assert len(work._references(inputs)) == 2
    assert given == [str(tmp_path / trusted[role] / work.MODEL) for role in sorted(trusted)]


def test_a_grid_with_references_is_measured(planned, tmp_path):
    part, store = planned(), Store(tmp_path / "store")
    problems = {step.label: work.do(store, step).problem for step in part.steps.values()}
    told = {problem for problem in problems.values() if problem}
    # Models of one epoch know nothing: what they are told is that, and nothing else fails.
    assert all(
        "no better than chance" in each or "tokens" in each or each.startswith("a step before") for each in told
    ), told


def test_a_student_of_each_victim_is_a_reference_of_its_own(planned):
    part = planned(student='student = "distillation"\n')
    scan, repair = (s for s in part.steps.values() if s.label.endswith(("scan by elibadcode", "repair by elibadcode")))
    assert sorted(role for role in scan.inputs if role.startswith("reference-")) == [
        "reference-0",
        "reference-1",
        "reference-student",
    ]
    student = part.steps[scan.inputs["reference-student"]]
    assert (student.kind, student.settings["defense"]) == ("repair", "distillation")
    assert student.inputs["model"] == scan.inputs["model"]
    assert repair.inputs["reference-student"] == scan.inputs["reference-student"]
    with pytest.raises(UsageError, match="wants a student by 'killbadcode', which is no model defense of the suite"):
        planned(student='student = "killbadcode"\n')


@pytest.mark.parametrize(
    ("defense", "given"),
    [("dece", "references = 1"), ("fine-tuning", 'student = "distillation"'), ("elibadcode", "clean = true")],
)
def test_what_a_defense_would_not_look_at_is_refused(planned, defense, given):
    with pytest.raises(UsageError, match=rf"{given.split()[0]} has no effect on '{defense}'; leave it out"):
        planned(edit=(f"[defenses.{defense}]\n", f"[defenses.{defense}]\n{given}\n"))


def test_suites_that_name_no_data_for_them_are_refused(planned):
    with pytest.raises(UsageError, match="'elibadcode' wants references; name the data set that they are trained on"):
        planned("")
    with pytest.raises(DataError, match="there is no data set 'nowhere'"):
        planned('reference_path = "nowhere"')
