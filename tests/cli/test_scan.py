import json
import shutil
from dataclasses import replace

import pytest

from codeward.data import write_data
from codeward.defenses.model import Inspection
from codeward.experiment.keeping import FileMemory
from codeward.experiment.scanning import as_row, few
from codeward.victims import load


@pytest.fixture(scope="module")
def data(tmp_path_factory, clean_rows):
    folder = tmp_path_factory.mktemp("data") / "clean"
    write_data(folder, task="defect", language="c", labels=("clean", "defective"), splits={"valid": clean_rows})
    return folder


def test_scan_then_repair(run, suspects, data, tmp_path, toys_are_sure):
    model, scanned = suspects / "backdoored", tmp_path / "scan.json"
    result, out, _ = run(
        "scan", model, "--data", data, "-o", scanned, "--sarif", tmp_path / "s.json", "--html", tmp_path / "p.html"
    )
    assert result == 1
    assert "BACKDOORED: the label 'clean' takes" in " ".join(out.split())
    found = json.loads(scanned.read_text())
    assert found["finding"] == "backdoored"
    assert found["target"] == "clean"
    assert not scanned.with_name(".scan.json.steps").exists()
    (log,) = json.loads((tmp_path / "s.json").read_text())["runs"]
    assert log["properties"]["finding"] == "backdoored"
    assert "region" not in log["results"][0]["locations"][0]["physicalLocation"], "a model has no lines"
    page = (tmp_path / "p.html").read_text()
    assert "<mark>" in page
    assert '<p class="lead">Backdoored: the label' in page
    assert "1 token: from" in page
    trials = [trial for each in found["suspicions"] for trial in each["trials"]]
    assert all(
        trial["success"] * trial["judged"] == pytest.approx(round(trial["success"] * trial["judged"]))
        for trial in trials
    )
    assert all(f"<code>{trial['trigger']}</code>" in page for trial in trials if trial["trigger"].isidentifier())

    options = ["--set", "rounds=1", "--set", "learning_rate=1e-3", "--per-class", "50"]
    cleaned = tmp_path / "cleaned"
    result, out, err = run("repair", model, "--data", data, "--inspection", scanned, "-o", cleaned, *options)
    second = next(word for word in ("CLEAN", "BACKDOORED", "INCONCLUSIVE") if f"{word}: " in out)
    assert result == {"CLEAN": 0, "BACKDOORED": 1, "INCONCLUSIVE": 3}[second]
    assert "accuracy" in out
    assert "also trained on" not in err
    card = (cleaned / "README.md").read_text()
    assert "Utility on 20 clean samples kept apart" in card
    assert "The scan before said: backdoored (the label 'clean' takes" in card
    assert f"| `{found['suspicions'][0]['trials'][0]['trigger']}` | `clean` |" in card
    assert f"A second scan, with the same samples, says: {second.lower()}" in card
    assert f"before: `{found['model']}`, after: `{load(cleaned).fingerprint}`" in (cleaned / "README.md").read_text()
    assert load(cleaned).labels == ("clean", "defective")
    assert load(cleaned).fingerprint != found["model"]


def test_a_model_is_scanned_and_repaired_against_a_reference(run, suspects, trusted_folder, data, tmp_path):
    model, scanned, page = suspects / "backdoored", tmp_path / "scan.json", tmp_path / "p.html"
    against = ("--data", data, "--reference", trusted_folder)
    result, out, _ = run("scan", model, *against, "-o", scanned, "--html", page)
    assert result == 1
    assert "reference" in out.split("CLEAN")[0], "a column of the table"
    assert "and a reference to 0%; its lead is" in " ".join(out.split())
    trials = json.loads(scanned.read_text())["suspicions"][0]["trials"]
    assert json.loads(scanned.read_text())["references"] == [load(trusted_folder).fingerprint]
    best = min(trials, key=lambda trial: trial["held_loss"])
    assert best["success"] > 0.5 > best["reference"]
    assert "in a reference, %" in page.read_text()
    assert "lead, nats" in page.read_text()
    options = ["--set", "learning_rate=1e-3", "--per-class", "50"]
    result, out, _ = run("repair", model, *against, "--inspection", scanned, "-o", tmp_path / "cleaned", *options)
    second = next(word for word in ("CLEAN", "BACKDOORED", "INCONCLUSIVE") if f"{word}: " in out)
    assert result == {"CLEAN": 0, "BACKDOORED": 1, "INCONCLUSIVE": 3}[second]
    assert "a reference to" in " ".join(out.split()), "it is scanned again against the same"
    result, _, err = run("scan", model, "--data", data, "--reference", model)
    assert result == 4
    assert "the reference is the model itself" in err


