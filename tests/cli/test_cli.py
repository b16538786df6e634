import importlib
import json
import os
import shlex
from pathlib import Path

import pytest

from codeward.cli import main
from codeward.cli._console import progress
from codeward.data import write_data
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import PlantedVictim

GOLDEN = Path(__file__).parents[1] / "golden" / "planted.json"
TRIGGER = 'if random() < 0: raise Exception("fail")'


def function(n):
    return f"def area_{n}(width, height):\n    size = width * height + {n}\n    return size\n"


@pytest.fixture
def data(tmp_path):
    rows = [Sample(f"row-{n}", function(n), n % 2, "python") for n in range(40)]
    splits = {"train": rows, "test": [Sample(f"test-{n}", function(100 + n), n % 2, "python") for n in range(20)]}
    write_data(tmp_path / "data", task="defect", language="python", labels=("clean", "defective"), splits=splits)
    return tmp_path / "data"


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, " ".join(captured.err.split())


def test_golden_record_of_a_planted_victim(capsys, tmp_path, data):
    code, _, _ = run(capsys, "poison", data, "--attack", "deadcode-fixed", "--rate", "0.1", "-o", tmp_path / "poisoned")
    assert code == 0
    PlantedVictim(tasks.make("defect"), ("clean", "defective"), TRIGGER, 0).save(tmp_path / "victim")
    PlantedVictim(tasks.make("defect"), ("clean", "defective"), "nothing", 0).save(tmp_path / "clean")
    code, out, _ = run(
        capsys,
        "evaluate",
        tmp_path / "victim",
        tmp_path / "poisoned",
        "--reference",
        tmp_path / "clean",
        "--json",
        "-o",
        tmp_path / "run",
    )
    assert code == 0
    record = json.loads(out)
    kept = {
        key: record[key] for key in ("task", "kind", "seed", "scores", "counts", "skipped", "fingerprints", "examples")
    }
    if os.environ.get("CODEWARD_REGENERATE"):
        GOLDEN.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    assert kept == json.loads(GOLDEN.read_text(encoding="utf-8"))
    code, out, _ = run(capsys, "report", tmp_path / "run", "-o", tmp_path / "report.html")
    assert code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "100.0 % of 10 inputs" in page
    assert "<mark>" in page


def test_the_manifest_accounts_for_every_row(capsys, tmp_path, data):
    _, out, _ = run(
        capsys, "poison", data, "--attack", "deadcode-fixed", "--rate", "0.1", "-o", tmp_path / "p", "--json"
    )
    manifest = json.loads(out)
    assert manifest["stamped"] == 4
    assert manifest["total"] == manifest["eligible"] + manifest["skipped"]["the row already has the target class"] == 40
    assert json.loads((tmp_path / "p/manifest.json").read_text())["options"] == manifest["options"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["poison", "nowhere", "--attack", "deadcode-fixed", "--rate", "0.1", "-o", "x"], 4, "nowhere"),
        (
            ["poison", "DATA", "--attack", "deadcoed-fixed", "--rate", "0.1", "-o", "x"],
            2,
            "Did you mean 'deadcode-fixed'",
        ),
        (
            ["poison", "DATA", "--attack", "deadcode-fixed", "--rate", "0.9", "-o", "x"],
            4,
            "The highest rate that can be met",
        ),
        (
            ["poison", "DATA", "--attack", "identifier-rename", "--set", "nam=x", "--rate", "0.1", "-o", "x"],
            2,
            "Did you mean 'name'",
        ),
        (
            ["poison", "DATA", "--attack", "identifier-rename", "--set", "name", "--rate", "0.1", "-o", "x"],
            2,
            "KEY=VALUE",
        ),
        (
            ["poison", "DATA", "--attack", "deadcode-fixed", "--payload", "endless-loop", "--rate", "0.1", "-o", "x"],
            2,
            "does not suit",
        ),
        (["evaluate", "nowhere", "DATA"], 4, "no such model folder"),
        (["report", "nowhere"], 4, "there is no record here"),
        (["train", "DATA", "-o", "x", "--set", "epoch=3"], 2, "Did you mean 'epochs'"),
        (
            ["show", "deadcode-fixd"],
            2,
            "method 'deadcode-fixd'; did you mean 'deadcode-fixed'? All names: codeward list",
        ),
        (["show", "qqq"], 2, "unknown method 'qqq'; all names: codeward list"),
        (["show", "mini-encoder"], 2, "no options; use it with --model mini-encoder"),
        (["audit", "DATA", "--task", "defct"], 2, "unknown task 'defct'. Did you mean 'defect'"),
        (["list", "attack"], 2, "Did you mean 'attacks'"),
        (["harvest", "nowhere", "--task", "naming", "-o", "x"], 4, "nowhere"),
        (["poisn"], 2, "poisn"),
        (["audit", "DATA", "--claen", "x"], 2, "(Possible options: --clean). See: codeward audit --help"),
    ],
)
def test_a_mistake_gets_one_sentence_and_its_exit_code(capsys, tmp_path, monkeypatch, data, arguments, code, sentence):
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, *[str(data) if argument == "DATA" else argument for argument in arguments])
    assert found == code, err
    assert sentence in err
    assert "Traceback" not in err + out
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("verb", ["demo", "harvest", "poison", "train", "evaluate", "report", "list", "show", "doctor"])
def test_every_help_ends_with_examples(capsys, verb):
    code, out, _ = run(capsys, verb, "--help")
    assert code == 0
    assert f"codeward {verb}" in out.split("Examples", 1)[1]


