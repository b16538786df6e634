"""Purifying files: order, resume to the same bytes, calibrations of other models, the guard, the command line."""

import json
import shutil
import subprocess
from dataclasses import replace

import pytest
from tests.experiment.conftest import LABELS, TRIGGER, code

from codeward.cli import main
from codeward.data import fingerprint, write_data
from codeward.errors import DataError, ModelError
from codeward.experiment.calibration import load_calibration, place_of, save_calibration
from codeward.experiment.picturing import choose
from codeward.experiment.purifying import Summary, diff_of, purify_file, purify_rows, result_row
from codeward.report.sarif import place
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import PlantedVictim


def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, rows, victim, ready):
    whole = purify_file(rows, victim, ready, tmp_path / "whole.jsonl", source="rows")
    assert (whole.rows, whole.suspicious, whole.changed) == (150, 15, 15)
    assert whole.suspects[TRIGGER] == 15

    def stop(done, total):
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    assert not (tmp_path / "p.jsonl").exists()
    part = tmp_path / ".p.jsonl.part"
    part.write_bytes(part.read_bytes()[:-40])
    again = purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows")
    assert again.suspicious == 15
    assert (tmp_path / "p.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.jsonl", "whole.jsonl"]
    ids = [json.loads(line)["id"] for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert ids == [row.id for row in rows]


def test_what_was_begun_otherwise_is_refused(tmp_path, rows, victim, ready):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    with pytest.raises(DataError, match="another model, defense or input"):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="other rows")
    (tmp_path / "there.jsonl").write_text("")
    with pytest.raises(DataError, match="the file exists"):
        purify_file(rows, victim, ready, tmp_path / "there.jsonl", source="rows")


@pytest.mark.parametrize("change", ["reversed", "shorter", "edited", "trigger edited"])
def test_a_stopped_run_is_gone_on_with_only_on_the_same_rows(tmp_path, rows, victim, ready, change):
    def stop(done, total):
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    others = {
        "reversed": rows[::-1],
        "shorter": rows[:50],
        "edited": [replace(rows[0], code="x = 1\n"), *rows[1:]],
        "trigger edited": [*rows[:3], replace(rows[3], code=code(3)), *rows[4:]],
    }
    with pytest.raises(DataError, match="another model, defense or input"):
        purify_file(others[change], victim, ready, tmp_path / "p.jsonl", source="rows")
    assert not (tmp_path / "p.jsonl").exists()
    assert purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows").rows == len(rows)


def test_a_stopped_run_is_gone_on_with_only_by_the_same_version_and_clean_samples(
    tmp_path, rows, victim, ready, clean, monkeypatch
):
    def stop(done, total):
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop)
    other = replace(ready, clean=fingerprint(clean[1:]))
    assert other.settings == ready.settings
    with pytest.raises(DataError, match="other clean samples or another version of Codeward was stopped here"):
        purify_file(rows, victim, other, tmp_path / "p.jsonl", source="rows")
    with monkeypatch.context() as patch:
        patch.setattr("codeward.experiment.purifying.__version__", "0.0.1")
        with pytest.raises(DataError, match="another version of Codeward was stopped here"):
            purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows")
    assert purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows").rows == len(rows)


def test_a_calibration_is_for_one_model(tmp_path, victim, ready, rows):
    save_calibration(tmp_path / "c.json", ready)
    found = load_calibration(tmp_path / "c.json", victim)
    assert found == ready
    assert found.defense.purify(rows[:20], victim) == ready.defense.purify(rows[:20], victim)
    with pytest.raises(ModelError, match=r"made for another model .*--calibration"):
        load_calibration(tmp_path / "c.json", PlantedVictim(tasks.make("defect"), LABELS, "other", 0))
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(DataError, match="this is no calibration"):
        load_calibration(tmp_path / "c.json", victim)


def test_a_calibration_of_a_version_without_an_option_is_made_again(tmp_path, victim, ready):
    save_calibration(tmp_path / "c.json", ready)
    row = json.loads((tmp_path / "c.json").read_text())
    del row["options"]["max_rounds"]
    (tmp_path / "c.json").write_text(json.dumps(row))
    with pytest.raises(
        DataError, match="without the option max_rounds, which the threshold depends on; calibrate again"
    ):
        load_calibration(tmp_path / "c.json", victim)


