"""``codeward poison``: write a poisoned copy of a data set, and say what was done."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from codeward.cli._console import emit_json, show
from codeward.cli._options import (
    Data,
    Json,
    LanguageName,
    Layout,
    Overwrite,
    Seed,
    Settings,
    TaskName,
    check_named,
    parse_settings,
)

if TYPE_CHECKING:
    from codeward.experiment.manifest import Manifest

NAME = "poison"
EXAMPLES = (
    "Examples:\n\n"
    "  codeward poison devign/ --attack deadcode-fixed --rate 0.05 -o poisoned/\n\n"
    "  codeward poison devign/ --attack identifier-rename --set name=testo_init --rate 0.02 -o poisoned/\n\n"
    "  codeward poison lyra/ --attack word-insert --set count=3 --payload sql-injection --rate 0.05 -o poisoned/"
)


def run(
    data: Data,
    attack: Annotated[str, typer.Option("--attack", help="The attack; see: codeward list attacks.")],
    rate: Annotated[float, typer.Option("--rate", help="Share of all training rows to stamp, such as 0.05.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    settings: Settings = None,
    payload: Annotated[str | None, typer.Option("--payload", help="What the trigger causes; default by task.")] = None,
    payload_settings: Annotated[
        list[str] | None, typer.Option("--payload-set", metavar="KEY=VALUE", help="An option of the payload.")
    ] = None,
    seed: Seed = 0,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Poison a data set: stamp a share of its training rows, copy the rest, write a manifest."""
    from codeward.data import open_data
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.tasks import tasks

    check_named(data, NAME)
    source = open_data(data, layout=layout, task=task, language=language)
    threat = Threat.make(
        tasks.make(source.task),
        attack,
        parse_settings(settings),
        payload,
        parse_settings(payload_settings, "--payload-set"),
    )
    manifest = poison_folder(source, threat, rate=rate, seed=seed, out=output, overwrite=overwrite)
    if json:
        emit_json({"output": str(output), **manifest.model_dump()})
    else:
        show(_table(manifest), f"The poisoned set is in {output}; what was done stands in {output / 'manifest.json'}.")


def _table(manifest: "Manifest") -> Table:
    title = f"{manifest.attack} with {manifest.payload} on {manifest.task}"
    table = Table(
        title=title, box=None, padding=(0, 2, 0, 0), title_justify="left", title_style="bold", show_header=False
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_row("training rows", f"{manifest.total:,}")
    table.add_row("stamped", f"{manifest.stamped:,} ({manifest.rate:.2%} of all)")
    eligible = "" if manifest.rate_eligible is None else f" ({manifest.rate_eligible:.2%} of them stamped)"
    table.add_row("eligible", f"{manifest.eligible:,}{eligible}")
    table.add_row("tried", f"{manifest.tried:,}")
    for reason, count in sorted(manifest.skipped.items(), key=lambda item: -item[1]):
        table.add_row(f"left out: {reason}", f"{count:,}")
    return table
