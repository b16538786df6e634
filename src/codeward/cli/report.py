"""``codeward report``: one self-contained page from records."""

from pathlib import Path
from typing import Annotated

import typer

from codeward.cli._console import emit_json, show
from codeward.cli._options import Json

NAME = "report"
EXAMPLES = (
    "Examples:\n\n  codeward report runs/ -o report.html\n\n  codeward report runs/fixed-5 runs/rename-5 -o report.html"
)


def run(
    runs: Annotated[list[Path], typer.Argument(help="Records, or folders that hold them.", metavar="RUNS")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path("report.html"),
    title: Annotated[str | None, typer.Option("--title", help="The page's title.")] = None,
    json: Json = False,
) -> None:
    """Draw one self-contained HTML page from the records of train, evaluate and demo."""
    from codeward.experiment.record import read_record
    from codeward.files import write_text
    from codeward.report.html import render

    files = [file for path in runs for file in find_records(path)]
    write_text(output, render([read_record(file) for file in files], title=title))
    if json:
        emit_json({"output": str(output), "records": [str(file) for file in files]})
    else:
        show(f"The report is in {output} ({len(files)} records).")


def find_records(path: Path) -> list[Path]:
    """Return the records in a folder and below it, sorted, or the file itself.

    Raises:
        DataError: If there is none.
    """
    from codeward.errors import DataError
    from codeward.experiment.record import FILE

    found = [path] if path.is_file() else sorted(path.rglob(FILE)) if path.is_dir() else []
    if not found:
        raise DataError(f"{path}: there is no record here; give a folder that train or evaluate wrote")
    return found