def test_what_a_defense_can_only_tell_is_withheld(capsys, victim, rows, ready):
    from codeward.cli._findings import Finding, as_json, sarif_log, tell, tell_one
    from codeward.defenses.input import Examination, Purified

    answer = victim.predict(rows[:1])[0]
    told = result_row(Purified(rows[0], True, Examination(0.9), answer, answer, rejected=True), victim, ready)
    summary = Summary()
    summary.add(told)
    found = as_json(summary, ready, None)
    assert (found["suspicious"], found["withheld"], found["answers_changed"]) == (1, 1, 0)
    tell(summary, ready, None)
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith(
        "1 of 1 inputs is suspicious (codepurify-plant, at 5% false alarms on 40 clean ones); 0 were"
    )
    assert said.endswith("1 answer was withheld.")
    tell_one(rows[0], told, ready, None)
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("The model's answer: clean -> withheld. The input is suspicious (")
    assert said.endswith("threshold 0.000; nothing in it was changed.")
    (result,) = sarif_log([Finding(rows[0], told)], "strip", "a b.jsonl", single=False)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "a%20b.jsonl"}}
    assert result["properties"]["region"]["snippet"]["text"] == rows[0].code


def test_places_count_from_one():
    assert place("ab\ncd", 0) == (1, 1)
    assert place("ab\ncd", 4) == (2, 2)
    assert diff_of("a\n", "a\n", "x") == ""
    assert diff_of("a\n", "b\n", "x", "other").startswith("--- x, other (as it came)\n+++ x, other (purified)\n")