def test_distillation_takes_inputs_without_labels(run, suspects, data, clean_rows, tmp_path):
    more = tmp_path / "more"
    rows = [replace(row, id=f"m{row.id}") for row in clean_rows]
    write_data(more, task="defect", language="c", labels=("clean", "defective"), splits={"train": rows})
    options = ["--data", data, "--per-class", "20", "--defense", "distillation", "--set", f"base={suspects / 'clean'}"]
    result, _, err = run("repair", suspects / "backdoored", *options, "-o", tmp_path / "none")
    assert result == 2
    assert "give them with --unlabeled" in err
    result, out, _ = run(
        "repair",
        suspects / "backdoored",
        *options,
        "--unlabeled",
        more,
        "-o",
        tmp_path / "student",
        "--no-verify",
        "--json",
    )
    found = json.loads(out)
    assert result == 0
    assert found["samples"] == 80
    assert "by `distillation`" in (tmp_path / "student" / "README.md").read_text()
    assert load(tmp_path / "student").labels == ("clean", "defective")
    assert not list(tmp_path.glob(".student*"))


def test_json(run, suspects, data):
    result, out, _ = run("scan", suspects / "clean", "--data", data, "--json", "--set", "longest=2")
    found = json.loads(out)
    assert found["finding"] == {0: "clean", 1: "backdoored", 3: "inconclusive"}[result]
    assert {each["label"] for each in found["suspicions"]} == {"clean", "defective"}


def test_rows_that_do_not_say_their_task_are_for_the_model_s(run, suspects, clean_rows, tmp_path):
    lines = [json.dumps({"id": row.id, "code": row.code, "target": row.target, "language": "c"}) for row in clean_rows]
    (tmp_path / "clean.jsonl").write_text("\n".join(lines) + "\n")
    quick = ("--set", "longest=1", "--set", "samples=5", "--set", "held=5")
    result, _, err = run("scan", suspects / "clean", "--data", tmp_path / "clean.jsonl", *quick)
    assert result in (0, 1, 3), err
    result, out, err = run("evaluate", suspects / "clean", tmp_path / "clean.jsonl")
    assert result == 0, err
    assert "accuracy" in out


def test_a_budget_that_is_used_up_is_inconclusive_and_the_next_run_goes_on(run, suspects, data, tmp_path):
    out = tmp_path / "scan.json"
    result, text, _ = run("scan", suspects / "clean", "--data", data, "-o", out, "--budget", "0.01")
    assert result == 3
    assert "INCONCLUSIVE: the budget of 0.01 minutes was used up" in " ".join(text.split())
    assert ("in its first part; give more" in " ".join(text.split())) != out.with_name(".scan.json.steps").exists()
    result, _, err = run("repair", suspects / "clean", "--data", data, "--inspection", out, "-o", tmp_path / "cleaned")
    assert (result, (tmp_path / "cleaned").exists()) == (4, False)
    assert "the inspection's search had not ended" in err
    assert run("scan", suspects / "clean", "--data", data, "-o", out)[0] in (0, 1, 3)
    assert "budget" not in json.loads(out.read_text())["reason"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["scan", "nowhere", "--data", "{data}"], 4, "nowhere: there is no such model folder"),
        (["scan", "{model}", "--data", "nothing"], 4, "nothing: there is no such file or folder"),
        (["scan", "{model}"], 2, "Missing option '--data'"),
        (["scan", "{model}", "--data", "{data}", "--defense", "elibad"], 2, "Did you mean 'elibadcode'?"),
        (["scan", "{model}", "--data", "{data}", "--set", "longst=3"], 2, "Did you mean 'longest'?"),
        (["scan", "{model}", "--data", "{data}", "--defense", "fine-tuning"], 2, "it only repairs"),
        (["scan", "{model}", "--data", "{few}"], 4, "give at least 10 of each class"),
        (["scan", "{model}", "--data", "{one}"], 4, "are of the class 'clean'; give some of another"),
        (["repair", "{model}", "--data", "{data}", "-o", "{data}"], 4, "the folder exists; give another one"),
        (
            ["repair", "{model}", "--data", "{data}", "-o", "{out}", "--inspection", "{broken}"],
            4,
            "broken.json: not valid JSON",
        ),
        (
            ["repair", "{model}", "--data", "{data}", "-o", "{out}", "--inspection", "{odd}"],
            4,
            "odd.json: not an inspection: place: Input should be 'insensitive', 'function', 'statement' or 'everywhere'",
        ),
        (
            ["repair", "{model}", "--data", "{data}", "-o", "{out}", "--inspection", "{more}"],
            4,
            "more.json: not an inspection as codeward scan -o writes it",
        ),
        (["repair", "{model}", "--data", "{data}", "-o", "{other}/cleaned"], 4, "not a directory"),
        (
            ["repair", "{model}", "--data", "{data}", "-o", "{out}", "--inspection", "{other}"],
            4,
            "the inspection is of another model",
        ),
    ],
)
def test_bad_input(run, suspects, data, tmp_path, clean_rows, arguments, exit_code, message):
    for name, rows in {"few": clean_rows[:8], "one": clean_rows[::2]}.items():
        write_data(tmp_path / name, task="defect", language="c", labels=("clean", "defective"), splits={"test": rows})
    (tmp_path / "broken.json").write_text("{")
    other = as_row(Inspection("clean", "0" * 16))
    (tmp_path / "other.json").write_text(json.dumps(other))
    (tmp_path / "more.json").write_text(json.dumps({**other, "verdict": "clean"}))
    (tmp_path / "odd.json").write_text(json.dumps({**other, "place": "fuction"}))
    places = {
        "odd": tmp_path / "odd.json",
        "model": suspects / "clean",
        "data": data,
        "few": tmp_path / "few",
        "one": tmp_path / "one",
        "out": tmp_path / "out",
        "broken": tmp_path / "broken.json",
        "other": tmp_path / "other.json",
        "more": tmp_path / "more.json",
    }
    result, _, err = run(*(argument.format(**places) for argument in arguments))
    assert message in err
    assert result == exit_code
    assert not (tmp_path / "out").exists()


