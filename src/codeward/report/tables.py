"""The data of a bench for other programs: CSV, JSON and LaTeX."""

import csv
import io
import re
from collections.abc import Sequence

from codeward.bench.board import Board, Line, over_seeds
from codeward.report.cells import score_names
from codeward.report.wording import MINUS, percent, rate

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        MINUS: "$-$",
        "\n": " ",
        "\r": " ",
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    }
)
TITLES = {
    "success": "Attack success rate",
    "anr": "Average normalized rank of triggered code, higher is better for the defender,",
    "utility": "Utility",
}
MACROS = (
    r"% \usepackage{booktabs}",
    r"% interval and number of inputs behind a figure; to leave them out: \renewcommand{\within}[2]{}",
    r"\providecommand{\within}[2]{{\scriptsize[#1; $n$=#2]}}",
)
PLACE = ("data", "task", "kind", "model", "family", "attack", "rate", "defense", "stage")


def as_json(board: Board) -> str:
    """Return the whole board, seed by seed, as ``read_board`` reads it."""
    return board.model_dump_json() + "\n"


def as_csv(board: Board) -> str:
    """Return one line a cell, merged over seeds: shares from 0 to 1 with interval and n, seconds, published figures."""
    lines = over_seeds(board.lines)
    names, costs = score_names(lines), list(dict.fromkeys(name for line in lines for name in line.seconds))
    papers = list(dict.fromkeys(each.score for line in lines for each in line.published))
    head = [*PLACE, "seed", "utility_metric"]
    for name in names:
        head += [f"{_snake(name)}{part}" for part in ("", "_low", "_high", "_n", "_seeds")]
    head += [f"seconds_{_snake(name)}" for name in costs]
    for name in papers:
        head += [f"paper_{_snake(name)}", f"paper_{_snake(name)}_source"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, "departs", "note", "problem", "record"])
    writer.writerows(_row(line, names, costs, papers) for line in lines)
    return text.getvalue()


def as_latex(board: Board) -> str:
    """Return booktabs tables: for each task, data and model, what an attack comes to and utility by defense and attack."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in over_seeds(board.lines):
        groups.setdefault((line.task, line.data, line.model), []).append(line)
    tables = [_latex_table(lines, score, (board.name, *where)) for where, lines in groups.items() for score in TITLES]
    head = [rf"% {' '.join(board.title.split())}", rf"% {' '.join(board.command.split())}", *MACROS]
    return "\n\n".join(["\n".join(head), *(table for table in tables if table)]) + "\n"


def latex_escape(text: str) -> str:
    """Return text as LaTeX shows it literally."""
    return text.translate(ESCAPES)


def _row(line: Line, names: Sequence[str], costs: Sequence[str], papers: Sequence[str]) -> list[object]:
    cells: list[object] = [getattr(line, name) for name in PLACE]
    cells += [line.seed, line.utility]
    for name in names:
        figure = line.scores.get(name)
        cells += [""] * 5 if figure is None else [figure.value, figure.low, figure.high, figure.n, figure.seeds]
    cells += [line.seconds.get(name) for name in costs]
    for name in papers:
        found = [each for each in line.published if each.score == name]
        cells += [" / ".join(f"{each.value:g}" for each in found), " / ".join(each.source for each in found)]
    return [*cells, int(line.departs()), line.note, line.problem, line.record]


def _latex_table(lines: Sequence[Line], score: str, where: tuple[str, ...]) -> str:
    """Return one table; the paper's figure stands in parentheses, where it is far from ours with a dagger."""
    found = {(line.defense, line.attack, line.rate): line for line in lines if _known(line, score)}
    if not found:
        return ""
    defenses = list(dict.fromkeys(line.defense for line in lines))
    attacks: dict[str, list[float]] = {}
    for line in found.values():
        if line.rate not in attacks.setdefault(line.attack, []):
            attacks[line.attack].append(line.rate)
    pairs = [(attack, share) for attack, rates in attacks.items() for share in rates]
    spans = [rf"\multicolumn{{{len(rates)}}}{{c}}{{{latex_escape(attack)}}}" for attack, rates in attacks.items()]
    rows = [
        " & ".join([latex_escape(defense), *(_latex_cell(found.get((defense, *pair)), score) for pair in pairs)])
        for defense in defenses
    ]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{latex_escape(_caption(list(found.values()), score))}}}",
            rf"\label{{{_label(score, where)}}}",
            rf"\begin{{tabular}}{{l{'r' * len(pairs)}}}",
            r"\toprule",
            " & ".join(["defense", *spans]) + r" \\",
            " & ".join(["", *(latex_escape(rate(share)) if share else "" for _, share in pairs)]) + r" \\",
            r"\midrule",
            *(rf"{row} \\" for row in rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _caption(lines: Sequence[Line], score: str) -> str:
    """Return what a table shows, and what the signs in it mean, as far as they stand in it."""
    first = lines[0]
    metric = f" ({first.utility})" if score == "utility" and first.utility else ""
    text = f"{TITLES[score]}{metric} in percent, {first.data} ({first.task}), {first.model}. In brackets: 95 % interval and number of inputs"
    published = [each for line in lines for each in line.published if each.score == score]
    seeds = any(line.scores[score].seeds > 1 for line in lines)
    text += ", the smallest of any seed; figures are means over seeds." if seeds else "."
    if published:
        far = any(_far(line, score) for line in lines)
        text += " In parentheses: published" + ("; daggers: far from ours." if far else ".")
    return text


def _label(score: str, where: Sequence[str]) -> str:
    return "tab:" + "-".join(re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-") for part in (*where, score))


def _far(line: Line, score: str) -> bool:
    published = tuple(each for each in line.published if each.score == score)
    return bool(published) and line.model_copy(update={"published": published}).departs()


def _known(line: Line, score: str) -> bool:
    return score in line.scores and line.scores[score].value is not None


def _latex_cell(line: Line | None, score: str) -> str:
    if line is None:
        return "--"
    published, figure = [each for each in line.published if each.score == score], line.scores[score]
    text = percent(figure.value)
    if published:
        text += f" ({' / '.join(percent(each.value) for each in published)})"
    if _far(line, score):
        text += r"$^\dagger$"
    if figure.low is not None and figure.high is not None:
        ends = f"{percent(max(0.0, figure.low))}--{percent(min(1.0, figure.high))}"
        text += rf" \within{{{ends}}}{{{figure.n}}}"
    return text


def _snake(name: str) -> str:
    return "_".join(name.split())
