"""From source trees to blocks of tokens: each text once, nothing of the evaluation data, names numbered."""

import gzip
import json
from collections import Counter

import numpy as np
import pytest

from codeward.data import write_data
from codeward.errors import DataError
from codeward.types import Sample
from codeward.zoo.packing import FILE, PARTS, Document, divide, read_card, side_of, write_corpus
from codeward.zoo.sources import documents, function_keys, stamps, without_legal_head

CODE = "def area(width, height):\n    size = width * height\n    return size\n"
LEGAL = "# Copyright 2020 Somebody\n# SPDX-License-Identifier: MIT\n"


def text(number):
    return CODE.replace("area", f"area_{number}").replace("size", f"size_{number % 7}")


@pytest.fixture
def tree(tmp_path):
    for number in range(30):
        file = tmp_path / f"tree/pack_{number}/code.py"
        file.parent.mkdir(parents=True)
        file.write_text(LEGAL + text(number))
    (tmp_path / "tree/pack_0/copy.py").write_text(text(0).replace("\n", "\n\n"))
    (tmp_path / "tree/pack_1/Legal.java").write_text("/* Copyright */\nclass A { int f(int x) { return x; } }\n")
    return tmp_path / "tree"


def test_a_tree_gives_each_text_once_without_its_licence(tree):
    skipped = Counter()
    found = list(documents([tree], ("python", "java"), skipped))
    assert len(found) == 31
    assert {each.language for each in found} == {"python", "java"}
    assert not any("Copyright" in each.text for each in found)


def test_functions_of_the_evaluation_data_are_kept_out(tree, tmp_path):
    rows = [Sample("a", text(3).replace("    ", "  ") + "# comment\n", 0, "python")]
    write_data(tmp_path / "data", task="defect", language="python", labels=("a", "b"), splits={"test": rows})
    skipped = Counter()
    keys = function_keys([tmp_path / "data"])
    found = list(documents([tree], ("python",), skipped, exclude=keys))
    assert skipped["file holds a function of the evaluation data"] == 1
    assert not any("area_3(" in each.text for each in found)


def test_rows_of_a_corpus_and_their_sides(tmp_path):
    rows = [{"repo": "a/b", "path": f"x/{n}.py", "license": "MIT", "text": text(n)} for n in range(5)]
    for name in ("train.jsonl.gz", "valid.jsonl.gz"):
        with gzip.open(tmp_path / name, "wt") as file:
            file.writelines(json.dumps({**row, "text": name + row["text"]}) + "\n" for row in rows)
    found = list(documents([tmp_path], ("python",), Counter()))
    assert Counter(side_of(each) for each in found) == {"train": 5, "valid": 5}
    assert found[0].license == "MIT"
    (tmp_path / "train.jsonl.gz").unlink()
    (tmp_path / "broken.jsonl").write_text('{"text": "x"}\n{"path": ')
    with pytest.raises(DataError, match=r"broken\.jsonl, line 2: a row of a corpus"):
        list(documents([tmp_path / "broken.jsonl"], ("python",), Counter()))
    with pytest.raises(DataError, match="there is no such file"):
        list(documents([tmp_path / "none"], ("python",), Counter()))


def test_a_comment_that_is_not_legal_stays():
    assert without_legal_head("# Sums things.\nx = 1\n", "python") == "# Sums things.\nx = 1\n"
    assert without_legal_head("/* (c) Copyright X */\n\nint x;\n", "c") == "int x;\n"


def test_blocks_hold_all_tokens_and_the_numbers_of_names(tmp_path):
    found = [Document(f"r{n}/p/{n}.py", "python", text(n), split="train") for n in range(40)]
    card = write_corpus(tmp_path / "c", found, vocabulary=400, length=16, seed=0, sources=["here"], skipped=Counter())
    assert read_card(tmp_path / "c") == card
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "c/tokenizer")
    blocks, names = np.load(tmp_path / "c/train.npy"), np.load(tmp_path / "c/train-names.npy")
    assert blocks.shape == names.shape
    assert blocks.size == card.tokens["python"] // 16 * 16
    assert tokenizer.decode(blocks.ravel()[:200]).split("</s>")[0] in {each.text for each in found}
    flat, numbers = blocks.ravel(), names.ravel()
    runs = {}
    start = 0
    for end in range(1, len(flat) + 1):
        if end == len(flat) or numbers[end] != numbers[start]:
            if numbers[start]:
                runs.setdefault(int(numbers[start]), []).append(tokenizer.decode(flat[start:end]).strip())
            start = end
    inner = {name: set(words) for name, words in list(runs.items())[2:-2]}
    assert all(len(words) == 1 for words in inner.values())
    assert {"width", "height"} <= {word for words in inner.values() for word in words}


def test_sides_go_by_document_and_only_what_is_used_is_told(tmp_path):
    """Two sources may give files of the same name to different sides."""
    found = [
        Document("train.jsonl:1", "python", text(n), license="MIT" if side == "test" else "BSD", split=side)
        for n, side in enumerate(["train", "valid", "test"] * 20)
    ]
    card = write_corpus(tmp_path / "c", found, vocabulary=400, length=16, seed=0, sources=["here"], skipped=Counter())
    assert card.documents == 40
    assert card.licenses == {"BSD": 40}
    assert card.tokens["python"] == pytest.approx(card.valid_tokens["python"], rel=0.2)


