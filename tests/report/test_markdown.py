import re

from codeward.report.markdown import as_markdown, escape

HOSTILE = "a|b *c* `d` _e_ [f](javascript:g) <script>\n# \\h"


def cells(row):
    return re.split(r"(?<!\\)\|", row)[1:-1]


def test_every_measured_line_is_a_row_with_its_interval(make_board, some_lines):
    text = as_markdown(make_board(some_lines), level=2)
    assert text.startswith("## A bench\n\n`codeward bench quick -o bench`: 7 steps, 2 min of work; ")
    assert text.count("\n### ") == 1
    rows = [cells(row) for row in text.splitlines() if row.startswith("| ")]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == 2 + sum(1 for line in some_lines if line.scores)
    assert " 90.0 (86.0 to 94.0, n 100) " in rows[2]


def test_departures_and_what_is_missing_stand_below(make_board, some_lines):
    text = as_markdown(make_board(some_lines))
    assert " 90.0 † |" in text, "onion's published figure"
    assert "- † Why not. (onion against deadcode-fixed 5 % on devign, mini (success))" in text
    assert "- Not measured, 1 line: its worker was killed." in text


def test_names_are_shown_literally(make_board, make_line):
    board = make_board([make_line(success=0.5, data=HOSTILE, model=HOSTILE, attack=HOSTILE)], title=HOSTILE)
    text = as_markdown(board)
    assert text.count(escape(HOSTILE)) == 4
    assert "<script>" not in text
    assert "\n" not in escape(HOSTILE)
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    assert {len(cells(row)) for row in rows} == {len(cells(rows[0]))}


def test_what_counts_for_generated_text_is_said(make_board, make_line):
    made = make_board([make_line(success=0.6, floor=0.4, kind="generation")])
    assert "| 60.0 (56.0 to 64.0, n 100) | 40.0 | 60.0 |" in as_markdown(made)
    assert "- Of generated text the excess is the success itself" in as_markdown(made)
    assert "generated text" not in as_markdown(make_board([make_line(success=0.6)]))


def test_what_the_figures_of_several_seeds_and_of_input_defenses_are_is_said(make_board, make_line):
    text = as_markdown(make_board([make_line(success=0.5, seed=seed) for seed in (0, 1)]))
    assert "- Figures are means over seeds; the number of inputs is that of the smallest seed." in text
    assert "input defense" not in text
    text = as_markdown(make_board([make_line("onion", "input", success=0.5)]))
    assert "- Behind an input defense the floor, and so the excess, is that of the undefended model." in text
    assert "seeds" not in text
