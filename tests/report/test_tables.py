import csv
import io

import pytest

from codeward.bench.board import Board
from codeward.report.tables import as_csv, as_json, as_latex, latex_escape

HOSTILE = 'a_b & 100 % <script>"x", \\y{z}\n#1 $^~|'


def rows(board):
    return list(csv.DictReader(io.StringIO(as_csv(board))))


def test_csv_holds_every_figure(make_board, some_lines):
    found = rows(make_board(some_lines))
    assert len(found) == 6
    for row, line in zip(found, some_lines, strict=True):
        assert (row["defense"], float(row["rate"]), row["seed"]) == (line.defense, line.rate, "0")
        for name, figure in line.scores.items():
            column = name.replace(" ", "_")
            assert (float(row[column]), int(row[f"{column}_n"])) == (figure.value, figure.n)
            assert float(row[f"{column}_low"]) == figure.low
    assert found[4]["paper_success"] == "0.9"
    assert found[4]["paper_success_source"] == "a paper, table 2"
    assert [row["departs"] for row in found] == ["0", "0", "0", "0", "1", "0"]
    assert found[5]["problem"] == "its worker was killed"
    assert found[5]["success"] == ""


def test_csv_merges_seeds(make_board, make_line):
    (row,) = rows(make_board([make_line(success=value, seed=seed) for seed, value in enumerate((0.4, 0.6))]))
    assert (float(row["success"]), row["success_seeds"], row["seed"]) == (0.5, "2", "")


def test_names_survive_csv_and_json(make_board, make_line):
    board = make_board([make_line(HOSTILE, "input", success=0.5, note=HOSTILE)])
    assert rows(board)[0]["defense"] == rows(board)[0]["note"] == HOSTILE
    assert Board.model_validate_json(as_json(board)) == board


def test_latex_is_escaped():
    shown = latex_escape(HOSTILE)
    assert shown == (
        r'a\_b \& 100 \% \textless{}script\textgreater{}"x", \textbackslash{}y\{z\} \#1 \$\textasciicircum{}'
        r"\textasciitilde{}\textbar{}"
    )


def test_latex_tables(make_board, some_lines):
    text = as_latex(make_board(some_lines, title="One\n% two"))
    assert text.startswith("% One % two\n")
    assert text.count(r"\begin{tabular}{lrr}") == 2
    assert r"none & 90.0 (100.0) \within{86.0--94.0}{100} & 80.0 \within{76.0--84.0}{100} \\" in text
    assert r"onion & 50.0 (90.0)$^\dagger$ \within{46.0--54.0}{100} & -- \\" in text
    assert r"\providecommand{\within}[2]" in text
    assert r"\label{tab:quick-defect-devign-mini-success}" in text
    assert text.count("daggers: far from ours") == 1, "in the table that has some"
    assert r" & 5 \% & 5 \% \\" in text
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\toprule") == 2


@pytest.mark.parametrize("lines", [0, 1])
def test_nothing_measured_gives_no_table(make_board, make_line, lines):
    board = make_board([make_line(problem="no")] * lines)
    assert "tabular" not in as_latex(board)
    assert len(rows(board)) == lines


def test_a_caption_says_what_stands_in_its_table(make_board, make_line):
    lines = [make_line(success=value, seed=seed) for seed, value in enumerate((0.4, 0.6))]
    text = as_latex(make_board(lines))
    assert "published" not in text
    assert "dagger" not in text
    assert text.count("the smallest of any seed; figures are means over seeds.") == 2
    assert "In parentheses: published." in as_latex(make_board([make_line(success=0.5, paper=0.52)]))


def test_of_a_search_model_the_rank_of_triggered_code_is_a_table(make_board, make_search):
    text = as_latex(make_board([make_search(0.2), make_search(0.45, "good", "input")]))
    assert r"good & 45.0 \within{41.0--49.0}{100} \\" in text
    assert "Average normalized rank of triggered code, higher is better" in text
    assert "success" not in text
