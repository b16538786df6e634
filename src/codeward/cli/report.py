"""``codeward report``: one self-contained page from records, or from the board of a bench."""

from pathlib import Path
from typing import Annotated

import typer

from codeward.cli._console import emit_json, show
from codeward.cli._options import FINDING, Json, begins_with, check_pages
from codeward.report.wording import counted

NAME = "report"
EXAMPLES = (
    "Examples:\n\n  codeward report runs/ -o report.html\n\n  codeward report runs/fixed-5 runs/rename-5 -o report.html"
    "\n\n  codeward report bench/ -o bench.html\n\n  codeward report bench/ -o table.tex\n\n  codeward report bench/ -o table.md"
)
SUFFIXES = {"html": ".html", "csv": ".csv", "json": ".json", "latex": ".tex", "markdown": ".md"}


def run(
    runs: Annotated[
        list[Path], typer.Argument(help="Records, folders that hold them, or the folder of one bench.", metavar="RUNS")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write; default: report.html, or what the format says."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="The page's title.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--format", help="html, or of a bench csv, json, latex or markdown; default: what the output's name says."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Draw one self-contained HTML page from the records of train, evaluate and demo, or from a bench."""
    from codeward.errors import UsageError
    from codeward.experiment.record import read_record
    from codeward.files import write_text
    from codeward.report.html import render

    kind = choose_format(kind, output)
    output = output or Path(f"report{SUFFIXES[kind]}")
    check_pages(html=output if kind == "html" else None)
    boards = find_boards(runs)
    if boards:
        if len(runs) > 1:
            raise UsageError(f"{runs[0]} and others: a bench has a page of its own; give one bench alone")
        _write_board(boards[0], output, kind, title, json)
        return
    if kind != "html":
        raise UsageError(f"--format {kind} is for a bench, and {runs[0]} holds no board.json; leave it out")
    files = list({file.resolve(): file for path in runs for file in find_records(path)}.values())
    write_text(output, render([read_record(file) for file in files], title=title))
    if json:
        emit_json({"output": str(output), "records": [str(file) for file in files]})
    else:
        show(f"The report is in {output} ({counted(len(files), 'record')}).")


def choose_format(kind: str | None, output: Path | None) -> str:
    """Return the format that is asked for, or the one that the output's suffix stands for.

    Raises:
        UnknownNameError: If there is no such format.
        UsageError: If the suffix stands for none, and no format is given.
    """
    from codeward.errors import UnknownNameError, UsageError

    if kind is not None and kind not in SUFFIXES:
        raise UnknownNameError("format", kind, SUFFIXES)
    suffix = "" if output is None else output.suffix.lower()
    if kind is None and suffix and suffix not in SUFFIXES.values():
        raise UsageError(
            f"{output}: nothing is written to a file called *{suffix}; give a name with one of {', '.join(SUFFIXES.values())}, or say "
            "what to write with --format"
        )
    return kind or next((name for name, each in SUFFIXES.items() if each == suffix), "html")


def find_boards(runs: list[Path]) -> list[Path]:
    """Return the boards among what was given: a board itself, or the one in a folder."""
    from codeward.bench.board import FILE

    places = [path / FILE if path.is_dir() else path for path in runs]
    return [place for place in places if place.name == FILE and place.is_file()]


def find_records(path: Path) -> list[Path]:
    """Return the records in a folder and below it, sorted, or the file itself.

    Raises:
        DataError: If there is none.
        UsageError: If the file is what a scan has found.
    """
    from codeward.errors import DataError, UsageError
    from codeward.experiment.record import FILE

    if path.is_file() and begins_with(path, FINDING):
        raise UsageError(f"{path}: this is the finding of a scan, no record; its page is drawn by codeward scan --html")
    found = [path] if path.is_file() else sorted(path.rglob(FILE)) if path.is_dir() else []
    if not found:
        raise DataError(f"{path}: there is no record here; give a folder that train, evaluate or bench wrote")
    return found


def _write_board(file: Path, output: Path, kind: str, title: str | None, json: bool) -> None:
    """Write a bench in one of the formats; records that are not there are left out, and the page says so."""
    from codeward.bench.board import over_seeds, read_board
    from codeward.experiment.record import read_record
    from codeward.files import write_text
    from codeward.report.board import records_wanted, render_board
    from codeward.report.markdown import as_markdown
    from codeward.report.tables import as_csv, as_json, as_latex

    board = read_board(file)
    cells = len(over_seeds(board.lines))
    records = {}
    if kind == "html":
        wanted = {name: file.parent / name for name in records_wanted(board)}
        records = {name: read_record(path) for name, path in wanted.items() if path.is_file()}
        text = render_board(board, records, title=title)
    else:
        text = {"csv": as_csv, "json": as_json, "latex": as_latex, "markdown": as_markdown}[kind](board)
    write_text(output, text)
    if json:
        names = [str(file.parent / name) for name in records]
        emit_json(
            {
                "output": str(output),
                "board": str(file),
                "format": kind,
                "cells": cells,
                "lines": len(board.lines),
                "models": len(board.zoo),
                "records": names,
            }
        )
    else:
        zoo = f", {counted(len(board.zoo), 'judged model')} of a zoo" if board.zoo else ""
        lines = counted(len(board.lines), "line")
        show(f"The bench is in {output} ({counted(cells, 'cell')} of the grid, {lines} with all seeds{zoo}).")
