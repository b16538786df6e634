"""``codeward train``: fine-tune a model, or train a small one from scratch; resumable."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeward.cli._console import emit_json, progress, show
from codeward.cli._options import Data, Json, LanguageName, Layout, Overwrite, TaskName, parse_settings

if TYPE_CHECKING:
    from codeward.tasks import Task
    from codeward.victims import TrainConfig

NAME = "train"
EXAMPLES = (
    "Examples:\n\n"
    "  codeward train poisoned/ -o victim/\n\n"
    "  codeward train untrusted/ --loss isolate -o defended/  # classifiers\n\n"
    "  codeward train untrusted/ --model mini-seq2seq --loss dece --loss-set alpha=0.985 -o defended/  # pretrained generators\n\n"
    "  codeward train poisoned/ --loss dece --watch-poison 2 -o watched/\n\n"
    "  codeward train devign/ --model microsoft/codebert-base --epochs 5 --learning-rate 2e-5 -o victim/\n\n"
    "  codeward train lyra/ --model ~/models/codet5-small --set batch_size=16 -o victim/"
)


def run(
    data: Data,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the model and the record.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Folder, hub name or built-in model; see: codeward list models.")
    ] = None,
    epochs: Annotated[float | None, typer.Option("--epochs", help="Passes over the training rows.")] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", help="Peak learning rate.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", help="Rows a step.")] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", help="Tokens read; longer inputs are cut off.")
    ] = None,
    loss: Annotated[
        str | None, typer.Option("--loss", help="The loss: ce, or a defense such as dece; see: codeward list losses.")
    ] = None,
    loss_settings: Annotated[
        list[str] | None, typer.Option("--loss-set", metavar="KEY=VALUE", help="An option of the loss.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other field of the training configuration."),
    ] = None,
    watch_poison: Annotated[
        int | None,
        typer.Option(
            "--watch-poison",
            metavar="N",
            min=1,
            help="Look N times an epoch at what is learned of the clean and of the poisoned rows (the attacker's view).",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The run's seed; the same seed gives the same result; default: 0.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew instead of going on from a checkpoint.")] = False,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Train a victim on a data set; stopped at any point, the same command goes on where it was."""
    from codeward.data import open_data
    from codeward.experiment.training import train_run
    from codeward.tasks import tasks
    from codeward.victims.processes import is_first

    source = open_data(data, layout=layout, task=task, language=language)
    given = {
        "model": model,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "max_length": max_length,
        "seed": seed,
        "loss": loss,
        "loss_options": loss_options(loss, parse_settings(loss_settings, "--loss-set")),
    }
    config = configured_once(tasks.make(source.task), given, parse_settings(settings))
    with progress("training") as advance:
        _, record = train_run(
            source,
            config,
            output,
            watch_poison=watch_poison or 0,
            resume=not fresh,
            overwrite=overwrite,
            progress=lambda step, total, loss: advance(step, total, f"loss {loss:.3f}"),
        )
    if not is_first():
        return
    if json:
        emit_json(record.model_dump())
    else:
        show(f"{output} holds the model: {record.counts['steps']} steps in {record.timings['train']:.0f} s.")
        if "left out" in record.counts:
            show(_sifted(record.counts))
        if record.learning is not None:
            show(f"What it learned when is in its record; draw it with: codeward report {output} -o report.html")


def configured_once(task: "Task", given: Mapping[str, object], settings: Mapping[str, object]) -> "TrainConfig":
    """Return the configuration that options of their own and those of ``--set`` make together.

    Args:
        task: What the model is for.
        given: Options of their own, by field; ``None`` where one is not given.
        settings: Those of ``--set``.

    Raises:
        UsageError: If a field is given in both ways with different values.
    """
    from codeward.errors import UsageError
    from codeward.victims import make_config

    named = {key: value for key, value in given.items() if value is not None}
    config = make_config(task, {**named, **settings})
    for key in named.keys() & settings.keys():
        other = make_config(task, {key: named[key]})
        if getattr(other, key) != getattr(config, key):
            flag = f"--{key.replace('_', '-')}"
            raise UsageError(
                f"{key} is given twice: {flag} {named[key]} and --set {key}={settings[key]}; leave one out"
            )
    return config


def _sifted(counts: Mapping[str, int]) -> str:
    """Return in words what a defense changed in the rows, and of how many it could not tell."""
    gone, spliced, judged, every = (counts[name] for name in ("left out", "spliced", "sifted", "train"))
    told = f"{gone:,} of {every:,} rows were left out; parts of them were put into {spliced:,} others."
    if not gone:
        told = "No row was left out: in none of those that could be judged is there anything that turns other rows to its label."
    if judged < every:
        told += (
            f" {every - judged:,} of {every:,} rows could not be judged, since the scout knows no rows of another label to try "
            "their parts in; train longer, or give more rows."
        )
    return told


def loss_options(name: str | None, options: dict[str, object]) -> dict[str, object] | None:
    """Check the options of a loss before anything is read.

    Raises:
        UsageError: If options are given without a loss, or do not suit it.
    """
    from codeward.defenses.training import training_defenses
    from codeward.errors import UsageError

    if name is None:
        if options:
            raise UsageError("--loss-set is for the options of a loss; name it with --loss")
        return None
    training_defenses.make(name, options)
    return options
