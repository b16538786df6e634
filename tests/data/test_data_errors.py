"""What can be wrong with a data set is one sentence that names the file, the line and what to do."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from codeward.data import open_data, write_kept
from codeward.errors import DataError, UsageError

C = "static int add(struct pair *p)\n{\n    return p->a + p->b;\n}\n"
ROW = {"func": C, "target": 0}

Write = Callable[..., Path]


def read_all(path: Path, **options: str) -> None:
    data = open_data(path, **options)
    for split in data.splits:
        data.load(split)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent: there is no such file or folder; give a data set's folder"):
        open_data(tmp_path / "absent")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        open_data("data/train.jsonl")


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(DataError, match="xxx: cannot be read: file name too long"):
        open_data("x" * 5_000)


def test_a_hub_without_a_name() -> None:
    with pytest.raises(DataError, match="hub:: give the data set's name on the hub after 'hub:', such as org/name"):
        open_data("hub:")


def test_a_name_that_the_hub_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("Couldn't reach 'nobody/nothing' on the Hub\nand more")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(DataError, match=r"nobody/nothing: there is no such file .* the hub: Couldn't reach [^\n]*$"):
        open_data("nobody/nothing")


def test_a_folder_without_data(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("train", encoding="utf-8")
    with pytest.raises(DataError, match=r"this folder holds no data file; looked for .jsonl"):
        open_data(tmp_path)


def test_a_folder_of_several_data_sets(write_rows: Write) -> None:
    write_rows("small/train.jsonl", [ROW])
    with pytest.raises(DataError, match=r"several data sets \(medium, small\); give one of them"):
        open_data(write_rows("medium/train.jsonl", [ROW]))


@pytest.mark.parametrize("name", ["train.jsonl", "train.jsonl.gz", "train.csv", "train.buggy-fixed.buggy"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    for path in {tmp_path / name, tmp_path / name.replace("fixed.buggy", "fixed.fixed")}:
        path.write_bytes(gzip.compress(b"\n") if name.endswith(".gz") else b"")
    with pytest.raises(DataError, match=rf"{name.split('.')[0]}.*: the file is empty"):
        open_data(tmp_path)


def test_an_empty_later_split(write_rows: Write) -> None:
    write_rows("test.jsonl", [])
    data = open_data(write_rows("train.jsonl", [ROW]))
    with pytest.raises(DataError, match=r"test.jsonl: the file is empty"):
        data.load("test")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"func": "x", ', "line 3: the row is not valid JSON: Expecting property name"),
        ("[1, 2]", "line 3: the row has to be a JSON object, but it is a list"),
        ("null", "line 3: the row has to be a JSON object, but it is null"),
        ("[" * 100_000, "line 3: the row is not valid JSON"),
        ('{"func": "x", "target": ' + "1" * 5_000 + "}", "line 3: the row is not valid JSON"),
    ],
)
def test_a_broken_json_row(write_rows: Write, line: str, problem: str) -> None:
    folder = write_rows("train.jsonl", [ROW, ROW])
    with (folder / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=f"train.jsonl, {problem}"):
        read_all(folder)


@pytest.mark.parametrize("text", ['[{"func": "int a;", "target": 0}, {"func": ]', '[{"func": "int a;", "target": 0}'])
def test_a_broken_json_array(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"train.json, row 2: the row is not valid JSON"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[R, R]\nR\n", r"after the array with 2 rows the file goes on with '{\"func"),
        ("[R]\n[R]", r"after the array with 1 rows the file goes on with '\[{"),
        ("[R R]", r"row 2: the row is not valid JSON: '{\"func.* stands where a comma or the end of the array has to"),
        ("[R,, R]", "row 2: the row is not valid JSON"),
        ("[, R]", "row 1: the row is not valid JSON"),
        ("[R, ]", "row 2: the row is not valid JSON"),
        ("[R", "row 2: the row is not valid JSON: the end of the file stands where"),
    ],
)
def test_an_array_and_nothing_else(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "train.json").write_text(text.replace("R", '{"func": "int a;", "target": 0}'), encoding="utf-8")
    with pytest.raises(DataError, match=f"train.json[,:] {problem}"):
        read_all(tmp_path)


def test_white_space_around_an_array_is_fine(tmp_path: Path) -> None:
    row = '{"func": "int a;", "target": 0}'
    (tmp_path / "train.json").write_text(f"\n [ {row}\n,\t{row} ] \n\n", encoding="utf-8")
    assert len(open_data(tmp_path).load("train")) == 2


def test_a_git_lfs_pointer(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match="Git LFS pointer, not the data; run: git lfs pull"):
        open_data(tmp_path)


def test_not_utf8(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [ROW])
    with (folder / "train.jsonl").open("ab") as file:
        file.write('{"func": "caf\xe9", "target": 0}\n'.encode("latin-1"))
    with pytest.raises(DataError, match=r"train.jsonl, line 2: the text is not UTF-8 .byte 0xe9.; convert"):
        read_all(folder)


@pytest.mark.parametrize("name", ["train.jsonl.gz", "train.jsonl.zst"])
def test_a_compressed_file_that_is_cut_off(tmp_path: Path, name: str) -> None:
    raw = "".join(json.dumps({**ROW, "idx": n * 7919}) + "\n" for n in range(20_000)).encode()
    packed = gzip.compress(raw) if name.endswith("gz") else zstandard.ZstdCompressor().compress(raw)
    (tmp_path / name).write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(DataError, match=f"{name}: the compressed file is cut off or damaged"):
        read_all(tmp_path)


def test_a_damaged_compressed_file(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(json.dumps(ROW).encode() * 50))
    packed[20:30] = b"\xff" * 10
    (tmp_path / "train.jsonl.gz").write_bytes(bytes(packed))
    with pytest.raises(DataError, match="cut off or damaged"):
        open_data(tmp_path)


def test_a_missing_field_names_what_is_there(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [ROW, {"code": C, "target": 1}])
    with pytest.raises(DataError, match=r"train.jsonl, line 2: the row has no field 'func'; it has: code, target"):
        read_all(folder)
    folder = write_rows("train.jsonl", [ROW, {"func": C}])
    with pytest.raises(DataError, match=r"train.jsonl, line 2: the row has no field 'target'; it has: func"):
        read_all(folder)


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "null"), (3, "a number"), ({}, "an object"), (True, "true or false")]
)
def test_a_field_of_the_wrong_kind(write_rows: Write, value: object, kind: str) -> None:
    folder = write_rows("train.jsonl", [ROW, {"func": value, "target": 0}])
    with pytest.raises(DataError, match=f"line 2: field 'func' has to be text, but it is {kind}"):
        read_all(folder, language="c")


@pytest.mark.parametrize("label", ["vulnerable", 2, -1, 0.5, None, "١٢"])
def test_an_unknown_label_says_what_is_allowed(write_rows: Write, label: object) -> None:
    folder = write_rows("train.jsonl", [ROW, {"func": C, "target": label}])
    with pytest.raises(DataError, match=r"line 2: .* is not a known label; allowed: 0 \(clean\), 1 \(defective\)"):
        read_all(folder)


@pytest.mark.parametrize("label", ["defective", "1", 1, 1.0, True])
def test_a_label_may_be_written_in_several_ways(write_rows: Write, label: object) -> None:
    assert open_data(write_rows("train.jsonl", [{"func": C, "target": label}])).load("train")[0].target == 1


def pair_folder(write_rows: Write, pairs: str) -> Path:
    folder = write_rows("data.jsonl", [{"func": C, "idx": "10"}, {"func": C + " ", "idx": "11"}])
    (folder / "train.txt").write_text("10\t11\t1\n" + pairs, encoding="utf-8")
    return folder


def test_a_pair_of_an_unknown_function(write_rows: Write) -> None:
    with pytest.raises(DataError, match=r"train.txt, line 2: there is no function '12' in .*data.jsonl"):
        read_all(pair_folder(write_rows, "10\t12\t0\n"))


def test_a_line_that_is_no_pair(write_rows: Write) -> None:
    with pytest.raises(
        DataError, match=r"train.txt, line 2: a pair is idx1, idx2 and label parted by tabs, not '10 11 1'"
    ):
        read_all(pair_folder(write_rows, "10 11 1\n"))


def test_a_pair_with_an_unknown_label(write_rows: Write) -> None:
    with pytest.raises(DataError, match=r"train.txt, line 2: 'yes' in field 'label' .* 0 \(different\), 1 \(clone\)"):
        read_all(pair_folder(write_rows, "10\t11\tyes\n"))


def test_pairs_without_their_functions(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("10\t11\t1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train.txt: data.jsonl, which holds the functions of the pairs, is missing"):
        open_data(tmp_path)


def test_two_functions_with_one_idx(write_rows: Write) -> None:
    folder = pair_folder(write_rows, "")
    write_rows("data.jsonl", [{"func": C, "idx": "10"}, {"func": C, "idx": "10"}])
    with pytest.raises(DataError, match=r"data.jsonl, line 2: two functions have the idx '10'"):
        read_all(folder)


@pytest.mark.parametrize(("buggy", "fixed"), [(3, 2), (2, 5)])
def test_files_of_different_lengths(tmp_path: Path, buggy: int, fixed: int) -> None:
    (tmp_path / "train.buggy-fixed.buggy").write_text("public int a ( ) { }\n" * buggy, encoding="utf-8")
    (tmp_path / "train.buggy-fixed.fixed").write_text("public int b ( ) { }\n" * fixed, encoding="utf-8")
    with pytest.raises(
        DataError, match=rf"\.buggy has {buggy} lines, but .*\.fixed has {fixed}; the two files have to"
    ):
        read_all(tmp_path)


def test_a_file_without_its_partner(tmp_path: Path) -> None:
    (tmp_path / "train.java-cs.txt.java").write_text("int a() { }\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"its partner train.java-cs.txt.cs is missing"):
        open_data(tmp_path)


def test_duplicate_ids(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [{**ROW, "idx": n} for n in (1, 2, 1)])
    with pytest.raises(DataError, match=r"train.jsonl, line 3: a second row has the id 'train-1'"):
        read_all(folder)


def test_duplicate_ids_are_counted_and_named_with_a_remedy(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [{**ROW, "idx": n} for n in (1, 2, 1, 3, 2, 2, 1, 2)])
    file = folder / "train.jsonl"
    with pytest.raises(DataError) as caught:
        read_all(folder)
    assert str(caught.value) == (
        f"{file}, line 3: a second row has the id 'train-1', which {file}, line 1 has already; of 8 rows 5 repeat an id "
        f"({file}, line 3; {file}, line 5; {file}, line 6; …), and ids have to be unique within a split; leave these rows out, or "
        "give each an id of its own, or take out the field (idx or id), so that rows are counted"
    )
    write_rows("train.jsonl", [{"id": id, "code": C, "target": 0} for id in "aba"])
    with pytest.raises(DataError, match=r"of 3 rows 1 repeats an id \(.*train.jsonl, line 3\), .* an id of its own$"):
        open_data(folder, task="defect", language="c").load("train")


def test_an_unknown_split_names_the_ones_there_are(write_rows: Write) -> None:
    write_rows("train.jsonl", [ROW])
    data = open_data(write_rows("test.jsonl", [ROW]))
    with pytest.raises(UsageError, match="there is no split 'valid'; there are: train, test"):
        data.read("valid")


def test_a_negative_limit(write_rows: Write) -> None:
    with pytest.raises(UsageError, match="limit has to be 0 or more rows, got -1"):
        open_data(write_rows("train.jsonl", [ROW])).read("train", limit=-1)


def test_a_language_that_cannot_be_told(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [{"func": "lorem ipsum", "target": 0}])
    with pytest.raises(
        DataError, match=r"cannot tell the language of the code; name it \(--language.*\), one of c, cpp"
    ):
        open_data(folder)
    assert open_data(folder, language="c").language == "c"


def test_a_language_that_is_not_read(write_rows: Write) -> None:
    folder = write_rows("ruby_train_0.jsonl", [{"code": "def a\nend", "docstring": "A.", "language": "ruby"}])
    with pytest.raises(DataError, match="language 'ruby' is not one that Codeward reads"):
        open_data(folder)


def test_a_csv_row_with_cells_missing(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text('src,tgt\n"a b","def f():\n  return None"\nonly\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"train.csv, line 4: the row has 1 cells, but the header has 2"):
        read_all(tmp_path, language="python")


def test_a_csv_cell_of_any_length_is_read_and_copied(tmp_path: Path) -> None:
    code = "x = 1\n" * 50_000
    with (tmp_path / "train.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["src", "tgt"], ["a b", code], ["c d", "y = 2"]])
    data = open_data(tmp_path / "train.csv", language="python")
    assert [sample.target for sample in data.read("all")] == [code, "y = 2"]
    assert [row.number for row, _ in data.placed("all")] == [2, 50_003]
    write_kept(data, "all", [True, False], tmp_path / "kept.csv")
    assert [sample.target for sample in open_data(tmp_path / "kept.csv", language="python").read("all")] == [code]


def test_a_csv_quote_that_never_ends(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text('src,tgt\na,"def f():\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"train.csv, line 2: the row is not valid CSV .unexpected end"):
        read_all(tmp_path, language="python")


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=r"train.parquet: the Parquet file cannot be read"):
        open_data(tmp_path)


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="cannot be read: permission denied"):
        open_data(tmp_path)
