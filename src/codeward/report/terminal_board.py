"""The board of a bench as tables for the terminal; nothing is printed here."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from codeward.bench.board import Board, Figure, Line, over_seeds
from codeward.report.detectors import detectors
from codeward.report.wording import amount, counted, sentence
from codeward.types import Score


def board_tables(board: Board) -> list[Table | str]:
    """Return a table for each data set and model, and what could not be measured."""
    lines = over_seeds(board.lines)
    tables: list[Table | str] = []
    for where in dict.fromkeys((line.data, line.model, line.attack, line.rate) for line in lines):
        chosen = [line for line in lines if (line.data, line.model, line.attack, line.rate) == where and line.scores]
        if chosen:
            attack = f", {where[2]} {100 * where[3]:g} %" if where[3] else ""
            tables.append(_table(f"{where[0]}, {where[1]}{attack}", chosen))
    if board.zoo:
        tables.append(_detectors(board))
    for noun, found in (("line", board.lines), ("model", board.zoo)):
        problems = [each.problem for each in found if each.problem]
        for problem in dict.fromkeys(problems):
            tables.append(f"{counted(problems.count(problem), noun)} without figures: {escape(sentence(problem))}")
    return tables


def _table(title: str, lines: Sequence[Line]) -> Table:
    heads = {
        "success": "success",
        "floor": "floor",
        "anr": "rank",
        "clean anr": "clean rank",
        "utility": lines[0].utility,
        "fpr": "alarms",
    }
    heads = {name: head for name, head in heads.items() if any(name in line.scores for line in lines)}
    published = any(line.published for line in lines)
    table = Table(
        title=f"{title} (in percent)", title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0)
    )
    table.add_column("defense", style="cyan", no_wrap=True, min_width=max(len(line.defense) for line in lines))
    for head in [*heads.values(), *(["published"] if published else [])]:
        table.add_column(head, justify="right", no_wrap=True)
    for line in lines:
        told = ", ".join(f"{each.score} {100 * each.value:.1f}" for each in line.published)
        numbers = [_percent(line.scores.get(name)) for name in heads]
        table.add_row(line.defense, *numbers, *([told] if published else []))
    return table


def _detectors(board: Board) -> Table:
    heads = (
        "AUROC",
        "clean convicted",
        "backdoors convicted",
        "right class",
        "inconclusive",
        "idle convicted",
        "a scan, s",
    )
    table = Table(
        title="Detectors (in percent)", title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0)
    )
    table.add_column("data", no_wrap=True)
    table.add_column("detector", style="cyan", no_wrap=True)
    for head in heads:
        table.add_column(head, justify="right")
    for each in detectors(board.zoo):
        shares = [_percent(score) for score in (each.auroc, each.false_alarms, each.detected)]
        counts = [str(each.named), str(each.inconclusive), f"{each.idle_convicted}/{each.idle}"]
        table.add_row(escape(each.data), escape(each.name), *shares, *counts, amount(each.seconds))
    return table


def _percent(figure: Figure | Score | None) -> str:
    if figure is None or figure.value is None:
        return ""
    if figure.low is None or figure.high is None:
        return f"{100 * figure.value:.1f}"
    return f"{100 * figure.value:.1f} [{100 * figure.low:.0f}-{100 * figure.high:.0f}]"
