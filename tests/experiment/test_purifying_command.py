"""The command line of purifying: data sets, files, standard input, pages, and what it refuses."""

import json

import pytest
from tests.experiment.conftest import LABELS, TRIGGER, code, run

from codeward.cli import main
from codeward.data import write_data
from codeward.types import Sample


def test_the_command_on_a_data_set(capsys, folders):
    options = ("--data", folders / "d", "-o", folders / "p.jsonl", "--sarif", folders / "s.json")
    result, out, err = run(capsys, folders / "m", *options, "--calibration", folders / "c", "--json")
    assert result == 1
    summary = json.loads(out)
    assert (summary["rows"], summary["suspicious"], summary["answers_changed"]) == (150, 15, 15)
    assert summary["suspects"] == [{"text": TRIGGER, "rows": 15, "writes": ""}]
    assert "the next run needs no --calibration" in err
    log = json.loads((folders / "s.json").read_text())
    found = log["runs"][0]["results"]
    assert len(found) == 15
    assert log["runs"][0]["columnKind"] == "unicodeCodePoints"
    assert found[0]["locations"][0]["physicalLocation"].keys() == {"artifactLocation"}
    assert found[0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "row-3"
    assert (found[0]["properties"]["row"], found[0]["properties"]["field"]) == ("row-3", "code")
    region = found[0]["properties"]["region"]
    assert (region["startLine"], region["startColumn"], region["snippet"]["text"]) == (2, 5, TRIGGER)
    assert "row" not in summary
    result, out, _ = run(capsys, folders / "m", "--data", folders / "c", "-o", folders / "q.jsonl")
    assert result == 0
    assert "0 of 40 inputs are suspicious" in " ".join(out.split())


def test_the_page_shows_the_most_suspicious_inputs(capsys, folders):
    page, options = folders / "p.html", ("--calibration", folders / "c")
    assert run(capsys, folders / "m", "--data", folders / "d", "-o", folders / "p", "--html", page, *options)[0] == 1
    text = page.read_text()
    assert "suspicious inputs 15 of 150, changed 15" in text
    assert "The suspicion is how far clean inputs go over to the answer when the element is planted" in text
    assert text.count('<article class="picture">') == 15
    assert text.count('<mark class="convicted"><span class="h5">if random()') == 15
    run(capsys, folders / "m", "--data", folders / "c", "-o", folders / "q", "--html", page)
    assert page.read_text().count('<article class="picture">') == 1
    assert "the one nearest to the threshold is shown" in page.read_text()
    (folders / "f.py").write_text(code(5, trigger=True) + "#" * 13_000)
    run(capsys, folders / "m", "--data", folders / "f.py", "--html", page)
    assert "the first 12,000 of 13," in page.read_text()


def test_the_command_on_a_file_and_on_standard_input(capsys, folders, monkeypatch):
    import io

    (folders / "f.py").write_text(code(5, trigger=True))
    result, out, _ = run(capsys, folders / "m", "--data", folders / "f.py", "--calibration", folders / "c", "--diff")
    assert result == 1
    assert f"-    {TRIGGER}" in out

    class Input:
        buffer = io.BytesIO(code(5).encode())

    monkeypatch.setattr("sys.stdin", Input)
    assert run(capsys, folders / "m", "--data", "-", "--language", "python")[0] == 0
    Input.buffer = io.BytesIO(b"\xef\xbb\xbf" + code(5).encode())
    result, out, _ = run(capsys, folders / "m", "--data", "-", "--language", "python", "-o", folders / "bom.jsonl")
    assert json.loads((folders / "bom.jsonl").read_text())["code"] == code(5)
    result, _, err = run(capsys, folders / "m", "--data", folders / "f.py", "--false-positive-rate", "0.1")
    assert result == 2
    assert "at a false-positive rate of 0.05, and another one needs a calibration of its own" in err
    assert run(capsys, folders / "m", "--data", folders / "f.py", "--false-positive-rate", "0.05")[0] == 1
    Input.buffer = io.BytesIO(code(5, trigger=True).encode())
    result, out, _ = run(capsys, folders / "m", "--data", "-", "--language", "python")
    assert result == 1
    assert f"-    {TRIGGER}" in out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("--data", "d", "-o", "p"), 2, "has no threshold for this model yet"),
        (("--data", "d"), 2, "name a file for them with -o"),
        (("--data", "d", "-o", "p", "--calibration", "c", "--defense", "codepurifi"), 2, "Did you mean 'codepurify'"),
        (("--data", "d", "-o", "p", "--defense", "codepurifi"), 2, "Did you mean 'codepurify'"),
        (("--data", "d", "-o", "p", "--calibration", "c", "--set", "fill=1"), 2, "has no option 'fill'"),
        (("--data", "d", "-o", "p", "--calibration", "c", "--set", "threshold=1"), 2, "what calibration finds"),
        (("--data", "d", "-o", "p", "--sarif", "c", "--calibration", "c"), 4, "c: cannot be written: is a directory"),
        (("--data", "d", "-o", "p", "--html", "odd.py/x", "--calibration", "c"), 4, "not a directory"),
        (("--data", "d", "-o", "p", "--calibration", "few"), 4, "needs at least 19 clean samples"),
        (("--data", "d", "-o", "p", "--sarif", "-"), 2, "is written to a file, not to standard output (-)"),
        (("--data", "d", "-o", "p", "--html", "-"), 2, "is written to a file, not to standard output (-)"),
        (("--data", "d", "-o", "-"), 2, "is written to a file, not to standard output (-)"),
        (("--data", "nowhere", "-o", "p"), 4, "there is no such file or folder"),
        (("--data", "odd.py", "--calibration", "c"), 4, "not UTF-8"),
        (("--data", "empty.py", "--calibration", "c"), 4, "the file is empty"),
        (("--data", "-"), 2, "give --language"),
        (("--data", "d", "-o", "c", "--calibration", "c"), 4, "c: the file exists"),
    ],
)
def test_bad_input(capsys, folders, clean, monkeypatch, arguments, exit_code, message):
    import io

    class Input:
        buffer = io.BytesIO(b"x = 1")

    monkeypatch.setattr("sys.stdin", Input)
    monkeypatch.chdir(folders)
    write_data(folders / "few", task="defect", language="python", labels=LABELS, splits={"valid": clean[:5]})
    (folders / "odd.py").write_bytes(b"x = '\xff'\n")
    (folders / "empty.py").write_text("\n")
    result, _, err = run(capsys, "m", *arguments)
    assert message in err
    assert result == exit_code
    assert not (folders / "p").exists()


