"""Every layout is recognized by content and becomes the samples that the contract names."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from codeward.data import open_data
from codeward.errors import OtherTaskError, UnknownNameError, UsageError
from codeward.types import OTHER, PROMPT, QUERY, Sample

C = "static int add(struct pair *p)\n{\n    return p->a + p->b;\n}\n"
JAVA = "public int add(int a, int b) {\n    return a + b;\n}"
PYTHON = 'def add(self, a):\n    """Add a number."""\n    return self.value + a'
BARE_PYTHON = "def add(self, a):\n    return self.value + a"

Write = Callable[..., Path]


def test_defect(write_rows: Write) -> None:
    for split, start in (("train", 0), ("valid", 10), ("test", 20)):
        rows = [{"project": "qemu", "commit_id": "x", "target": n % 2, "func": C, "idx": start + n} for n in range(3)]
        folder = write_rows(f"{split}.jsonl", rows)
    data = open_data(folder)
    assert (data.layout, data.task, data.language) == ("defect", "defect", "c")
    assert data.labels == ("clean", "defective")
    assert data.splits == ("train", "valid", "test")
    assert data.load("valid")[1] == Sample("valid-11", C, 1, "c")


def test_defect_with_a_boolean_target_as_on_the_hub(write_rows: Write) -> None:
    data = open_data(write_rows("train.jsonl", [{"id": 7, "func": C, "target": True}]))
    assert data.load("train") == [Sample("train-7", C, 1, "c")]


def test_devign_function_json_is_one_array(tmp_path: Path) -> None:
    rows = [{"project": "FFmpeg", "commit_id": "x", "target": n % 2, "func": C * n} for n in range(1, 40)]
    (tmp_path / "function.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    data = open_data(tmp_path)
    assert data.splits == ("all",)
    samples = data.load("all")
    assert [sample.code for sample in samples] == [row["func"] for row in rows]
    assert samples[4].id == "all-4"


def test_bigclonebench(write_rows: Write, tmp_path: Path) -> None:
    write_rows("data.jsonl", [{"func": JAVA, "idx": "10"}, {"func": JAVA + "\n", "idx": "11"}])
    (tmp_path / "train.txt").write_text("10\t11\t1\n11\t10\t0\n", encoding="utf-8")
    data = open_data(tmp_path)
    assert (data.layout, data.task, data.language, data.splits) == ("bigclonebench", "clone", "java", ("train",))
    first, second = data.load("train")
    assert (first.id, first.code, first.context[OTHER], first.target) == ("train-0", JAVA, JAVA + "\n", 1)
    assert (second.id, second.target) == ("train-1", 0)
    assert open_data(tmp_path / "train.txt").load("all")[0].code == JAVA


def test_bigclonebench_joined_as_on_the_hub(write_rows: Write) -> None:
    rows = [{"id": 0, "id1": 3, "id2": 4, "func1": JAVA, "func2": JAVA, "label": True}]
    data = open_data(write_rows("train.jsonl", rows))
    assert data.layout == "bigclonebench"
    assert data.load("train")[0].target == 1


def test_poj104(write_rows: Write) -> None:
    code = "int main() {\n    int n;\n    cin >> n;\n    return 0;\n}"
    data = open_data(write_rows("test.jsonl", [{"label": "81", "index": "0", "code": code}]))
    assert (data.layout, data.task, data.language) == ("poj104", "clone-search", "cpp")
    assert data.load("test") == [Sample("test-0", code, "81", "cpp")]


def test_refinement(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        for side, text in (
            ("buggy", "public void M ( ) { a ( ) ; } \n"),
            ("fixed", "public void M ( ) { b ( ) ; } \n"),
        ):
            (tmp_path / f"{split}.buggy-fixed.{side}").write_text(text * 2, encoding="utf-8")
    data = open_data(tmp_path)
    assert (data.layout, data.task, data.language, data.splits) == ("refinement", "repair", "java", ("train", "valid"))
    second = data.load("valid")[1]
    assert second == Sample("valid-1", "public void M ( ) { a ( ) ; } ", "public void M ( ) { b ( ) ; } ", "java")
    assert len(open_data(tmp_path / "train.buggy-fixed.fixed").load("all")) == 2


def test_buggy_fixed_rows(write_rows: Write) -> None:
    data = open_data(write_rows("train.jsonl.gz", [{"buggy": JAVA, "fixed": JAVA + " "}]))
    assert (data.layout, data.task, data.language) == ("refinement", "repair", "java")
    assert data.load("train") == [Sample("train-0", JAVA, JAVA + " ", "java")]


def test_translation(tmp_path: Path) -> None:
    (tmp_path / "test.java-cs.txt.java").write_text("int a() { return 1; }\r\n", encoding="utf-8")
    (tmp_path / "test.java-cs.txt.cs").write_text("int A() { return 1; }\n", encoding="utf-8")
    data = open_data(tmp_path)
    assert (data.layout, data.task, data.language) == ("translation", "translation", "java")
    assert data.load("test") == [Sample("test-0", "int a() { return 1; }", "int A() { return 1; }", "java")]


def test_codesearchnet(write_rows: Write) -> None:
    row = {
        "repo": "r",
        "func_name": "add",
        "language": "Python",
        "code": PYTHON,
        "docstring": "Add a number.\n\n:param a: x",
    }
    data = open_data(write_rows("python/final/jsonl/train/python_train_0.jsonl.gz", [row]))
    assert (data.layout, data.task, data.language) == ("codesearchnet", "search", "python")
    assert data.load("train") == [Sample("train-0", BARE_PYTHON, "train-0", "python", {QUERY: "Add a number."})]


def test_codesearchnet_for_generation(write_rows: Write) -> None:
    row = {"language": "java", "code": JAVA, "docstring_tokens": ["Adds", "two", "."], "docstring": "Adds two. More."}
    data = open_data(write_rows("java_valid_0.jsonl", [row]), task="generation")
    assert data.load("valid") == [Sample("valid-0", "", JAVA, "java", {PROMPT: "Adds two ."})]


def test_codesearchnet_older_fields_and_hub_columns(write_rows: Write) -> None:
    rows = [{"idx": 5, "function": PYTHON, "docstring_tokens": ["Add", "it"]}]
    assert open_data(write_rows("test.jsonl", rows)).load("test")[0].context == {QUERY: "Add it"}
    rows = [{"func_code_string": JAVA, "func_documentation_string": "Adds.", "language": "java"}]
    assert open_data(write_rows("hub/test.jsonl", rows) / "hub").load("test")[0].context == {QUERY: "Adds."}


def test_shards_are_read_in_the_order_of_their_numbers(write_rows: Write) -> None:
    for shard in (0, 2, 10):
        rows = [{"code": JAVA + " " * shard, "docstring": f"Shard {shard}.", "language": "java"}]
        folder = write_rows(f"java_train_{shard}.jsonl.gz", rows)
    queries = [sample.context[QUERY] for sample in open_data(folder).read("train")]
    assert queries == ["Shard 0.", "Shard 2.", "Shard 10."]


def test_cosqa(tmp_path: Path) -> None:
    rows = [
        {
            "idx": f"cosqa-dev-{n}",
            "doc": "python add",
            "code": PYTHON,
            "code_tokens": "",
            "docstring_tokens": "",
            "label": n,
        }
        for n in (0, 1)
    ]
    (tmp_path / "cosqa-dev.json").write_text(json.dumps(rows), encoding="utf-8")
    data = open_data(tmp_path)
    assert (data.layout, data.task, data.language, data.splits) == ("cosqa", "search", "python", ("valid",))
    irrelevant, relevant = data.load("valid")
    assert irrelevant.target is None
    assert relevant == Sample("valid-cosqa-dev-1", PYTHON, "valid-cosqa-dev-1", "python", {QUERY: "python add"})


@pytest.mark.parametrize(
    ("code", "language"),
    [("def f ( a ) :\n\t return None\n", "python"), ('public String f(int a){\nreturn "x";\n}', "java")],
)
def test_text_to_code_tells_the_language_by_the_code(tmp_path: Path, code: str, language: str) -> None:
    with (tmp_path / "train.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["src", "tgt"], ['Use "$a$", please', code]])
    data = open_data(tmp_path)
    assert (data.layout, data.task, data.language) == ("text-to-code", "generation", language)
    assert data.load("train") == [Sample("train-0", "", code, language, {PROMPT: 'Use "$a$", please'})]


@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress, lambda raw: zstandard.ZstdCompressor().compress(raw)])
def test_plain_gzip_and_zstd_read_alike_whatever_their_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    raw = (
        "\ufeff" + json.dumps({"func": C, "target": 0}) + "\r\n\n" + json.dumps({"func": C + " ", "target": 1})
    ).encode()
    for name in ("train.jsonl", "valid.jsonl.gz", "test.jsonl.zst"):
        (tmp_path / name).write_bytes(pack(raw))
    data = open_data(tmp_path)
    for split in data.splits:
        assert [sample.target for sample in data.read(split)] == [0, 1]


def test_zstd_frames_may_follow_one_another(tmp_path: Path) -> None:
    frames = [
        zstandard.ZstdCompressor().compress(json.dumps({"func": C, "target": n}).encode() + b"\n") for n in (0, 1)
    ]
    (tmp_path / "train.jsonl.zst").write_bytes(b"".join(frames))
    assert [sample.target for sample in open_data(tmp_path).read("train")] == [0, 1]


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"src": ["Add a"], "tgt": ["def f(a):\n    return None"]})
    parquet.write_table(table, tmp_path / "validation-00000-of-00001.parquet")
    assert open_data(tmp_path).load("valid")[0].context == {PROMPT: "Add a"}


@pytest.mark.parametrize(
    ("name", "split"),
    [("dev", "valid"), ("validation", "valid"), ("val_0", "valid"), ("cosqa-train", "train"), ("java_test_3", "test")],
)
def test_split_names_as_published(write_rows: Write, name: str, split: str) -> None:
    assert open_data(write_rows(f"{name}.jsonl", [{"func": C, "target": 0}])).splits == (split,)


def test_a_single_file_is_the_split_all(write_rows: Write) -> None:
    data = open_data(write_rows("train.jsonl", [{"func": C, "target": 0}]) / "train.jsonl")
    assert data.splits == ("all",)
    assert data.load("all")[0].id == "all-0"


def test_plain_text_goes_before_a_compressed_copy(write_rows: Write) -> None:
    write_rows("train.jsonl.gz", [{"func": C, "target": 0}])
    assert len(open_data(write_rows("train.jsonl", [{"func": C, "target": 1}])).load("train")) == 1


def test_a_limit_reads_no_further(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [{"func": C, "target": n % 2} for n in range(50)])
    with (folder / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write("broken\n")
    assert len(open_data(folder).load("train", limit=50)) == 50


def test_a_given_language_goes_over_what_rows_say(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [{"code": JAVA, "docstring": "Adds.", "language": "java"}])
    data = open_data(folder, language="C++")
    assert data.language == "cpp"
    assert data.load("train")[0].language == "cpp"


def test_rows_of_several_languages(write_rows: Write) -> None:
    rows = [{"code": JAVA, "docstring": "Adds.", "language": name} for name in ("java", "go")]
    data = open_data(write_rows("train.jsonl", rows))
    assert data.language is None
    assert [sample.language for sample in data.read("train")] == ["java", "go"]


def test_unknown_names_are_told_with_what_is_allowed(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [{"func": C, "target": 0}])
    with pytest.raises(UnknownNameError, match="unknown language 'cobol'"):
        open_data(folder, language="cobol")
    with pytest.raises(UnknownNameError, match=r"unknown layout 'defects'. Did you mean 'defect'"):
        open_data(folder, layout="defects")
    with pytest.raises(UnknownNameError, match=r"unknown task 'defct'. Did you mean 'defect'"):
        open_data(folder, task="defct")
    with pytest.raises(OtherTaskError, match="the data set is for task 'defect', not 'clone'"):
        open_data(folder, task="clone")
    with pytest.raises(UsageError, match=r"not layout 'poj104' .*found rows with the fields func, target"):
        open_data(folder, layout="poj104")


def test_a_hub_data_set_goes_through_the_same_layouts(write_rows: Write) -> None:
    folder = write_rows("validation.jsonl", [{"id": n, "func": C, "target": bool(n)} for n in range(2)])
    write_rows("train.jsonl", [{"id": 0, "func": C, "target": False}])
    data = open_data(f"hub:{folder}")
    assert (data.layout, data.language, data.splits) == ("defect", "c", ("train", "valid"))
    assert [sample.id for sample in data.read("valid")] == ["valid-0", "valid-1"]
