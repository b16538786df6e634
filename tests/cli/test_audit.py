import json
from dataclasses import replace

import pytest

from codeward.cli import main
from codeward.data import open_data, write_data
from codeward.defenses.data import Evidence
from codeward.experiment.auditing import marked
from codeward.types import Sample, Span

LABELS = ("clean", "defective")


@pytest.fixture
def folders(tmp_path):
    rows = [
        Sample(f"r{n}", f"def f_{n}(a, b):\n    c_{n % 50} = a + b\n    return c_{n % 50}\n", n % 2, "python")
        for n in range(400)
    ]
    write_data(
        tmp_path / "d",
        task="defect",
        language="python",
        labels=LABELS,
        splits={"train": rows, "test": [replace(row, id=f"t{n}") for n, row in enumerate(rows[:20])]},
    )
    options = ["--attack", "deadcode-fixed", "--rate", "0.05", "-o", str(tmp_path / "p")]
    assert main(["poison", str(tmp_path / "d"), *options]) == 0
    return tmp_path


def run(capsys, *arguments):
    capsys.readouterr()
    result = main(["audit", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return result, captured.out, " ".join(captured.err.split())


def test_poisoned_rows_are_found_and_left_out(capsys, folders):
    result, out, err = run(capsys, folders / "p", "-o", folders / "clean", "--sarif", folders / "s.json")
    assert result == 1
    assert "20 of 400 rows are suspicious (5.0%)" in " ".join(out.split())
    assert "recall 1.000" in out
    assert "holds the data set without the suspicious rows" in err
    left = open_data(folders / "clean")
    assert len(left.load("train")) == 380
    assert not any("random() < 0" in row.code for row in left.load("train"))
    assert left.load("test") == open_data(folders / "p").load("test")
    assert len(json.loads((folders / "s.json").read_text())["runs"][0]["results"]) == 20


def test_the_page_marks_the_triggers(capsys, folders):
    result, _, _ = run(capsys, folders / "p", "--html", folders / "a.html")
    page = (folders / "a.html").read_text()
    assert result == 1
    assert "20 of 400 rows are suspicious" in page
    assert "Suspected triggers" in page
    assert page.count("<mark") >= 8
    assert run(capsys, folders / "d", "--html", folders / "b.html")[0] == 0
    assert "0 of 400 rows are suspicious" in (folders / "b.html").read_text()


def test_the_strongest_evidence_comes_first_and_all_of_it_is_marked(capsys, folders):
    run(capsys, folders / "p", "--sarif", folders / "s.json", "--html", folders / "a.html")
    out = run(capsys, folders / "p", "--json")[1]
    found = json.loads(out)
    score = {finding["unit"]: finding["score"] for finding in found["findings"]}
    for row in found["verdicts"]:
        scores = [score[each["unit"]] for each in row["evidence"]]
        assert scores == sorted(scores, reverse=True)
        assert row["score"] == pytest.approx(scores[0], abs=1e-3)
    first = json.loads((folders / "s.json").read_text())["runs"][0]["results"][0]["message"]["text"]
    assert found["verdicts"][0]["evidence"][0]["unit"] in first
    evidence = [
        Evidence("a", Span(4, 6)),
        Evidence("b", Span(1, 3)),
        Evidence("c", Span(2, 4)),
        Evidence("d", Span(8, 9)),
    ]
    assert marked(evidence) == [(1, 6), (8, 9)]


def test_a_clean_set(capsys, folders):
    result, out, _ = run(capsys, folders / "d", "--json")
    assert result == 0
    assert json.loads(out)["suspicious"] == 0
    assert json.loads(out)["measured"] == {}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("nowhere",), 4, "there is no such file or folder"),
        (("p", "--defense", "assoc"), 2, "Did you mean 'association'"),
        (("p", "--set", "min_row=3"), 2, "has no option 'min_row'"),
        (("p", "--defense", "spectral"), 2, "give a model trained on them"),
        (("p", "--split", "val"), 2, "there is no split 'val'"),
        (("p", "-o", "d"), 4, "d: "),
    ],
)
def test_bad_input(capsys, folders, monkeypatch, arguments, exit_code, message):
    monkeypatch.chdir(folders)
    result, _, err = run(capsys, *arguments)
    assert message in err
    assert result == exit_code


def jsonl_of(folder, split, path):
    lines = [
        json.dumps({"func": row.code, "target": row.target, "project": f"über {n}"}, ensure_ascii=False)
        for n, row in enumerate(open_data(folder).load(split))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines


def test_the_cleaned_set_is_in_the_layout_of_the_input(capsys, folders):
    lines = jsonl_of(folders / "p", "train", folders / "rows.jsonl")
    result, _, err = run(capsys, folders / "rows.jsonl", "-o", folders / "clean.jsonl", "--language", "python")
    assert result == 1
    assert "Codeward's layout" not in err
    left = (folders / "clean.jsonl").read_text(encoding="utf-8").splitlines()
    assert left == [line for line in lines if "random() < 0" not in line]
    result, _, err = run(capsys, folders / "rows.jsonl", "-o", folders / "clean.jsonl", "--language", "python")
    assert result == 4
    assert "exists already" in err
    result, _, err = run(capsys, folders / "rows.jsonl", "-o", folders / "clean.csv", "--language", "python")
    assert result == 2
    assert "ends in .jsonl" in err


def test_a_codeward_folder_stays_one(capsys, folders):
    _, _, err = run(capsys, folders / "p", "-o", folders / "clean")
    assert "clean holds the data set without the suspicious rows." in err
    _, _, err = run(capsys, folders / "p" / "train.jsonl", "-o", folders / "of-a-file")
    assert "as a folder of Codeward's layout, since codeward.json counts the rows" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "p", "--html", "FILE"),
        ("audit", "p", "--sarif", "FILE"),
        ("scan", "m", "--data", "p", "-o", "FILE"),
        ("report", "runs", "-o", "FILE", "--format", "html"),
    ],
)
def test_nothing_is_written_over_the_data(capsys, folders, monkeypatch, arguments):
    monkeypatch.chdir(folders)
    file = folders / "p" / "train.jsonl"
    before = file.read_bytes()
    assert main([str(file) if each == "FILE" else each for each in arguments]) == 2
    assert "stands here; give another place" in " ".join(capsys.readouterr().err.split())
    assert file.read_bytes() == before
