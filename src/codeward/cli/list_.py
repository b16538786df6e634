"""``codeward list``: what there is."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from codeward.cli._console import emit_json, show
from codeward.cli._options import Json
from codeward.errors import UnknownNameError

NAME = "list"
EXAMPLES = "Examples:\n\n  codeward list\n\n  codeward list attacks\n\n  codeward list metrics --json"


def families() -> dict[str, Any]:
    """Return every registry by the plural of its noun."""
    from codeward.attacks import attacks
    from codeward.attacks.payloads import payloads
    from codeward.data import layouts
    from codeward.defenses.data import data_defenses
    from codeward.defenses.input import input_defenses
    from codeward.defenses.model import model_defenses
    from codeward.defenses.training import training_defenses
    from codeward.metrics import metrics
    from codeward.tasks import tasks

    return {
        registry.plural: registry
        for registry in (
            attacks,
            payloads,
            tasks,
            metrics,
            data_defenses,
            training_defenses,
            model_defenses,
            input_defenses,
            layouts,
        )
    }


def run(
    family: Annotated[
        str | None,
        typer.Argument(
            help="attacks, payloads, tasks, metrics, data_defenses, losses, model_defenses, input_defenses, layouts or models."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List attacks, payloads, tasks, metrics, defenses, data layouts and built-in models."""
    rows = catalogue()
    if family is not None:
        if family not in rows:
            raise UnknownNameError("family", family, rows)
        rows = {family: rows[family]}
    if json:
        emit_json({name: [{"name": key, "summary": text} for key, text in entries] for name, entries in rows.items()})
        return
    for name, entries in rows.items():
        show(_table(name, entries))


def catalogue() -> dict[str, list[tuple[str, str]]]:
    """Return name and summary of everything that can be named on the command line, by family."""
    from codeward.victims import builtin_models

    found = {
        plural: [(name, registry.summary(name)) for name in registry.names()] for plural, registry in families().items()
    }
    return {**found, "models": sorted(builtin_models().items())}


def plain(text: str) -> str:
    """Return a docstring as a terminal shows it: code stands between single backticks."""
    return text.replace("``", "`")


def _table(name: str, entries: list[tuple[str, str]]) -> Table:
    table = Table(
        title=name, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2, 0, 0)
    )
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for entry, summary in entries:
        table.add_row(entry, Text(plain(summary)))
    table.add_section()
    return table