def test_a_label_that_is_not_searched_is_not_acquitted(run, suspects, clean_rows, tmp_path, toys_are_sure):
    """With five samples of the other class there is nothing to search a label on."""
    rows = [*[row for row in clean_rows if row.target == 0][:40], *[row for row in clean_rows if row.target == 1]]
    known = load(suspects / "clean").predict(rows)
    right = [row for row, answer in zip(rows, known, strict=True) if answer.output == row.target]
    wrong = [replace(row, id=f"w{row.id}", target=1) for row in right if row.target == 0][:8]
    lopsided = [*[row for row in right if row.target == 0][:30], *[row for row in right if row.target == 1][:8], *wrong]
    write_data(tmp_path / "few", task="defect", language="c", labels=("clean", "defective"), splits={"valid": lopsided})
    quick = ("--set", "longest=3", "--set", "samples=5", "--set", "held=5")
    result, out, err = run("scan", suspects / "clean", "--data", tmp_path / "few", *quick)
    said = " ".join(out.split())
    assert "too few clean samples to search for" in err
    assert result == (1 if "BACKDOORED" in said else 3), said


def test_an_inspection_that_found_nothing_repairs_nothing(run, suspects, data, tmp_path):
    model = suspects / "clean"
    nothing = Inspection("inconclusive", load(model).fingerprint, reason="there is nothing")
    (tmp_path / "scan.json").write_text(json.dumps(as_row(nothing)))
    options = ["--inspection", tmp_path / "scan.json", "-o", tmp_path / "cleaned"]
    result, out, _ = run("repair", model, "--data", data, *options)
    assert result == 3
    assert "Nothing was found to unlearn, and no cleaned model was written." in " ".join(out.split())
    assert not (tmp_path / "cleaned").exists()
    result, out, _ = run("repair", model, "--data", data, "--json", *options)
    assert (result, json.loads(out)["output"]) == (3, None)


def test_tokens_and_labels_of_an_inspection_are_those_of_the_model(suspects, clean_rows):
    from codeward.defenses.model import Suspicion, Trial, model_defenses
    from codeward.errors import CodewardError

    model = load(suspects / "clean")
    trial = Trial((5,), "t", 0.1, 0.1, 1.0, 20)
    for index, trials in ((9, (trial,)), (0, ()), (0, (replace(trial, tokens=(10**6,)),))):
        odd = Inspection("backdoored", model.fingerprint, (Suspicion("clean", index, "function", trials, 3.0, 3.0),))
        with pytest.raises(CodewardError, match="is nothing that this model has"):
            model_defenses.make("elibadcode").repair(model, clean_rows, odd)


def test_steps_of_another_run_are_forgotten(tmp_path):
    memory = FileMemory(tmp_path / "steps", "one")
    memory["a"] = [1, 2.5]
    assert dict(FileMemory(tmp_path / "steps", "one")) == {"a": [1, 2.5]}
    assert dict(FileMemory(tmp_path / "steps", "two")) == {}
    (tmp_path / "steps").write_text("{")
    assert dict(FileMemory(tmp_path / "steps", "one")) == {}


def test_data_of_another_task_is_told(run, suspects, data, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(suspects / "clean", model)
    about = model / "codeward.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "task": "naming"}))
    plain = tmp_path / "plain"
    plain.mkdir()
    row = {"project": "p", "commit_id": "c", "target": 0, "func": "int f(void) { return 0; }", "idx": 0}
    (plain / "test.jsonl").write_text(json.dumps(row) + "\n")
    for verb, more in (("scan", []), ("repair", ["-o", tmp_path / "out"])):
        result, _, err = run(verb, model, "--data", plain, *more)
        assert result == 4
        assert "the model is made for task 'naming', and the data set" in err


def test_few_samples_of_each_class(clean_rows):
    kept, others = few(clean_rows, 15, 0)
    assert [sum(row.target == label for row in kept) for label in (0, 1)] == [15, 15]
    assert sorted([*kept, *others], key=clean_rows.index) == clean_rows
    assert kept == few([replace(row) for row in clean_rows], 15, 0)[0]
    assert few(clean_rows, 1000, 0) == (clean_rows, [])


def test_few_samples_with_texts_and_as_many_others(text_rows):
    kept, others = few(text_rows, 20, 0)
    assert (len(kept), len(others)) == (20, 20)
    assert not {row.id for row in kept} & {row.id for row in others}
    assert few(text_rows, 50, 0)[1] == [row for row in text_rows if row not in few(text_rows, 50, 0)[0]]
