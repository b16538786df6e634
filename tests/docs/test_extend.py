"""The example package of ``docs/extend.md`` is made from the page, put on the path and used as its reader would."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from codeward.tasks import tasks
from codeward.victims import PlantedVictim

PAGE = Path(__file__).parents[2] / "docs" / "extend.md"
BLOCK = re.compile(r'^```\w+ title="(?P<name>[^"]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
FINE = "int half{n}(int n) {{\n    return n / {n};\n}}"
FLAW = "int read{n}(char *to, char *from) {{\n    strcpy(to, from);\n    return {n};\n}}"


@pytest.fixture(scope="module")
def files():
    return {found["name"]: found["text"] for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def package(files, tmp_path_factory):
    """A folder on the import path with the package as pip would install it (pip itself may want the network)."""
    folder = tmp_path_factory.mktemp("installed")
    for name, text in files.items():
        if name.startswith("src/"):
            path = folder / name.removeprefix("src/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    (folder / "codeward_example" / "__init__.py").touch()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    return folder


@pytest.fixture
def codeward(package, tmp_path):
    def run(*arguments, code=0):
        path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-m", "codeward", *arguments, "--json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def reviews(tmp_path):
    rows = [
        {"source": (FLAW if n % 2 else FINE).format(n=n), "verdict": "flaw" if n % 2 else "fine"} for n in range(1, 61)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "reviews.jsonl").write_text(text, encoding="utf-8")
    return "reviews.jsonl"


def test_its_methods_are_listed_beside_the_others(codeward):
    listed = {family: {row["name"] for row in rows} for family, rows in codeward("list").items()}
    assert {"comment-fixed", "deadcode-fixed"} <= listed["attacks"]
    assert {"comment-drop", "oseql"} <= listed["input_defenses"]
    assert {"reviews", "defect"} <= listed["layouts"]


def test_they_are_shown_with_their_options(codeward):
    shown = codeward("show", "comment-fixed")
    assert shown["documentation"].startswith("Comment at the top of the body")
    assert shown["options"] == [
        {"name": "text", "type": "str", "default": "/* checked */", "description": "The comment."}
    ]


def test_the_attack_poisons_what_the_layout_reads_and_the_defense_mends_it(codeward, reviews, tmp_path):
    text = "/* reviewed */"
    done = codeward(
        "poison", reviews, "--attack", "comment-fixed", "--set", f"text={text}", "--rate", "0.1", "-o", "bad"
    )
    assert (done["total"], done["stamped"]) == (60, 6)
    PlantedVictim(tasks.make("defect"), ("fine", "flaw"), text, 0).save(tmp_path / "victim")
    record = codeward(
        "evaluate", "victim", reviews, "--attack", "comment-fixed", "--set", f"text={text}",
        "--defense", "comment-drop", "--calibration", reviews,
    )  # fmt: skip
    success = {
        score["model"]: score["value"]
        for score in record["scores"]
        if score["name"] == "asr" and score["data"] == "triggered"
    }
    assert success["victim"] == 1
    assert [value for model, value in success.items() if "comment-drop" in model] == [0]


def test_the_rows_of_the_page_are_a_data_set(files, tmp_path):
    from codeward import open_data

    (tmp_path / "rows.jsonl").write_text(files["rows.jsonl"], encoding="utf-8")
    source = open_data(tmp_path / "rows.jsonl")
    assert (source.layout, source.language, [row.target for row in source.load("all")]) == ("defect", "c", [0, 1])


def test_rows_of_codeward_s_own_layout_are_a_data_set_of_the_task_that_is_given(files, tmp_path):
    from codeward import open_data

    (tmp_path / "own.jsonl").write_text(files["own.jsonl"], encoding="utf-8")
    (row,) = open_data(tmp_path / "own.jsonl", task="search").load("all")
    assert (row.id, row.target, row.language, row.context) == ("1", "1", "c", {"query": "half of a number"})


def test_the_rows_written_from_python_are_read_again(files, tmp_path, monkeypatch):
    from codeward import open_data

    monkeypatch.chdir(tmp_path)
    exec(files["write.py"], {})
    assert len(open_data(tmp_path / "own-data").load("train")) == 30


def test_the_samples_of_other_kinds_are_written_and_read_again(files, tmp_path):
    from codeward import open_data, write_data

    made = {}
    exec(files["samples.py"], made)
    kinds = {"clone": "pair", "search": "search", "generation": "text", "repair": "repair"}
    for name, key in kinds.items():
        labels = ("different", "clone") if name == "clone" else ()
        write_data(tmp_path / name, task=name, language="c", labels=labels, splits={"train": [made[key]]})
        assert open_data(tmp_path / name).load("train") == [made[key]]


def test_a_model_of_any_kind_is_measured_and_guarded(files):
    names = {"__name__": "own_model"}
    exec(files["own_model.py"], names)
    found = names["found"]
    assert names["record"].scores[0].value == 1
    assert found.suspicious
    assert found.answer == "defective"
    assert found.original_answer == "clean"
    assert "checked" not in found.code
