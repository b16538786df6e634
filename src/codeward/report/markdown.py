"""The tables of a bench for a page of documentation: Markdown, with what made them and why figures depart."""

from collections.abc import Mapping, Sequence

from codeward.bench.board import Board, Line, over_seeds
from codeward.report.cells import Column, Entry, columns
from codeward.report.detectors import detectors
from codeward.report.remarks import count_seeds, departures, problems
from codeward.report.scores import GENERATED
from codeward.report.wording import amount, counted, duration, percent, sentence
from codeward.types import Score

ESCAPES = str.maketrans({"\n": " ", "\r": " ", **{sign: f"\\{sign}" for sign in "\\`*_[]<>|#"}})
HEADING = ("data", "model", "stage", "note")
"""Columns that the tables do not need: they stand above or below."""
SEEDS = "Figures are means over seeds; the number of inputs is that of the smallest seed."
BEFORE = "Behind an input defense the floor, and so the excess, is that of the undefended model."
BEYOND = (
    "Of generated text the excess is the success itself, which leaves out rows whose payload stands in the answer without the "
    "trigger anyway."
)
INTERVALS = ("utility", "success", "anr")
"""Scores whose interval stands beside them."""


def as_markdown(board: Board, *, level: int = 1) -> str:
    """Return a heading, the command with its cost and machine, a table for each task, data set and model, and remarks.

    Args:
        board: What a bench has measured.
        level: Of the heading.
    """
    lines = over_seeds(board.lines)
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        if line.scores:
            groups.setdefault((line.task, line.data, line.model), []).append(line)
    seeds = count_seeds(board.lines)
    parts = [f"{'#' * level} {escape(board.title or board.name)}", _made(board)]
    for (task, data, model), found in groups.items():
        parts += [f"{'#' * (level + 1)} {escape(f'{data} ({task}), {model}')}", _table(found, seeds)]
    if board.zoo:
        parts += [f"{'#' * (level + 1)} Detectors", _detectors(board)]
    return "\n\n".join([*parts, *_remarks(board, lines)]) + "\n"


def escape(text: str) -> str:
    """Return text as Markdown shows it literally, on one line."""
    return text.translate(ESCAPES)


def _made(board: Board) -> str:
    where = board.environment
    processor = f"{where.processor}, {counted(where.cores, 'core')}"
    command = " ".join(board.command.split()).replace("`", "'")
    return f"`{command}`: {counted(board.steps, 'step')}, {duration(board.seconds)} of work; {escape(processor)}."


def _table(lines: Sequence[Line], seeds: Mapping[tuple[str, ...], tuple[int, int]]) -> str:
    found = [column for column in columns(lines, seeds) if column.name not in HEADING]
    rows = [[_cell(column, column.entry(line)) for column in found] for line in lines]
    marks = ["---:" if column.number else "---" for column in found]
    return "\n".join(_row(row) for row in ([escape(column.label) for column in found], marks, *rows))


def _detectors(board: Board) -> str:
    heads = (
        "data",
        "detector",
        "AUROC, %",
        "clean models convicted, %",
        "working backdoors convicted, %",
        "right class",
    )
    rows: list[Sequence[str]] = [(*heads, "inconclusive", "idle backdoors convicted", "a scan, s"), ("---",) * 9]
    for each in detectors(board.zoo):
        shares = [_share(score) for score in (each.auroc, each.false_alarms, each.detected)]
        counts = [str(each.named), str(each.inconclusive), f"{each.idle_convicted} of {each.idle}"]
        rows.append([escape(each.data), escape(each.name), *shares, *counts, amount(each.seconds)])
    return "\n".join(_row(row) for row in rows)


def _share(score: Score) -> str:
    if score.value is None:
        return "not judged"
    return f"{percent(score.value)} ({percent(score.low)} to {percent(score.high)}, n {score.n})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(column: Column, entry: Entry) -> str:
    interval = f" ({entry.more})" if entry.more and column.name in INTERVALS else ""
    return f"{escape(entry.text + interval)}{' †' if entry.flag else ''}"


def _remarks(board: Board, lines: Sequence[Line]) -> list[str]:
    """Return what counts otherwise than elsewhere, why figures depart from the papers', and what is not measured."""
    found = []
    if any(figure.seeds > 1 for line in lines for figure in line.scores.values()):
        found.append(f"- {SEEDS}")
    if any(line.stage == "input" and "floor" in line.scores and line.kind != GENERATED for line in lines):
        found.append(f"- {BEFORE}")
    if any(line.kind == GENERATED and "success" in line.scores for line in lines):
        found.append(f"- {BEYOND}")
    for each in departures(lines):
        why = each.note or "No reason is known yet."
        found.append(f"- † {escape(why)} ({escape('; '.join(each.cells))})")
    for problem, names in problems(board.lines).items():
        found.append(f"- Not measured, {counted(len(names), 'line')}: {escape(sentence(problem))}")
    return ["\n".join(found)] if found else []
