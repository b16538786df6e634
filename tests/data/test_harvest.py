"""Harvested sets: what becomes a row, what is left out and counted, and that the same sources give the same set."""

import tarfile
import zipfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
import zstandard

from codeward.code import count_errors
from codeward.data import Harvest, harvest, open_data, write_harvest
from codeward.errors import DataError, UnknownNameError, UsageError
from codeward.types import PROMPT, QUERY, Sample

VERBS = ("get", "set", "read", "write", "close")


def module(number: int) -> str:
    """A Python module whose functions differ from those of every other module."""
    parts = [f'"""Module {number}."""\n\nimport os\n']
    for index, verb in enumerate(VERBS[: 2 + number % 4]):
        parts.append(
            f"class Part{index}:\n"
            f"    def {verb}_item_{number}(self, key, other):\n"
            f'        """Takes the {verb} item of part {number} by its key. And more.\n\n'
            f'        :param key: x\n        """\n\n'
            f"        if key < {number} and other is not None:\n"
            f"            return self.{verb}_item_{number}(other, key + {index})\n"
            f"        return os.path.join(other, key)  # {verb}_item_{number} ends\n"
        )
    return "\n".join(parts)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    for number in range(40):
        (root / ("sub" if number % 3 else ".") / f"part{number}.py").write_text(module(number), encoding="utf-8")
    return root


def rows(harvested: Harvest) -> list[Sample]:
    return [sample for samples in harvested.splits.values() for sample in samples]


def from_text(tmp_path: Path, name: str, text: str, task: str, **options: int) -> list[Sample]:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return rows(harvest([file], task, min_lines=2, **options))


def test_naming_hides_the_name_and_labels_its_verb(tree: Path) -> None:
    harvested = harvest([tree], "naming", labels=3)
    assert harvested.labels == ("get", "set", "read")
    assert (harvested.task, harvested.language) == ("naming", "python")
    assert set(harvested.splits) == {"train", "valid", "test"}
    assert sum(harvested.counts.values()) == len(rows(harvested)) > 80
    for sample in rows(harvested):
        assert sample.code.startswith("def function_name(self, key, other):\n    if key <")
        assert "self.function_name(other" in sample.code
        assert "# function_name ends" in sample.code
        assert "_item_" not in sample.code
        assert '"""' not in sample.code
    wanted = Counter({"get": 40, "set": 40, "read": 30})
    assert Counter(harvested.labels[sample.target] for sample in rows(harvested)) == wanted  # type: ignore[index]


def test_naming_leaves_out_names_that_tell_nothing(tmp_path: Path) -> None:
    body = "(self):\n    x = {0}\n    return x\n\n"
    names = ["__init__", "__repr__", "test_it", "setUp", "main", "_", "x_of", "get_a", "get_b", "put_a"]
    text = "".join(f"def {name}" + body.format(number) for number, name in enumerate(names))
    harvested = harvest([write(tmp_path / "a.py", text)], "naming")
    assert harvested.labels == ("get", "put")
    assert harvested.skipped["name is prescribed by the language"] == 3
    assert harvested.skipped["function is a test"] == 3
    assert harvested.skipped["name has no verb"] == 1


def test_a_c_function_is_named_after_its_first_verb_not_its_module(tmp_path: Path) -> None:
    text = "".join(
        f"int curl_easy_{verb}_{n}(int a)\n{{\n  return a + {n};\n}}\n\n"
        for n, verb in enumerate(["get", "set", "get"])
    )
    harvested = harvest([write(tmp_path / "a.c", text)], "naming")
    assert harvested.labels == ("get", "set")
    assert all("int function_name(int a)" in sample.code for sample in rows(harvested))


def test_search_asks_with_the_first_sentence(tree: Path) -> None:
    samples = rows(harvest([tree], "search"))
    assert len(samples) == 140
    for sample in samples:
        assert sample.target == sample.id
        assert sample.context[QUERY].startswith("Takes the ")
        assert sample.context[QUERY].endswith(" by its key.")
        assert "Takes" not in sample.code


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.java",
            "class A {\n  /**\n   * Adds {@code a} to b, e.g. two.\n   * @param a x\n   */\n"
            "  @Deprecated\n  int add(int a) {\n    return a;\n  }\n}\n",
        ),
        ("a.c", "/* Copyright X. */\n\n/* Adds a to b, e.g. two. More. */\nstatic int add(int a)\n{\n  return a;\n}\n"),
        ("a.go", "package a\n\n// Adds a to b,\n// e.g. two.\nfunc add(a int) int {\n\treturn a\n}\n"),
        ("a.js", "/** Adds <b>a</b> to b, e.g. two. */\nexport function add(a) {\n  return a;\n}\n"),
        ("a.cpp", "namespace n {\n  /// Adds a to b, e.g. two.\n  int add(int a) {\n    return a;\n  }\n}\n"),
    ],
)
def test_leading_comments_are_documentation(tmp_path: Path, name: str, text: str) -> None:
    (sample,) = from_text(tmp_path, name, text, "search")
    assert sample.context[QUERY] == "Adds a to b, e.g. two."
    assert "Adds" not in sample.code
    assert count_errors(sample.code, sample.language) == 0
    assert not any(line.startswith("  ") and line.endswith(("{", "}")) for line in sample.code.split("\n"))


