"""What ``codeward report`` reads and writes: other schemas, unknown suffixes and records given twice."""

import json

import pytest

from codeward.bench.board import read_board
from codeward.cli import main
from codeward.errors import DataError
from codeward.experiment.environment import environment
from codeward.experiment.record import Record, read_record


@pytest.fixture
def run(tmp_path):
    made = Record(
        verb="evaluate", title="t", task="defect", kind="classification", seed=0, environment=environment(), config={}
    )
    (tmp_path / "run").mkdir()
    (tmp_path / "run/record.json").write_text(made.model_dump_json())
    return tmp_path / "run"


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_another_schema_is_refused(run, make_board, version):
    for name, text, read in (
        ("record", (run / "record.json").read_text(), read_record),
        ("board", make_board([]).model_dump_json(), read_board),
    ):
        file = run / f"{name}.json"
        file.write_text(json.dumps({**json.loads(text), "schema_version": version, "new": 1}))
        with pytest.raises(
            DataError, match=f"{name}.json: a {name} of schema {version!r}, and this version of Codeward"
        ):
            read(file)


def test_what_is_no_board_gets_a_sentence(tmp_path):
    for content in (b"{", b"[]", b"\xff\xfe"):
        (tmp_path / "board.json").write_bytes(content)
        with pytest.raises(DataError, match=r"board\.json: not a board"):
            read_board(tmp_path)


def test_a_record_that_is_given_twice_is_shown_once(run, tmp_path, capsys):
    page = tmp_path / "p.html"
    assert main(["report", str(run), str(run / "record.json"), "-o", str(page)]) == 0
    assert "(1 record)." in capsys.readouterr().out
    assert page.read_text().count("<summary>evaluate: t</summary>") == 1
    assert "a { color: var(--accent); }" in page.read_text()


def test_an_unknown_suffix_is_refused(run, tmp_path, capsys):
    assert main(["report", str(run), "-o", str(tmp_path / "x.foo")]) == 2
    assert "*.foo; give a name with one of .html, .csv, .json, .tex, .md" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "x.foo").exists()
    assert main(["report", str(run), "--format", "html", "-o", str(tmp_path / "x.foo")]) == 0


def test_cells_and_lines_are_counted_apart(make_board, make_line, tmp_path, capsys):
    lines = [make_line(success=0.5, seed=seed) for seed in range(3)]
    (tmp_path / "board.json").write_text(make_board(lines).model_dump_json())
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "b.csv")]) == 0
    assert "(1 cell of the grid, 3 lines with all seeds)" in capsys.readouterr().out
    assert main(["report", str(tmp_path), "-o", str(tmp_path / "b.csv"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["cells"], said["lines"], said["models"]) == (1, 3, 0)


def test_what_a_scan_found_is_no_record(tmp_path, capsys):
    (tmp_path / "scan.json").write_text('{\n "schema_version": 3,\n "finding": "backdoored"\n}')
    assert main(["report", str(tmp_path / "scan.json"), "-o", str(tmp_path / "r.html")]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "this is the finding of a scan, no record; its page is drawn by codeward scan --html" in told
