"""A data set is written whole or not at all, reads back as it was, and overwrites only what Codeward wrote."""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codeward.data import fingerprint, open_data, write_data
from codeward.errors import DataError
from codeward.types import PROMPT, QUERY, Poison, Sample, Span

POISON = Poison("deadcode-fixed", "int i = 0;", (Span(2, 5), Span(7, 9)), 1)
SAMPLES = [
    Sample("train-1", "int a;\r\n\u2028é\ud800\x00", 0, "c"),
    Sample("train-2", "int b;", 1, "cpp", {QUERY: "añadir"}, POISON),
    Sample("train-3", "", None, "c", {PROMPT: "x"}),
]


def write(path: Path, samples: list[Sample] | None = None, **options: Any) -> dict[str, int]:
    splits = {"train": SAMPLES if samples is None else samples}
    return write_data(path, task="defect", language="c", labels=("clean", "defective"), splits=splits, **options)


def test_what_is_written_reads_back_as_it_was(tmp_path: Path) -> None:
    assert write(tmp_path / "set") == {"train": 3}
    data = open_data(tmp_path / "set")
    assert (data.layout, data.task, data.language) == ("codeward", "defect", "c")
    assert (data.labels, data.splits) == (("clean", "defective"), ("train",))
    assert data.load("train") == SAMPLES
    assert open_data(tmp_path / "set" / "train.jsonl").load("all") == SAMPLES


def test_the_description_holds_counts_and_fingerprints(tmp_path: Path) -> None:
    write(tmp_path / "set", extra={"manifest.json": "{}"})
    header = json.loads((tmp_path / "set" / "codeward.json").read_text(encoding="utf-8"))
    assert header["counts"] == {"train": 3}
    assert header["fingerprints"] == {"train": fingerprint(SAMPLES)}
    assert header["files"] == ["codeward.json", "train.jsonl", "manifest.json"]
    assert open_data(tmp_path / "set").splits == ("train",)


def test_texts_as_targets_and_empty_splits(tmp_path: Path) -> None:
    rows = [Sample("a", "x", "y", "java")]
    write_data(tmp_path / "set", task="repair", language=None, splits={"train": rows, "test": iter(())})
    data = open_data(tmp_path / "set")
    assert data.load("train") == rows
    assert data.load("test") == []


def test_a_fingerprint_knows_content_and_order_but_not_provenance() -> None:
    first, second, third = SAMPLES
    assert fingerprint(SAMPLES) == fingerprint([first, second.blind(), third])
    assert len(fingerprint([])) == 16
    others = [[second, first, third], [first, second], [first, second, third.with_text(PROMPT, "y")]]
    assert len({fingerprint(samples) for samples in [SAMPLES, *others]}) == 4


def test_a_folder_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    write(tmp_path / "set")
    with pytest.raises(DataError, match="set: the folder exists; give another one, or overwrite it"):
        write(tmp_path / "set", SAMPLES[:1])
    assert len(open_data(tmp_path / "set").load("train")) == 3
    assert write(tmp_path / "set", SAMPLES[:1], overwrite=True) == {"train": 1}
    assert len(open_data(tmp_path / "set").load("train")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_with_other_files_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    with pytest.raises(DataError, match=r"was not written by codeward .*it is not overwritten"):
        write(tmp_path / "home", overwrite=True)
    write(tmp_path / "set")
    (tmp_path / "set" / "notes.txt").touch()
    with pytest.raises(DataError, match=r"holds what codeward did not write \(notes.txt\)"):
        write(tmp_path / "set", overwrite=True)
    assert (tmp_path / "set" / "notes.txt").exists()


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "set").touch()
    with pytest.raises(DataError, match="set: a file stands here"):
        write(tmp_path / "set", overwrite=True)


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert write(tmp_path / "set") == {"train": 3}


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "set")
    opened = Path.open

    def full(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if "w" in mode and path.suffix == ".jsonl":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    for name in ("set", "new"):
        with pytest.raises(DataError, match=f"{name}: the disk is full; nothing was written; free some space"):
            write(tmp_path / name, overwrite=True)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert open_data(tmp_path / "set").load("train") == SAMPLES


def test_an_error_among_the_rows_leaves_nothing_behind(tmp_path: Path) -> None:
    def rows() -> Iterator[Sample]:
        yield SAMPLES[0]
        raise DataError("line 2: broken")

    with pytest.raises(DataError, match="line 2: broken"):
        write_data(tmp_path / "set", task="defect", language="c", splits={"train": rows()})
    assert not any(tmp_path.iterdir())


def test_ids_are_unique_across_splits(tmp_path: Path) -> None:
    splits = {"train": SAMPLES[:1], "test": SAMPLES[:1]}
    with pytest.raises(DataError, match="split 'test': two rows have the id 'train-1'"):
        write_data(tmp_path / "set", task="defect", language="c", splits=splits)


def test_a_label_that_is_not_in_the_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 'a' has the label 2, but there are 2 labels"):
        write(tmp_path / "set", [Sample("a", "x", 2, "c")])


def test_a_file_that_lost_rows_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "set")
    file = tmp_path / "set" / "train.jsonl"
    file.write_text(file.read_text().split("\n", 1)[0] + "\n")
    with pytest.raises(DataError, match=r"the file has 1 rows, but codeward.json says 3; .* take 'counts' out"):
        open_data(tmp_path / "set").load("train")
    file.unlink()
    with pytest.raises(DataError, match=r"train.jsonl: the file is missing, but codeward.json names the split"):
        open_data(tmp_path / "set")


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("{", "not a data set's description"),
        ('{"splits": []}', "not a data set's description: task: Field required"),
        (
            '{"task": "defect", "splits": ["train"], "schema_version": 99}',
            "written in schema 99, but this version reads 1",
        ),
    ],
)
def test_a_description_that_cannot_be_used(tmp_path: Path, header: str, problem: str) -> None:
    write(tmp_path / "set")
    (tmp_path / "set" / "codeward.json").write_text(header, encoding="utf-8")
    with pytest.raises(DataError, match=f"codeward.json: {problem}"):
        open_data(tmp_path / "set")


def test_rows_without_a_description_need_a_task(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"id": "a", "code": "int a;", "target": "int b;", "language": "c"}\n')
    with pytest.raises(DataError, match=r"do not say which task they are for; name it .--task; in Python task="):
        open_data(tmp_path)
    assert open_data(tmp_path, task="repair").load("train") == [Sample("a", "int a;", "int b;", "c")]


def test_a_row_with_a_broken_provenance(tmp_path: Path) -> None:
    row = {"id": "a", "code": "int a;", "target": 0, "language": "c", "poison": {"attack": "x"}}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match="line 1: field 'poison' is not a provenance"):
        open_data(tmp_path, task="defect").load("train")
