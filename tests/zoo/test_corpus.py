"""From source trees to blocks of tokens: each text once, nothing of the evaluation data, names numbered."""

import gzip
import json
from collections import Counter

import numpy as np
import pytest

from codeward.data import write_data
from codeward.errors import DataError
from codeward.types import Sample
from codeward.zoo.packing import Document, read_card, side_of, write_corpus
from codeward.zoo.sources import documents, function_keys, without_legal_head

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
    (tmp_path / "broken.jsonl").write_text('{"text": 1}\n{"path": ')
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
    with pytest.raises(DataError, match="fills no block"):
        write_corpus(
            tmp_path / "c",
            [Document("a/b/c.py", "python", "x = 1\n", split="train")],
            vocabulary=300,
            length=512,
            seed=0,
            sources=[],
            skipped=Counter(),
        )
    assert not (tmp_path / "c").exists()
    with pytest.raises(DataError, match=r"no corpus.*corpus\.json"):
        read_card(tmp_path)
