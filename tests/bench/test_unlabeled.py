"""A repair that wants inputs without labels is given rows that nothing else of the grid uses."""

import shutil

import pytest
from tests.conftest import small_function

from codeward.bench.plan import plan
from codeward.bench.reading import read_suite
from codeward.bench.store import Store
from codeward.bench.work import DATA, do, unlabeled
from codeward.data import open_data, write_data
from codeward.errors import DataError, UnfitError, UsageError
from codeward.types import Sample


@pytest.fixture
def root(rows_at, tmp_path):
    """A folder with the suite's data set and another one, of other functions."""
    shutil.copytree(rows_at / "data", tmp_path / "root" / "data")
    rows = [Sample(f"u{n}", small_function(n, n % 2, f"other_{n}"), n % 2, "c") for n in range(30)]
    rows += open_data(rows_at / "data").load("test")[:3]
    names = ("clean", "defective")
    write_data(tmp_path / "root" / "more", task="defect", language="c", labels=names, splits={"train": rows})
    return tmp_path / "root"


@pytest.fixture
def planned(suite_file, root):
    def make(*changes):
        student = "[defenses.distillation]\noptions = { epochs = 1 }\n\n[defenses.dece]"
        text = suite_file.read_text().replace("[defenses.dece]", student)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        own = suite_file.with_name("own.toml")
        own.write_text(text)
        graph = plan(read_suite(str(own)), root)
        return graph, graph.part([cell for cell in graph.cells if cell.place.defense == "distillation"])

    return make


def codes(folder):
    data = open_data(folder)
    return {sample.code for split in data.splits for sample in data.load(split)}


def test_it_gets_what_is_left(planned, tmp_path):
    _, part = planned(("train = 90", 'train = 90\nunlabeled_path = "more"'))
    steps = {step.kind: step for step in part.steps.values()}
    assert steps["repair"].settings["options"]["base"] == "scratch-encoder", "the student begins where the victim began"
    store = Store(tmp_path / "store")
    assert [do(store, step).problem for step in part.steps.values()] == [""] * len(part.steps)
    (rows,) = (store.place(key) / DATA for key, step in part.steps.items() if step.kind == "unlabeled")
    (used,) = (store.place(key) / DATA for key, step in part.steps.items() if step.kind == "source")
    assert len(open_data(rows).load("train")) == 30
    assert not codes(rows) & codes(used)


def test_other_defenses_do_not_draw_any(planned):
    graph, _ = planned()
    part = graph.part([cell for cell in graph.cells if cell.place.defense != "distillation"])
    assert "unlabeled" not in {step.kind for step in part.steps.values()}


def test_at_most_so_many(planned, root, tmp_path):
    _, part = planned(("train = 90", 'train = 90\nunlabeled = 5\nunlabeled_path = "more"'))
    (step,) = (step for step in part.steps.values() if step.kind == "unlabeled")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / DATA).symlink_to(root / "data")
    unlabeled(step.settings, {"data": tmp_path / "used"}, tmp_path)
    assert len(codes(tmp_path / DATA)) == 5


def test_nothing_left_is_a_refusal(planned, root, tmp_path):
    _, part = planned()
    (step,) = (step for step in part.steps.values() if step.kind == "unlabeled")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / DATA).symlink_to(root / "data")
    with pytest.raises(UnfitError, match=r"all rows for training are drawn.*unlabeled_path"):
        unlabeled(step.settings, {"data": tmp_path / "used"}, tmp_path)


def test_bad_suites(planned):
    with pytest.raises(DataError, match="there is no data set 'nowhere'"):
        planned(("train = 90", 'train = 90\nunlabeled_path = "nowhere"'))
    with pytest.raises(UsageError, match="'distillation' wants inputs without labels, and 'small' is harvested"):
        planned(('path = "data"\n', ""))