def test_a_license_and_a_distant_comment_are_no_documentation(tmp_path: Path) -> None:
    text = "/* Copyright 2020 by the authors of it. */\nint a(int x)\n{\n  return x;\n}\n"
    text += "/* This stands far above. */\n\nint b;\n\nint c(int x)\n{\n  return b;\n}\n"
    with pytest.raises(DataError, match=r"nothing in 1 files suits task 'search' \(2: function has no documentation\)"):
        from_text(tmp_path, "a.c", text, "search")


def test_generation_asks_with_the_first_paragraph(tree: Path) -> None:
    sample = rows(harvest([tree], "generation"))[0]
    assert sample.code == ""
    assert sample.context[PROMPT].endswith("by its key. And more.")
    assert isinstance(sample.target, str)
    assert sample.target.startswith("def ")
    assert '"""' not in sample.target


def test_defect_plants_in_half_of_the_functions(tree: Path) -> None:
    harvested = harvest([tree], "defect")
    originals = {sample.target for sample in rows(harvest([tree], "generation"))}
    assert harvested.labels == ("clean", "defective")
    counts = Counter(sample.target for sample in rows(harvested))
    assert 0.35 < counts[1] / sum(counts.values()) < 0.65
    for sample in rows(harvested):
        assert (sample.code in originals) == (sample.target == 0)
        assert count_errors(sample.code, "python") == 0


def test_repair_asks_for_the_function_as_it_was(tree: Path) -> None:
    originals = {sample.target for sample in rows(harvest([tree], "generation"))}
    samples = rows(harvest([tree], "repair"))
    assert {sample.target for sample in samples} == originals
    assert all(sample.code not in originals and count_errors(sample.code, "python") == 0 for sample in samples)


def test_a_function_without_a_place_for_a_defect_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1: function has no place for a defect"):
        from_text(tmp_path, "a.py", "def nothing():\n    return 1\n", "defect")


def test_copies_are_left_out_whatever_their_comments_and_white_space(tmp_path: Path) -> None:
    write(tmp_path / "a" / "a.py", "def f(a, b):\n    c = a + b\n    return c # '\n")
    write(tmp_path / "a" / "b.py", "class X:\n  def f( a, b ):\n      # other\n      c = a+b\n\n      return c\n")
    write(tmp_path / "a" / "c.py", "def f(a, b):\n    c = a + b\n    return '# c'\n")
    harvested = harvest([tmp_path / "a"], "repair")
    assert len(rows(harvested)) == 2
    assert harvested.skipped["function or description occurs twice"] == 1


def test_functions_of_a_file_share_a_split_and_growing_sources_move_none(tree: Path) -> None:
    before = harvest([tree], "search")
    splits = {sample.context[QUERY].split()[6]: split for split, samples in before.splits.items() for sample in samples}
    for split, samples in before.splits.items():
        assert samples
        assert all(splits[sample.context[QUERY].split()[6]] == split for sample in samples)
        assert all(sample.id.startswith(f"{split}-") for sample in samples)
    for number in range(40, 60):
        (tree / f"part{number}.py").write_text(module(number), encoding="utf-8")
    after = harvest([tree], "search")
    for split, samples in before.splits.items():
        assert all(sample in after.splits[split] for sample in samples)


def test_the_same_sources_give_the_same_set(tree: Path) -> None:
    for task in ("naming", "defect"):
        assert harvest([tree], task, seed=3) == harvest([tree], task, seed=3)
    other = tree.parent / "other"
    write(other / "a.py", module(99))
    assert rows(harvest([tree, other], "repair")) == rows(harvest([other, tree, tree], "repair"))
    assert harvest([tree], "defect", seed=1).splits != harvest([tree], "defect", seed=2).splits


def test_a_limit_keeps_that_many_rows_of_all_files(tree: Path) -> None:
    everything = {sample.id: sample for sample in rows(harvest([tree], "search"))}
    limited = harvest([tree], "search", limit=12)
    assert len(rows(limited)) == 12
    assert all(everything[sample.id] == sample for sample in rows(limited))
    assert limited.files < 40
    assert len(rows(harvest([tree], "search", limit=10_000))) == 140
    assert len(rows(harvest([tree], "naming", limit=60))) == 60