def test_too_little_text_and_no_corpus(tmp_path):
    short = [Document("a/b/c.py", "python", "x = 1\n", split="train")]
    for found, count in ((short, 1), ([], 0)):
        with pytest.raises(
            DataError, match=rf"fills no block .*\(documents: {count}; left out: file is a test \(2\)\)"
        ):
            write_corpus(
                tmp_path / "c",
                found,
                vocabulary=300,
                length=512,
                seed=0,
                sources=[],
                skipped=Counter({"file is a test": 2}),
            )
    assert not (tmp_path / "c").exists()
    with pytest.raises(DataError, match=r"no corpus.*corpus\.json"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"text": 5, "path": "a.py"}', "'text' of a row is text, not 5"),
        ('{"text": "x", "path": "a.py", "repo": 3}', "'repo' of a row is text, not 3"),
        ('{"text": "x", "path": "a.py", "license": ["MIT"]}', "'license' of a row is text"),
        ('{"path": "a.py"}', "a row of a corpus is a JSON object with 'text'"),
        ("[1]", "a row of a corpus is a JSON object with 'text'"),
    ],
)
def test_rows_of_other_types_are_told_by_line(tmp_path, row, message):
    (tmp_path / "c.jsonl").write_text(f'{{"text": "x = 1", "path": "a.py"}}\n{row}\n')
    with pytest.raises(DataError, match=r"c\.jsonl, line 2: ") as caught:
        list(documents([tmp_path / "c.jsonl"], ("python",), Counter()))
    assert message in str(caught.value)


def test_rows_without_a_language_or_with_half_characters_are_counted(tmp_path):
    rows = ['{"text": "x", "path": null}', '{"text": "\\ud800", "path": "a.py"}', '{"text": "y", "language": "python"}']
    (tmp_path / "c.jsonl").write_text("\n".join(rows))
    skipped = Counter()
    assert [each.text for each in documents([tmp_path / "c.jsonl"], ("python",), skipped)] == ["y"]
    assert skipped == {"row has neither path nor language": 1, "file is not UTF-8": 1}


def test_compressed_rows_that_are_damaged(tmp_path):
    whole = gzip.compress(b'{"text": "x = 1", "path": "a.py"}\n' * 50)
    for content, message in (
        (whole[:-12], "cut off or damaged"),
        (b"\x1f\x8bnothing", "damaged"),
        (b"\xff\xfe", "UTF-8"),
    ):
        (tmp_path / "c.jsonl.gz").write_bytes(content)
        with pytest.raises(DataError, match=message):
            list(documents([tmp_path / "c.jsonl.gz"], ("python",), Counter()))


def names(found):
    return {each.name for each in found}


@pytest.mark.parametrize("name", ["requests.tar.gz/requests-2/src/{}.py", "flat/{}.py", "own/repo/{}.py"])
def test_one_repository_is_divided_by_file(name):
    for count in (2, 5, 30, 200):
        found = [Document(name.format(n), "python", text(n)) for n in range(count)]
        train, valid, _ = divide(found)
        assert names(train) | names(valid) == names(found)
        assert not names(train) & names(valid)
        assert 1 <= len(valid) <= max(1, count // 10)
    assert divide(found[:1])[0] == [Document(name.format(0), "python", text(0), split="train")]


def test_each_language_is_held_back_of_and_what_sources_say_holds():
    found = [
        Document(f"a/b/{n}.{end}", kind, "x" * n) for n in range(9) for end, kind in (("py", "python"), ("c", "c"))
    ]
    _, valid, by = divide(found)
    assert {each.language for each in valid} == {"python", "c"}
    assert by == "file"
    assert len(divide([found[0], found[1]])[1]) == 1
    given = [Document(f"r{n}/p/x.py", "python", "x", split="train") for n in range(9)]
    assert divide(given) == (given, [], "repository")


def test_whole_repositories_stay_on_one_side():
    found = [Document(f"r{n % 60}/p/{n}.py", "python", text(n)) for n in range(600)]
    train, valid, by = divide(found)
    assert by == "repository"
    assert (train, valid) == tuple([each for each in found if side_of(each) == side] for side in ("train", "valid"))
    assert not {each.name.split("/")[0] for each in train} & {each.name.split("/")[0] for each in valid}


def test_a_card_tells_how_it_was_divided_only_where_by_file(tmp_path):
    for count, told in ((1, True), (60, False)):
        found = [Document(f"r{n % count}/p/{n}.py", "python", text(n)) for n in range(120)]
        out = tmp_path / str(count)
        card = write_corpus(out, found, vocabulary=400, length=16, seed=0, sources=["here"], skipped=Counter())
        assert read_card(out) == card
        assert not card.unmeasured
        assert ("divided" in json.loads((out / FILE).read_text())) is told


def test_a_damaged_corpus_is_told(tmp_path):
    found = [Document(f"r{n}/p/{n}.py", "python", text(n)) for n in range(60)]
    write_corpus(tmp_path / "c", found, vocabulary=400, length=16, seed=0, sources=["here"], skipped=Counter())
    for broken in ("{broken", "[]", "{}", '{"length": "x"}'):
        (tmp_path / "c" / FILE).write_text(broken)
        with pytest.raises(DataError, match="no card of a corpus"):
            read_card(tmp_path / "c")
    (tmp_path / "c" / PARTS[0]).unlink()
    with pytest.raises(DataError, match=r"it has no train\.npy"):
        read_card(tmp_path / "c")


def test_stamps_change_with_the_files_that_are_read(tree):
    before = stamps([tree], ("python",))
    (tree / "README.md").write_text("new")
    assert stamps([tree], ("python",)) == before
    (tree / "pack_2/code.py").write_text("y = 2\n")
    assert stamps([tree], ("python",)) != before
    assert stamps([tree / "README.md"]) != stamps([tree / "none"]) == []