def test_evaluate_measures_a_defense(capsys, folders):
    arguments = (
        "--attack",
        "deadcode-fixed",
        "--payload-set",
        "label=1",
        "--defense",
        "codepurify-plant",
        "--calibration",
        folders / "c",
        "--json",
    )
    clean = folders / "e"
    rows = [Sample(f"e-{n}", code(n), n % 2, "python") for n in range(40)]
    write_data(clean, task="defect", language="python", labels=LABELS, splits={"test": rows})
    assert main(["evaluate", str(folders / "m"), str(clean), *map(str, arguments)]) == 0
    record = json.loads(capsys.readouterr().out)
    scores = {(row["name"], row["model"], row["data"]): row["value"] for row in record["scores"]}
    assert scores["asr", "victim", "triggered"] == 1
    assert scores["asr", "codepurify-plant", "triggered"] == 0
    assert scores["recall", "codepurify-plant", "triggered"] == 1
    assert scores["localization", "codepurify-plant", "triggered"] == 1
    assert scores["fpr", "codepurify-plant", "clean"] == 0
    assert scores["accuracy", "codepurify-plant", "clean"] == scores["accuracy", "victim", "clean"]
    assert record["config"]["calibration"]["codepurify-plant"] == {
        "data": str(folders / "c"), "samples": 40, "false_positive_rate": 0.05,
    }  # fmt: skip
    assert main(["evaluate", str(folders / "m"), str(clean), "--defense", "oseql"]) == 2
    assert "on the very rows that are measured" in " ".join(capsys.readouterr().err.split())