def test_archives_give_what_the_folder_gives(tree: Path, tmp_path: Path) -> None:
    expected = sorted(sample.code for sample in rows(harvest([tree], "search")))
    with zipfile.ZipFile(tmp_path / "src.zip", "w") as archive:
        for path in tree.rglob("*.py"):
            archive.write(path, path.relative_to(tree))
    plain = BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        archive.add(tree, "pkg-1.0")
    (tmp_path / "pkg-1.0.tar").write_bytes(plain.getvalue())
    (tmp_path / "pkg-1.0.tar.zst").write_bytes(zstandard.ZstdCompressor().compress(plain.getvalue()))
    with tarfile.open(tmp_path / "pkg-1.0.tar.gz", "w:gz") as archive:
        archive.add(tree, "pkg-1.0")
    with tarfile.open(tmp_path / "pkg-1.0.tar.xz", "w:xz") as archive:
        archive.add(tree, "pkg-1.0")
    for name in ("src.zip", "pkg-1.0.tar", "pkg-1.0.tar.gz", "pkg-1.0.tar.xz", "pkg-1.0.tar.zst"):
        assert sorted(sample.code for sample in rows(harvest([tmp_path / name], "search"))) == expected


def test_what_cannot_be_used_is_counted_with_its_reason(tmp_path: Path) -> None:
    good = "def get_a(x, y):\n    z = x + y\n    return z\n"
    root = tmp_path / "tree"
    write(root / "good.py", good)
    (root / "latin.py").write_bytes("# caf\xe9\n".encode("latin-1"))
    write(root / "broken.py", "def f(:\n    x = (\n    return x\n")
    write(root / "nul.py", "x = '\0'\n")
    write(root / "table.py", "x = 1\n" * 200_000)
    write(root / "bundle.js", "var a=1;" * 500)
    write(root / "lib.min.js", "var a;\n")
    write(root / "parser.py", '"""This file was generated by the tool."""\n' + good)
    write(root / "tests" / "a.py", good)
    write(root / "test_a.py", good)
    write(root / "node_modules" / "a.js", "function a() {}\n")
    write(root / "notes.txt", good)
    (root / "link.py").symlink_to(root / "good.py")
    harvested = harvest([root], "repair")
    assert len(rows(harvested)) == 1
    assert harvested.files == 7
    reasons = ["not UTF-8", "not text", "larger than 1 MB", "generated", "a test", "minified"]
    assert {reason: harvested.skipped[f"file is {reason}"] for reason in reasons} == dict(
        zip(reasons, [1, 1, 1, 1, 2, 2], strict=True)
    )


def test_a_test_file_that_is_given_by_itself_is_read(tmp_path: Path) -> None:
    assert from_text(tmp_path, "test_a.py", "def get_a(x, y):\n    return x + y\n", "repair")


def test_progress_counts_files(tree: Path) -> None:
    calls: list[tuple[int, int]] = []
    harvest([tree], "search", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 40) for done in range(1, 41)]


def test_languages_can_be_chosen(tmp_path: Path) -> None:
    write(tmp_path / "t" / "a.py", "def get_a(x, y):\n    z = x + y\n    return z\n")
    write(tmp_path / "t" / "a.js", "function getA(x, y) {\n  return x + y;\n}\n")
    assert harvest([tmp_path / "t"], "repair").language is None
    assert harvest([tmp_path / "t"], "repair", languages=["js"]).language == "javascript"


def test_a_harvest_is_written_and_read_back(tree: Path, tmp_path: Path) -> None:
    harvested = harvest([tree], "naming", labels=4)
    assert write_harvest(tmp_path / "set", harvested) == harvested.counts
    data = open_data(tmp_path / "set")
    assert (data.task, data.language, data.labels) == ("naming", "python", harvested.labels)
    assert {split: tuple(data.load(split)) for split in data.splits} == harvested.splits


def test_errors_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent: there is no such file or folder to harvest from"):
        harvest([tmp_path / "absent"], "search")
    with pytest.raises(DataError, match=r"there is no source file in c, cpp, .* to harvest from"):
        harvest([tmp_path], "search")
    with pytest.raises(UnknownNameError, match=r"unknown task to harvest for 'nameing'. Did you mean 'naming'"):
        harvest([tmp_path], "nameing")
    with pytest.raises(UnknownNameError, match="unknown language 'cobol'"):
        harvest([tmp_path], "naming", languages=["cobol"])
    with pytest.raises(UsageError, match="at least 2 labels and a limit of 1 row, got 1 and None"):
        harvest([tmp_path], "naming", labels=1)
    write(tmp_path / "a.py", "def get_a(x, y):\n    z = x + y\n    return z\n")
    with pytest.raises(DataError, match="the sources have 1 verbs in function names, but naming needs two"):
        harvest([tmp_path], "naming")


def test_a_zip_that_is_cut_off(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.py", "def f():\n    pass\n" * 50)
    whole = (tmp_path / "a.zip").read_bytes()
    for name in ("b.zip", "b.whl"):
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=rf"{name}: the archive cannot be read"):
            harvest([tmp_path / name], "naming")


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar", "a.tar.zst"])
def test_a_damaged_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(
        b"PK\x05\x06" + b"\x1f" * 10 if name != "a.zip" else b"PK\x03\x04" + b"x" * 200 + b"PK\x05\x06" + b"\xff" * 18
    )
    with pytest.raises(DataError, match=f"{name}: (the archive )?cannot be read"):
        harvest([tmp_path / name], "search")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