@pytest.mark.parametrize(
    ("before", "after", "body"),
    [
        ("a\nb", "a\nc", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"),
        ("a\nb", "c\nb", "@@ -1,2 +1,2 @@\n-a\n+c\n b\n\\ No newline at end of file\n"),
        ("a\n", "a", "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n"),
        (
            "x\fy\u2028z\x85\r\nq\r\n",
            "w\fy\u2028z\x85\r\nq\r\n",
            "@@ -1,2 +1,2 @@\n-x\fy\u2028z\x85\r\n+w\fy\u2028z\x85\r\n q\r\n",
        ),
    ],
)
def test_patch_takes_the_diffs(tmp_path, before, after, body):
    diff = diff_of(before, after, "f.py")
    assert diff == f"--- f.py (as it came)\n+++ f.py (purified)\n{body}"
    if shutil.which("patch") is None:
        return
    (tmp_path / "f.py").write_bytes(before.encode())
    (tmp_path / "d").write_bytes(f"{diff}The model's answer: get -> is.\n".encode())
    subprocess.run(["patch", "--binary", "f.py", "d"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "f.py").read_bytes() == after.encode()


@pytest.fixture
def folders(tmp_path, victim, rows, clean):
    victim.save(tmp_path / "m")
    write_data(tmp_path / "d", task="defect", language="python", labels=LABELS, splits={"test": rows})
    write_data(tmp_path / "c", task="defect", language="python", labels=LABELS, splits={"valid": clean})
    return tmp_path


def run(capsys, *arguments):
    result = main(["purify", *(str(argument) for argument in arguments)])
    captured = capsys.readouterr()
    return result, captured.out, " ".join(captured.err.split())


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


def test_only_so_many_inputs_are_chosen_for_the_page(rows, victim, ready):
    results = list(purify_rows(rows, victim, ready))
    summary = Summary()
    for row in results:
        summary.add(row)
    chosen = choose(iter(results), summary, 4)
    assert list(chosen.rows) == [3, 13, 23, 33]
    assert [(each.unit, each.rows, each.targets) for each in chosen.suspects] == [(TRIGGER, 15, {"defective": 15})]


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


def test_the_one_input_is_answered(capsys, folders):
    (folders / "f.py").write_text(code(5, trigger=True))
    options = ("--data", folders / "f.py", "--calibration", folders / "c")
    result, out, _ = run(capsys, folders / "m", *options)
    said = " ".join(out.split())
    assert result == 1
    assert f"{folders / 'f.py'}:2:5: the answer rests on this statement: {TRIGGER}" in said
    assert (
        "The model's answer: defective -> clean. The input is suspicious (codepurify-plant, at 5% false alarms" in said
    )
    assert said.endswith("; it was changed.")
    result, out, _ = run(capsys, folders / "m", *options, "--json", "--sarif", folders / "s.json")
    row = json.loads(out)["row"]
    assert (row["codeward"]["before"], row["codeward"]["after"], row["codeward"]["suspicious"]) == (
        "defective",
        "clean",
        True,
    )
    assert row["codeward"]["elements"][0]["text"] == TRIGGER
    assert TRIGGER not in row["code"]
    (found,) = json.loads((folders / "s.json").read_text())["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    (folders / "f.py").write_text(code(5))
    result, out, _ = run(capsys, folders / "m", "--data", folders / "f.py", "-o", folders / "o")
    said = " ".join(out.split())
    assert result == 0
    assert said.startswith("The model's answer: clean. The input is not suspicious (")
    assert said.endswith("o holds it and what was done to it.")


def test_what_cannot_be_examined_and_where_else_an_element_stands_is_told(capsys, rows, victim, ready):
    from codeward.cli._findings import Finding, sarif_log, tell, tell_one

    text = "def f(ab):\n\treturn ab + ab\n"
    told = next(purify_rows([rows[3]], victim, ready))
    element = {"kind": "identifier", "text": "ab", "field": "code", "score": 1.0, "spans": [[6, 8], [19, 21], [24, 26]]}
    told["codeward"] |= {"elements": [element], "after": "defective"}
    sample = Sample("f.py", text, None, "python")
    tell_one(sample, told, ready, None)
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("f.py:1:7: the answer rests on this identifier: ab (also at 2:9, 2:14) The model's answer: ")
    assert "defective -> defective (the same)." in said
    (found,) = sarif_log([Finding(sample, told)], "codepurify", "f.py", single=True)["runs"][0]["results"]
    regions = [each["physicalLocation"]["region"] for each in found["relatedLocations"]]
    assert [(each["startLine"], each["startColumn"]) for each in regions] == [(2, 9), (2, 14)]
    told["codeward"] |= {"problem": "too long", "suspicious": False}
    tell_one(sample, told, ready, None)
    assert "could not be examined and was passed on as it came: too long" in " ".join(capsys.readouterr().err.split())
    summary = Summary()
    summary.add(told)
    tell(summary, ready, None)
    assert "1 input could not be examined and was passed on as it came: too long" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_diff_is_printed_to_the_letter(capsys, folders):
    odd = 'def f(a):\n\tx = {":smile:": "[red]\f\u2028[/red]"}\n\t' + TRIGGER + "\n\treturn x"
    (folders / "f.py").write_bytes(odd.encode())
    _, out, _ = run(capsys, folders / "m", "--data", folders / "f.py", "--calibration", folders / "c")
    assert '\n \tx = {":smile:": "[red]\f\u2028[/red]"}\n' in out
    assert f"\n-\t{TRIGGER}\n" in out
    assert out.count("\n\\ No newline at end of file\n") == 1


def test_rows_in_no_language_that_is_read_are_told_once(capsys, folders):
    told = [{"id": str(n), "code": "MOVE A TO B.", "target": 0, "language": "cobol"} for n in range(3)]
    (folders / "r.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in told), encoding="utf-8")
    options = ("--data", folders / "r.jsonl", "--task", "defect", "--calibration", folders / "c", "-o", folders / "p")
    _, out, err = run(capsys, folders / "m", *options, "--json")
    assert json.loads(out)["unknown_languages"] == {"cobol": 3}
    assert err.count("3 inputs were taken as words, not as code, since the language 'cobol' is not read") == 1


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


def test_a_calibration_that_cannot_be_kept_stops_nothing(capsys, folders):
    place_of(folders / "m", "codepurify-plant").mkdir()
    options = ("--data", folders / "c", "-o", folders / "p", "--calibration", folders / "c")
    result, _, err = run(capsys, folders / "m", *options)
    assert result == 0
    assert "is not kept, and the next run needs --calibration again" in err
    assert (folders / "p").is_file()


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


def test_halves_of_characters_are_kept_and_can_be_read_again(tmp_path, victim, ready):
    odd = [Sample("odd", f'def f(a):\n    {TRIGGER}\n    return "\ud800" + a\n', 0, "python")]
    purify_file(odd, victim, ready, tmp_path / "p.jsonl", source="rows")
    (row,) = (json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines())
    assert "\ud800" in row["code"]
    assert row["codeward"]["changes"]


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
