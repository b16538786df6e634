"""Files around purifying: outputs apart from each other, stopped runs, damaged calibrations and those of somebody else."""

import json

import pytest
from tests.experiment.conftest import LABELS

from codeward.cli import main
from codeward.data import write_data
from codeward.errors import DataError
from codeward.experiment.calibration import load_calibration, place_of, ready_for, save_calibration
from codeward.experiment.purifying import CHUNK, purify_file, purify_rows

NAME = "codepurify-plant"


@pytest.fixture
def folders(tmp_path, victim, rows, clean, monkeypatch):
    victim.save(tmp_path / "m")
    write_data(tmp_path / "d", task="defect", language="python", labels=LABELS, splits={"test": rows})
    write_data(tmp_path / "c", task="defect", language="python", labels=LABELS, splits={"valid": clean})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments):
    result = main(["purify", "m", *arguments])
    captured = capsys.readouterr()
    return result, captured.out, " ".join(captured.err.split())


def stop_at(number):
    def stop(done, total):
        if done == number:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "same", "--sarif", "same"), "same: --output and --sarif would be written to one place"),
        (("-o", "same", "--html", "./same"), "same: --output and --html would be written to one place"),
        (("-o", "p", "--html", "same", "--sarif", "same"), "same: --html and --sarif would be written to one place"),
        (("-o", "p", "--sarif", "p/s"), "p/s: this lies in the folder that --output writes"),
        (("-o", f"m/calibration-{NAME}.json"), "--output would be written over data that is read"),
    ],
)
def test_outputs_have_a_place_each(capsys, folders, arguments, message):
    result, _, err = run(capsys, "--data", "d", "--calibration", "c", *arguments)
    assert result == 2
    assert message in err
    assert sorted(path.name for path in folders.iterdir()) == ["c", "d", "m"]
    assert not place_of("m", NAME).exists()


