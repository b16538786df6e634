"""The page of tables holds what the committed boards say."""

import runpy
from pathlib import Path

from codeward.bench.board import over_seeds
from codeward.report.markdown import escape

ROOT = Path(__file__).parents[2]
TABLES = runpy.run_path(str(ROOT / "tools" / "tables.py"))


def test_the_page_is_not_stale():
    stale = not TABLES["PAGE"].is_file() or TABLES["PAGE"].read_text(encoding="utf-8") != TABLES["page"]()
    assert not stale, f"docs/tables.md is stale; run: {TABLES['COMMAND']}"


def test_every_measured_line_is_on_it():
    boards = [TABLES["read_board"](folder) for folder in TABLES["RECORDS"].glob("bench-*")]
    rows = TABLES["PAGE"].read_text(encoding="utf-8").splitlines()
    measured = [line for board in boards for line in over_seeds(board.lines) if line.scores]
    assert measured
    for line in measured:
        start = f"| {escape(line.defense)} | {escape(line.attack)} |"
        assert [row for row in rows if row.startswith(start)], start