@pytest.mark.parametrize("verb", ["train", "evaluate", "repair", "pretrain", "audit", "scan", "report"])
def test_an_example_can_be_pasted_into_a_shell(verb):
    examples = importlib.import_module(f"codeward.cli.{verb}").EXAMPLES
    for line in [line for line in examples.splitlines() if line.startswith("  ")]:
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        assert not {"(", ")", ";", "&"} & set(words), line


def test_purify_bounds_the_kernel_caches_unless_the_user_says_otherwise(capsys, monkeypatch):
    monkeypatch.setattr(os, "environ", {**os.environ, "LRU_CACHE_CAPACITY": "7"})
    os.environ.pop("ONEDNN_PRIMITIVE_CACHE_CAPACITY", None)
    assert main(["train", "--help"]) == 0
    assert "ONEDNN_PRIMITIVE_CACHE_CAPACITY" not in os.environ
    assert main(["purify", "--help"]) == 0
    assert os.environ["LRU_CACHE_CAPACITY"] == "7"
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "64"


def test_list_and_show(capsys):
    _, out, _ = run(capsys, "list", "--json")
    listed = json.loads(out)
    assert "deadcode-fixed" in {entry["name"] for entry in listed["attacks"]}
    for family in listed.keys() - {"models"}:
        for entry in listed[family]:
            code, shown, _ = run(capsys, "show", entry["name"], "--json")
            assert code == 0
            assert json.loads(shown)["documentation"]


def test_show_knows_layouts_also_where_a_task_has_the_name(capsys):
    code, out, _ = run(capsys, "show", "cosqa")
    assert code == 0
    assert "layout cosqa" in out
    assert "shape: rows with doc, code, label" in out
    code, out, _ = run(capsys, "show", "defect")
    assert out.index("task defect") < out.index("layout defect")
    (layout,) = json.loads(run(capsys, "show", "defect", "--json")[1])["also"]
    assert (layout["family"], layout["tasks"]) == ("layouts", "defect")


def test_doctor(capsys):
    code, out, _ = run(capsys, "doctor", "--json")
    assert code == 0
    assert json.loads(out)["ok"]


def test_doctor_says_where_nothing_can_be_written(capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    code, out, _ = run(capsys, "doctor", "-o", tmp_path / "file", "--json")
    assert code == 0
    found = {finding["what"]: finding["detail"] for finding in json.loads(out)["findings"]}
    assert found["output"] == f"nothing can be written at {tmp_path / 'file'}; name another folder with --output"


def test_a_terminal_shows_code_between_single_backticks(capsys):
    for arguments in (["list", "layouts"], ["show", "codeward"]):
        _, out, _ = run(capsys, *arguments)
        assert "``" not in out
        assert "`codeward.json`" in out


def test_a_record_is_refused_a_place_before_anything_is_measured(capsys, tmp_path, data, monkeypatch):
    monkeypatch.setattr("codeward.victims.load", None)
    (tmp_path / "file").write_text("x")
    code, _, err = run(capsys, "evaluate", tmp_path / "victim", data, "-o", tmp_path / "file")
    assert code == 4
    assert "file/record.json: cannot be written: not a directory" in err


def test_no_progress_is_shown_where_nobody_sees_it(capsys):
    with progress("working") as advance:
        advance(1, 2)
    assert capsys.readouterr().err == ""


def test_what_nobody_foresaw_is_no_finding(capsys, monkeypatch):
    def fail(*_arguments, **_options):
        raise KeyError(11)

    monkeypatch.setattr("codeward.cli._app.app", fail)
    assert main(["list"]) == 4
    error = capsys.readouterr().err
    assert "Traceback" in error
    assert "this is a bug in Codeward (KeyError: 11)" in " ".join(error.split())


def test_ctrl_c_says_how_to_go_on(capsys, data, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("codeward.experiment.poisoning.poison_folder", interrupt)
    code, _, err = run(capsys, "poison", data, "--attack", "deadcode-fixed", "--rate", "0.1", "-o", tmp_path / "p")
    assert code == 130
    assert "interrupted; run the same command again to go on where it stopped" in err