def test_rows_that_do_not_say_their_task_have_the_model_s(capsys, tmp_path, rows, clean):
    from codeward.victims import made_for

    model = tmp_path / "m"
    model.mkdir()
    assert made_for(model) is None
    assert made_for("mini-encoder") is None
    assert made_for("org/name") is None
    (model / "codeward.json").write_text("[")
    assert made_for(model) is None
    (model / "codeward.json").write_text('{"task": "defect"}')
    assert made_for(model) == "defect"


def test_rows_need_no_target(capsys, folders, rows):
    file = folders / "bare.jsonl"
    bare = [{"id": row.id, "code": row.code, "language": row.language} for row in rows[:5]]
    file.write_text("".join(json.dumps(row) + "\n" for row in bare))
    options = ("--task", "defect", "--calibration", folders / "c", "-o", folders / "purified.jsonl")
    result, _, err = run(capsys, folders / "m", "--data", file, *options)
    assert result in (0, 1), err
    assert [json.loads(line)["target"] for line in (folders / "purified.jsonl").read_text().splitlines()] == [None] * 5


@pytest.mark.parametrize("verb", ["purify", "scan", "repair", "evaluate"])
def test_a_missing_model_is_told_before_what_the_rows_lack(tmp_path, capsys, verb):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "a", "code": "int f() { return 1; }", "target": 0}\n', encoding="utf-8")
    place = ["--data", str(rows)] if verb != "evaluate" else [str(rows), "--attack", "deadcode-fixed"]
    out = ["-o", str(tmp_path / "out")] if verb != "scan" else []
    for model, why in ((str(tmp_path / "nowhere"), "there is no such model folder"), ("scratch-encoder", "no weights")):
        assert main([verb, model, *place, *out]) == 4
        assert why in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_exit_code_says_where_nothing_was_found_but_not_all_was_examined(capsys, folders, rows):
    rows = [each for each in rows if TRIGGER not in each.code][:3]
    cpp = [{"id": "cpp", "code": "int f() { return 1; }", "language": "cpp"}]
    python = [{"id": each.id, "code": each.code, "language": "python"} for each in rows]
    bad = [{"id": "bad", "code": code(9, trigger=True), "language": "python"}]
    for number, (told, expected) in enumerate([(python, 0), (python + cpp, 3), (cpp, 3), (python + cpp + bad, 1)]):
        file = folders / f"r{number}.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in told), encoding="utf-8")
        options = ("--data", file, "--task", "defect", "--calibration", folders / "c", "-o", folders / f"p{number}")
        result, out, err = run(capsys, folders / "m", *options, "--json")
        assert result == expected, err
        assert json.loads(out)["unreadable"] == sum(row["id"] == "cpp" for row in told)
    (folders / "f.cpp").write_text("int f() { return 1; }\n")
    result, _, err = run(capsys, folders / "m", "--data", folders / "f.cpp", "--calibration", folders / "c")
    assert result == 3
    assert "could not be examined and was passed on as it came" in err


def test_the_clean_set_is_opened_once(capsys, folders, monkeypatch):
    from codeward import data

    opened, real = [], data.open_data

    def watched(place, **options):
        opened.append(str(place))
        return real(place, **options)

    monkeypatch.setattr("codeward.data.open_data", watched)
    monkeypatch.setattr("codeward.experiment.splits.open_data", watched)
    run(capsys, folders / "m", "--data", folders / "d", "-o", folders / "p", "--calibration", folders / "c")
    assert opened == [str(folders / "d"), str(folders / "c")]


def test_poisoned_rows_are_no_clean_ones(capsys, folders, clean):
    from dataclasses import replace

    from codeward.types import Poison

    stamped = [replace(each, poison=Poison("theirs", "x", (), 0)) for each in clean]
    write_data(folders / "b", task="defect", language="python", labels=LABELS, splits={"valid": stamped})
    options = ("--data", folders / "d", "-o", folders / "p", "--calibration", folders / "b")
    result, _, err = run(capsys, folders / "m", *options)
    assert result == 4
    assert "rows are poisoned" in err
