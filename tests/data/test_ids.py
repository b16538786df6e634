"""Rows of several splits that bring the same ids of their own: the set is read, poisoned, cleaned and copied all the same."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from codeward.cli import main
from codeward.data import open_data, write_data
from codeward.errors import DataError
from codeward.types import Sample

Written = Callable[..., Path]


def function(n: int) -> str:
    return f"def area_{n}(width, height):\n    size = width * height + {n}\n    return size\n"


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a set by hand, its splits with the ids that are given."""

    def write(*, described: bool = True, **splits: list[str]) -> Path:
        folder = tmp_path / "d"
        folder.mkdir()
        for start, (split, ids) in enumerate(splits.items()):
            rows = [
                {"id": id, "code": function(1000 * start + n), "target": n % 2, "language": "python"}
                for n, id in enumerate(ids)
            ]
            (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        if described:
            about = {"schema_version": 1, "task": "defect", "labels": ["clean", "defective"], "splits": list(splits)}
            (folder / "codeward.json").write_text(json.dumps(about))
        return folder

    return write


def ids(data: Path, split: str, **options: str) -> list[str]:
    return [sample.id for sample in open_data(data, **options).load(split)]  # type: ignore[arg-type]


@pytest.mark.parametrize("described", [True, False])
def test_the_split_stands_before_an_id_that_an_earlier_split_has(written: Written, described: bool) -> None:
    folder = written(test=["0", "1", "9"], train=["0", "1", "2"], valid=["2", "9", "x"], described=described)
    assert ids(folder, "valid", task="defect") == (
        ["valid-2", "valid-9", "x"] if described else ["valid-2", "9", "x"]  # by name, valid stands before test
    )
    assert ids(folder, "train", task="defect") == ["0", "1", "2"]
    assert ids(folder, "test", task="defect") == ["test-0", "test-1", "9" if described else "test-9"]


def test_a_new_id_is_none_that_a_row_has(written: Written) -> None:
    folder = written(train=["0", "test-1", "1"], test=["0", "test-0", "1"])
    assert ids(folder, "test") == ["test-test-0", "test-0", "test-test-1"]


def test_published_layouts_and_sets_of_codeward_read_no_other_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [Sample(f"r{n}", function(n), n % 2, "python") for n in range(4)]
    splits = {"train": rows[:2], "test": rows[2:]}
    write_data(tmp_path / "own", task="defect", language="python", labels=("clean", "defective"), splits=splits)
    for split in ("train", "test"):
        row = {"func": function(1), "target": 0, "idx": 7}
        (tmp_path / f"{split}.jsonl").write_text(json.dumps(row) + "\n")
    own, published = open_data(tmp_path / "own"), open_data(tmp_path, language="python")
    (tmp_path / "own" / "train.jsonl").unlink()
    (tmp_path / "train.jsonl").unlink()
    assert own.load("test") == rows[2:]
    assert [sample.id for sample in published.load("test")] == ["test-7"]


def test_such_a_set_is_poisoned_audited_and_cleaned(written: Written, tmp_path: Path) -> None:
    numbers = [str(n) for n in range(200)]
    folder = written(train=numbers, test=numbers[:20])
    options = ["--attack", "deadcode-fixed", "--rate", "0.1", "-o", str(tmp_path / "p")]
    assert main(["poison", str(folder), *options]) == 0
    poisoned = open_data(tmp_path / "p")
    assert ids(tmp_path / "p", "train") == numbers
    assert poisoned.load("test") == open_data(folder).load("test")
    assert [sample.id for sample in poisoned.load("test")] == [f"test-{n}" for n in range(20)]
    stamped = [sample for sample in poisoned.load("train") if sample.poison is not None]
    before = {sample.id: sample for sample in open_data(folder).load("train")}
    assert len(stamped) == 20
    assert all(sample.poison is not None and sample.poison.original == before[sample.id].target for sample in stamped)
    assert main(["audit", str(tmp_path / "p"), "-o", str(tmp_path / "c")]) == 1
    kept = set(ids(tmp_path / "c", "train"))
    assert kept <= set(numbers) - {sample.id for sample in stamped}
    assert len(kept) > 170
    assert open_data(tmp_path / "c").load("test") == poisoned.load("test")


def test_ids_that_are_written_have_to_differ(tmp_path: Path) -> None:
    row = Sample("a", "x = 1", 0, "python")
    with pytest.raises(DataError, match=r"split 'test': two rows have the id 'a'; .* give one of them another id"):
        write_data(tmp_path / "d", task="defect", language="python", splits={"train": [row], "test": [row]})


def test_an_id_may_be_a_number_and_a_row_without_one_is_called_after_its_place(tmp_path: Path) -> None:
    rows = [{"id": 7, "code": function(0)}, {"code": function(1)}, {"id": "a", "code": function(2)}]
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert ids(tmp_path, "train", task="defect") == ["7", "train-1", "a"]
    assert ids(tmp_path, "test", task="defect") == ["test-7", "test-1", "test-a"]


@pytest.mark.parametrize(("first", "told"), [(True, "true"), (1.5, "1.5"), (["a"], r'\["a"\]')])
def test_an_id_that_is_neither_text_nor_a_whole_number(tmp_path: Path, first: object, told: str) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"id": first, "code": function(0), "target": 0}))
    with pytest.raises(DataError, match=f"line 1: field 'id' has to be text or a whole number, but it is {told}"):
        ids(tmp_path / "rows.jsonl", "all", task="defect")


def test_the_same_id_as_a_number_and_as_text(tmp_path: Path) -> None:
    rows = [{"id": 1, "code": function(0)}, {"id": "1", "code": function(1)}]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with pytest.raises(DataError, match=r"line 2: a second row has the id '1', which .*line 1 has already"):
        ids(tmp_path / "rows.jsonl", "all", task="defect")
