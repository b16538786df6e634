"""``codeward show``: one method with its source, its departures from the paper and its options."""

from difflib import get_close_matches
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from codeward.cli._console import emit_json
from codeward.cli._console import show as print_result
from codeward.cli._options import Json
from codeward.cli.list_ import families, plain
from codeward.errors import UsageError
from codeward.registry import Option, Registry

NAME = "show"
EXAMPLES = "Examples:\n\n  codeward show deadcode-grammar\n\n  codeward show endless-loop --json"


def run(
    name: Annotated[
        str,
        typer.Argument(help="Name of an attack, payload, task, metric, defense, loss or layout; see: codeward list."),
    ],
    json: Json = False,
) -> None:
    """Show a method: its source, its options and where it departs from the paper."""
    first, *others = _registries_of(name)
    if json:
        also = {"also": [_as_json(each, name) for each in others]} if others else {}
        emit_json({**_as_json(first, name), **also})
        return
    _tell(first, name)
    for registry in others:
        print_result(Text(""))
        _tell(registry, name)


def _tell(registry: Registry[Any], name: str) -> None:
    """Print one method."""
    options = registry.options(name)
    print_result(
        Text(f"{registry.noun} {name}", style="bold"), Text(""), Text(plain(registry.documentation(name))), Text("")
    )
    for label, value in _facts(registry.get(name)).items():
        print_result(Text.assemble((f"{label}: ", "bold"), value))
    print_result(_table(options) if options else Text("It has no options."))


def _registries_of(name: str) -> list[Registry[Any]]:
    """Return the families that know a name: a task and a layout may share one.

    Raises:
        UsageError: If none does.
    """
    from codeward.victims import builtin_models

    known = families()
    found = [each for each in known.values() if name in each.names()]
    if found:
        return found
    summary = builtin_models().get(name)
    if summary is not None:
        raise UsageError(f"{name} is a model ({summary}) and has no options; use it with --model {name}")
    close = get_close_matches(name, {each for registry in known.values() for each in registry.names()}, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? All names: " if close else "all names: "
    raise UsageError(f"unknown method {name!r}; {hint}codeward list")


def _facts(method: type[Any]) -> dict[str, str]:
    """Return what the class itself declares: languages, kinds, labels, metrics, default payload, a layout's tasks and shape."""
    shown: dict[str, str] = {}
    for label in ("kind", "kinds", "languages", "labels", "metrics", "payload", "tasks", "shape"):
        value = getattr(method, label, None)
        if isinstance(value, frozenset):
            value = ", ".join(sorted(value))
        elif isinstance(value, tuple):
            value = ", ".join(value)
        if isinstance(value, str) and value:
            shown[label] = value
    return shown


def _as_json(registry: Registry[Any], name: str) -> dict[str, object]:
    return {
        "family": registry.plural,
        "name": name,
        "documentation": registry.documentation(name),
        **_facts(registry.get(name)),
        "options": [
            {"name": each.name, "type": each.type, "default": each.default, "description": each.description}
            for each in registry.options(name)
        ],
    }


def _table(options: list[Option]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title="options", title_justify="left", title_style="bold")
    for heading in ("name", "type", "default", "what it does"):
        table.add_column(heading, overflow="fold")
    for option in options:
        table.add_row(
            Text(option.name, "cyan"), Text(option.type), Text(repr(option.default)), Text(plain(option.description))
        )
    return table
