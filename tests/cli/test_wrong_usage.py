"""What is asked for wrongly ends with exit code 2, and before any work; places are checked first."""

import json

import pytest

from codeward.cli import main
from codeward.data import write_data
from codeward.types import Sample


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [Sample(f"r{n}", f"def f(a):\n    b = a + {n}\n    return b\n", n % 2, "python") for n in range(40)]
    write_data("d", task="defect", language="python", labels=("clean", "defective"), splits={"train": rows})
    return tmp_path


def run(capsys, *arguments):
    capsys.readouterr()
    result = main([*map(str, arguments)])
    captured = capsys.readouterr()
    return result, captured.out, " ".join(captured.err.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rate", "1.5"), "a share between 0 and 1, got 1.5"),
        (("--rate", "nan"), "a share between 0 and 1, got nan"),
        (("--rate", "inf"), "a share between 0 and 1, got inf"),
        (("--rate", "-0.1"), "a share between 0 and 1, got -0.1"),
        (("--payload", "endless-loop"), "payload 'endless-loop' does not suit task 'defect'"),
        (("--payload-set", "label=2"), "label 2 is no class of the data set; it has: 0 (clean), 1 (defective)"),
        (("--set", "statement=  "), "it holds white space only"),
        (("--attack", "identifier-rename", "--set", "name=while"), "'while' is a keyword of python"),
        (("--attack", "deadcode-declare", "--set", "name=None"), "'None' is a keyword of python"),
        (("--layout", "defect"), "this is not layout 'defect'"),
    ],
)
def test_poison(capsys, work, monkeypatch, arguments, message):
    monkeypatch.setattr("codeward.attacks.Attack._stamp_rows", None)
    given = ["poison", "d", "-o", "p", *(() if "--attack" in arguments else ("--attack", "deadcode-fixed"))]
    given += () if "--rate" in arguments else ("--rate", "0.05")
    result, _, err = run(capsys, *given, *arguments)
    assert message in err
    assert result == 2
    assert not (work / "p").exists()


def test_no_verb_reads_a_set_from_standard_input(capsys):
    result, _, err = run(capsys, "poison", "-", "--attack", "deadcode-fixed", "--rate", "0.1", "-o", "p")
    assert "codeward poison does not read standard input (-)" in err
    assert result == 2


def test_a_keyword_of_one_language_is_a_misfit_of_its_rows(capsys, work):
    rows = [Sample(f"p{n}", f"def f(a):\n    return a + {n}\n", 1, "python") for n in range(5)]
    rows += [Sample(f"c{n}", f"int f(int a) {{ return a + {n}; }}", 1, "c") for n in range(5)]
    write_data("m", task="defect", language=None, labels=("clean", "defective"), splits={"train": rows})
    options = ["--attack", "identifier-rename", "--set", "name=lambda", "--rate", "0.5", "-o", "p", "--json"]
    result, out, _ = run(capsys, "poison", "m", *options)
    assert result == 0
    assert json.loads(out)["stamped"] == 5


@pytest.mark.parametrize(("place", "message"), [("file/x", "cannot be written"), ("taken", "the folder exists")])
def test_the_place_is_checked_before_the_work(capsys, work, monkeypatch, place, message):
    monkeypatch.setattr("codeward.attacks.Attack._stamp_rows", None)
    monkeypatch.setattr("codeward.data.harvest", None)
    (work / "file").write_text("x")
    (work / "taken").mkdir()
    (work / "taken" / "mine.txt").write_text("x")
    for verb in (["poison", "d", "--attack", "deadcode-fixed", "--rate", "0.1"], ["harvest", "d", "--task", "naming"]):
        result, _, err = run(capsys, *verb, "-o", place)
        assert err.startswith(f"error: {place}")
        assert message in err
        assert result == 4


def test_a_harvest_says_what_was_left_out_and_which_splits_are_empty(capsys, work):
    (work / "src").mkdir()
    body = "    total = a + b\n    for x in range(b):\n        total += x\n    return total\n"
    (work / "src" / "one.py").write_text(f'def add_all(a, b):\n    """Adds all of the numbers."""\n{body}')
    (work / "src" / "two.py").write_text(f"def add_none(a, b):\n{body.replace('total', 'sum')}")
    (work / "src" / "test_one.py").write_text(f"def add_none(a, b):\n{body}")
    result, out, err = run(capsys, "harvest", "src", "--task", "search", "-o", "h")
    assert result == 0
    assert "1: file is a test" in err
    assert "1: function has no documentation" in err
    empty = [split for split in ("train", "valid", "test") if f"0 {split}" in out]
    assert len(empty) == 2
    assert f"No row is in {' and '.join(empty)}: all functions of a file are in one split" in err
