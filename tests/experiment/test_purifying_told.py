"""What purifying tells: verdicts, places, diffs that patch takes, what could not be examined."""

import json
import math
import shutil
import subprocess

import pytest
from tests.experiment.conftest import TRIGGER, code, run

from codeward.experiment.picturing import choose, record_of
from codeward.experiment.purifying import Summary, answer_of, diff_of, purify_rows, result_row
from codeward.report.sarif import place
from codeward.tasks import tasks
from codeward.types import Prediction, Sample
from codeward.victims import PlantedVictim


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


def test_the_diff_of_a_file_with_a_byte_order_mark_is_taken_by_patch(capsys, folders):
    text = code(5, trigger=True)
    file = folders / "f.py"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    options = (
        "--data",
        file,
        "--calibration",
        folders / "c",
        "--diff",
        "-o",
        folders / "p.jsonl",
        "--sarif",
        folders / "s",
    )
    result, out, _ = run(capsys, folders / "m", *options)
    assert result == 1
    row = json.loads((folders / "p.jsonl").read_text())
    assert "@@\n \ufeffdef area_5(" in out
    assert not row["code"].startswith("\ufeff")
    (found,) = json.loads((folders / "s").read_text())["runs"][0]["results"]
    assert found["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    if shutil.which("patch") is None:
        return
    (folders / "found.diff").write_text(out, encoding="utf-8")
    subprocess.run(["patch", "--binary", "f.py", "found.diff"], cwd=folders, check=True, capture_output=True)
    assert file.read_bytes() == b"\xef\xbb\xbf" + row["code"].encode()


def test_a_mark_at_the_begin_of_a_data_set_is_none_of_its_rows(capsys, folders, rows):
    told = "".join(f"{json.dumps({'id': each.id, 'code': each.code, 'language': 'python'})}\n" for each in rows[:4])
    (folders / "r.jsonl").write_text(told, encoding="utf-8-sig")
    options = ("--data", folders / "r.jsonl", "--task", "defect", "--calibration", folders / "c", "--diff")
    result, out, _ = run(capsys, folders / "m", *options, "-o", folders / "p")
    assert result == 1
    assert f"-    {TRIGGER}" in out
    assert "\ufeff" not in out


def test_inputs_that_could_not_be_examined_again_are_told(capsys, victim, rows, ready):
    from codeward.cli.purify import _tell_unchecked
    from codeward.defenses.input import Examination, Purified

    answer = victim.predict(rows[:1])[0]
    found = Purified(rows[0], True, Examination(0.9), answer, answer, problem_after="there is nothing to plant into")
    told, summary = result_row(found, victim, ready), Summary()
    assert told["codeward"]["problem_after"] == "there is nothing to plant into"
    _tell_unchecked(summary)
    assert not capsys.readouterr().err
    summary.add(told)
    _tell_unchecked(summary)
    assert " ".join(capsys.readouterr().err.split()) == (
        "1 of the inputs that were changed could not be examined again: there is nothing to plant into; see 'problem_after'."
    )


def test_answers_without_numbers_are_told_in_rows_and_on_the_page(victim, rows, ready):
    class Failing(PlantedVictim):
        def confidence(self, samples, outputs):
            return [math.nan] * len(samples)

    model = Failing(victim.task, victim.labels, TRIGGER, 1)
    (told,) = purify_rows(rows[3:4], model, ready)
    assert "no numbers (NaN)" in told["codeward"]["problem"]
    assert "NaN" not in json.dumps({**told["codeward"], "problem": ""})
    summary = Summary()
    summary.add(told)
    assert (summary.unreadable, summary.suspicious) == (1, 0)
    record = record_of(choose([told], summary), {0: rows[3]}, summary, model, ready, data="x", seconds=0.0)
    assert "no numbers (NaN)" in record.pictures[0].problem
    assert not [part for view in record.pictures[0].views for part in view.parts]
    searcher = PlantedVictim(tasks.make("search"), (), "x", 0)
    assert answer_of(Prediction("a", 0, (math.nan,)), searcher) == "no number"