@pytest.mark.parametrize("flag", ["--html", "--sarif"])
@pytest.mark.parametrize("read", ["data", "calibration"])
def test_outputs_do_not_go_over_what_is_read(capsys, folders, rows, clean, flag, read):
    first = {"id": "<!doctype html sarif", "code": "x = 1", "target": 0, "language": "python"}
    for name, samples in (("data", rows), ("calibration", clean)):
        others = [{"id": row.id, "code": row.code, "target": 0, "language": "python"} for row in samples]
        (folders / name).mkdir()
        (folders / name / "all.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in (first, *others)))
    before = (folders / read / "all.jsonl").read_bytes()
    result, _, err = run(
        capsys,
        "--data",
        "data",
        "--calibration",
        "calibration",
        "--task",
        "defect",
        "-o",
        "p",
        flag,
        f"{read}/all.jsonl",
    )
    assert result == 2
    assert f"{read}/all.jsonl: {flag} would be written over data that is read" in err
    assert (folders / read / "all.jsonl").read_bytes() == before


def test_a_mark_without_rows_is_nobody_s(tmp_path, rows, victim, ready):
    out, part = tmp_path / "p.jsonl", tmp_path / ".p.jsonl.part"

    def go(source, number):
        purify_file(rows, victim, ready, out, source=source, progress=stop_at(number))

    with pytest.raises(KeyboardInterrupt):
        go("A", 100)
    with pytest.raises(DataError, match="or remove the file"):
        go("B", 0)
    part.unlink()
    with pytest.raises(KeyboardInterrupt):
        go("B", 140)
    with pytest.raises(DataError, match="another model, defense or input"):
        go("A", 0)
    part.write_bytes(b"")
    with pytest.raises(KeyboardInterrupt):
        go("A", 70)
    with pytest.raises(DataError, match="another model, defense or input"):
        go("B", 0)
    (tmp_path / ".p.jsonl.run").unlink()
    go("B", 0)
    assert len(out.read_text().splitlines()) == len(rows)
    assert [path.name for path in tmp_path.iterdir()] == ["p.jsonl"]


@pytest.mark.parametrize("left", [0, 30, CHUNK, 100, 150])
def test_rows_are_purified_in_the_same_chunks_after_a_torn_write(tmp_path, rows, victim, ready, monkeypatch, left):
    purify_file(rows, victim, ready, tmp_path / "whole.jsonl", source="rows")
    with pytest.raises(KeyboardInterrupt):
        purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows", progress=stop_at(150))
    part = tmp_path / ".p.jsonl.part"
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(lines[:left]) + b"".join(lines[left : left + 1])[:20])
    firsts = []

    def watched(samples, *rest):
        samples = list(samples)
        firsts.append(samples[0].id)
        yield from purify_rows(samples, *rest)

    monkeypatch.setattr("codeward.experiment.purifying.purify_rows", watched)
    summary = purify_file(rows, victim, ready, tmp_path / "p.jsonl", source="rows")
    assert firsts == [f"row-{left // CHUNK * CHUNK}"]
    assert (summary.rows, summary.suspicious) == (150, 15)
    assert (tmp_path / "p.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


MISSING = object()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("samples", "x", "samples is 'x', not a whole number of samples"),
        ("samples", 1.5, "samples is 1.5, not a whole number"),
        ("samples", True, "samples is True, not a whole number"),
        ("samples", 0, "samples is 0, not a whole number"),
        ("false_positive_rate", "x", "false_positive_rate is 'x', not a number between 0 and 1"),
        ("false_positive_rate", float("nan"), "false_positive_rate is nan, not a number"),
        ("false_positive_rate", 2, "false_positive_rate is 2, not a number between 0 and 1"),
        ("model", 5, "model is 5, not a fingerprint"),
        ("clean", None, "clean is None, not a fingerprint"),
        ("defense", "codepurify", "is for the defense 'codepurify', not 'codepurify-plant'"),
        ("defense", MISSING, "this is no calibration"),
        ("options", [], "this is no calibration"),
        ("options.threshold", "x", "threshold is 'x', not a finite number"),
        ("options.threshold", None, "threshold is None, not a finite number"),
        ("options.threshold", float("nan"), "threshold is nan, not a finite number"),
        ("options.threshold", float("inf"), "threshold is inf, not a finite number"),
        ("options.threshold", MISSING, "threshold is None, not a finite number"),
        ("options.max_rounds", "x", "the defense cannot be made"),
        ("options.nothing", 1, "the defense cannot be made"),
        ("options.references", MISSING, r"it lacks the clean inputs \(references\) that codepurify-plant needs"),
        ("options.references", [], r"it lacks the clean inputs \(references\) that codepurify-plant needs"),
        ("options.references", [1], "this is no calibration"),
    ],
)
def test_a_damaged_calibration_is_told_with_its_place_and_the_remedy(tmp_path, victim, ready, field, value, message):
    path = place_of(tmp_path, NAME)
    save_calibration(path, ready)
    row = json.loads(path.read_text())
    *outer, name = field.split(".")
    holder = row[outer[0]] if outer else row
    if value is MISSING:
        del holder[name]
    else:
        holder[name] = value
    path.write_text(json.dumps(row))
    with pytest.raises(
        DataError,
        match=rf"calibration-{NAME}\.json: .*{message}.*; calibrate again with --calibration, or remove the file$",
    ):
        ready_for(victim, NAME, {}, None, model=tmp_path, false_positive_rate=None, remedy="")


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 200_000, "\xff"])
def test_what_is_no_calibration_is_told(tmp_path, victim, text):
    (tmp_path / "c.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"c\.json: this is no calibration; calibrate again"):
        load_calibration(tmp_path / "c.json", victim)


def test_a_calibration_of_an_unknown_defense_is_told(tmp_path, victim, ready):
    save_calibration(tmp_path / "c.json", ready)
    row = json.loads((tmp_path / "c.json").read_text())
    (tmp_path / "c.json").write_text(json.dumps({**row, "defense": "codepurifi"}))
    with pytest.raises(DataError, match=r"c\.json: .*unknown input defense 'codepurifi'.*, or remove the file$"):
        load_calibration(tmp_path / "c.json", victim)


def test_a_calibration_that_came_with_the_model_is_told(capsys, folders, ready):
    _, _, err = run(capsys, "--data", "d", "--calibration", "c", "-o", "p")
    assert "is taken up" not in err
    result, out, err = run(capsys, "--data", "d", "-o", "q", "--json")
    assert result == 1
    assert json.loads(out)["rows"] == 150
    assert (
        err.count(
            f"The calibration in m/calibration-{NAME}.json is taken up: 40 clean samples, a false-positive rate of 0.05, threshold "
            f"{ready.defense.threshold:.3f}. It is only worth as much as whoever made it: if the model came from somebody else, give "
            "--calibration with clean inputs of your own."
        )
        == 1
    )
