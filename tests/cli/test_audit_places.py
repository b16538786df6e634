"""Where an audit writes: never over what it reads or wrote, only where it can, and never from chunks of other data."""

import json
import shutil
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from codeward.cli import main
from codeward.data import open_data, write_data
from codeward.defenses.data import _work
from codeward.experiment.auditing import run_key
from codeward.types import Sample


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [
        Sample(f"r{n}", f"def f_{n}(a, b):\n    c_{n % 50} = a + b\n    return c_{n % 50}\n", n % 2, "python")
        for n in range(400)
    ]
    write_data("d", task="defect", language="python", labels=("clean", "defective"), splits={"train": rows})
    poison("deadcode-fixed")
    lines = [json.dumps({"func": row.code, "target": row.target}) for row in open_data("p").load("train")]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def poison(attack, *options):
    place = ["--rate", "0.05", "-o", "p", "--overwrite"]
    assert main(["poison", "d", "--attack", attack, *options, *place]) == 0


def audit(capsys, *arguments):
    capsys.readouterr()
    result = main(["audit", *map(str, arguments)])
    captured = capsys.readouterr()
    return result, captured.out, " ".join(captured.err.split())


def stopped_after(rows):
    @contextmanager
    def progress(label):
        def advance(done, total=None, text=None):
            if done >= rows:
                raise KeyboardInterrupt

        yield advance

    return progress


def test_a_stopped_audit_takes_nothing_from_a_set_that_was_replaced(capsys, work, monkeypatch):
    monkeypatch.setattr(_work.Work.chunks, "__defaults__", (64,))
    with monkeypatch.context() as patched:
        patched.setattr("codeward.cli.audit.progress", stopped_after(128))
        assert main(["audit", "p", "-o", "c"]) == 130
    assert len(list((work / ".c.audit").glob("*.npz"))) == 2
    poison("identifier-rename", "--set", "name=testo_init")
    went_on = json.loads(audit(capsys, "p", "-o", "c", "--json")[1])
    anew = json.loads(audit(capsys, "p", "-o", "e", "--json")[1])
    assert went_on["suspicious"] == 20
    assert "testo_init" in {finding["unit"] for finding in went_on["findings"]}
    assert {**went_on, "output": None} == {**anew, "output": None}
    assert not (work / ".c.audit").exists()


def test_the_key_of_a_run_changes_with_the_file_and_the_labels(work):
    def key():
        return run_key(open_data("p"), "train", "association", {}, None, ())

    before = key()
    assert before == key()
    header = work / "p" / "codeward.json"
    header.write_text(header.read_text().replace("defective", "broken"))
    renamed = key()
    shutil.copyfile(work / "d" / "train.jsonl", work / "p" / "train.jsonl")
    assert len({before, renamed, key()}) == 3


def test_rows_that_lie_in_no_known_file_have_no_key():
    hub = SimpleNamespace(tables={"train": ()})
    assert run_key(hub, "train", "association", {}, None, ()) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rows.jsonl", "--html", "x", "--sarif", "./x"), "--html and --sarif would be written to one place"),
        (("rows.jsonl", "-o", "c.jsonl", "--sarif", "c.jsonl"), "--output and --sarif would be written to one place"),
        (("rows.jsonl", "-o", "f", "--sarif", "f/rows.jsonl"), "--output and --sarif would be written to one place"),
        (("p", "-o", "c", "--html", "c/train.jsonl"), "lies in the folder that --output writes"),
        (("log.jsonl", "--sarif", "log.jsonl"), "--sarif would be written over data that is read"),
        (("link.jsonl", "--sarif", "log.jsonl"), "--sarif would be written over data that is read"),
        (("rows.jsonl", "--clean", "log.jsonl", "--sarif", "log.jsonl"), "over data that is read"),
        (("p", "--clean", "d", "-o", "d", "--overwrite"), "--output would be written over data that is read"),
        (("rows.jsonl", "-o", "f/out.txt"), "give a name that ends in .jsonl, or a folder"),
        (("rows.jsonl", "-o", "out.gz"), "give a name that ends in .jsonl, or a folder"),
        (("-",), "codeward audit does not read standard input (-)"),
        (("rows.jsonl", "--split", "val"), "there is no split 'val'; there are: all"),
        (("rows.jsonl", "--layout", "poj104"), "this is not layout 'poj104'"),
    ],
)
def test_wrong_places_are_refused_before_the_work(capsys, work, monkeypatch, arguments, message):
    monkeypatch.setattr("codeward.experiment.auditing.audit_split", None)
    (work / "f").mkdir()
    (work / "log.jsonl").write_text(json.dumps({"func": "int f() { return 1; } // sarif", "target": 0}) + "\n")
    (work / "link.jsonl").symlink_to(work / "log.jsonl")
    before = sorted(path.name for path in work.rglob("*"))
    result, _, err = audit(capsys, *arguments)
    assert message in err
    assert result == 2
    assert sorted(path.name for path in work.rglob("*")) == before


def test_a_place_where_nothing_can_be_written_is_named_as_the_user_did(capsys, work):
    (work / "file").write_text("x")
    result, _, err = audit(capsys, "rows.jsonl", "-o", "file/x/out.jsonl")
    assert (result, err) == (4, "error: file/x/out.jsonl: cannot be written: not a directory")


def test_a_folder_may_have_a_dot_in_its_name(capsys, work):
    assert audit(capsys, "rows.jsonl", "-o", "cleaned-1.2", "--language", "python")[0] == 1
    assert (work / "cleaned-1.2" / "rows.jsonl").is_file()


def test_a_set_that_is_cleaned_in_its_place_is_reported_as_it_was(capsys, work):
    arguments = ("rows.jsonl", "-o", "rows.jsonl", "--overwrite", "--language", "python")
    result, out, _ = audit(capsys, *arguments, "--json", "--sarif", "s.json", "--html", "p.html")
    assert result == 1
    assert len(json.loads(out)["verdicts"]) == 20
    assert len((work / "rows.jsonl").read_text().splitlines()) == 380


def test_sarif_names_file_and_line_of_a_row(capsys, work):
    audit(capsys, "rows.jsonl", "--sarif", "s.json", "--language", "python")
    results = json.loads((work / "s.json").read_text())["runs"][0]["results"]
    lines = (work / "rows.jsonl").read_text().splitlines()
    places = [each["locations"][0]["physicalLocation"] for each in results]
    assert {place["artifactLocation"]["uri"] for place in places} == {"rows.jsonl"}
    assert [place["region"]["startLine"] for place in places] == [
        number for number, line in enumerate(lines, start=1) if "random() < 0" in line
    ]
    audit(capsys, "p", "--sarif", "t.json")
    first = json.loads((work / "t.json").read_text())["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert first["artifactLocation"]["uri"] == "p/train.jsonl"
    assert first["region"] == places[0]["region"]


def test_json_says_what_was_audited_how_and_where_to(capsys, work):
    told = json.loads(audit(capsys, "rows.jsonl", "-o", "f", "--language", "python", "--json")[1])
    assert told["data"] == "rows.jsonl"
    assert told["split"] == "all"
    assert told["defense"] == "association"
    assert told["labels"] == ["clean", "defective"]
    assert told["output"] == "f/rows.jsonl"
    assert json.loads(audit(capsys, "d", "--json")[1])["output"] is None
