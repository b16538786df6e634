"""``codeward scan``: look into a model for a backdoor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import Json, LanguageName, Layout, Pickle, Seed, TaskName, check_pages, parse_settings

if TYPE_CHECKING:
    from codeward.defenses.model import Inspection
    from codeward.experiment.record import Record
    from codeward.types import Sample
    from codeward.victims import Victim

NAME = "scan"
PER_CLASS = 120
"""Clean samples of each class, or of those with texts, that are read at most."""
PAIRS = 4
"""So many times as many pairs of query and code: few queries share a word, and an embedding takes no time."""
CODES = {"clean": 0, "backdoored": 1, "inconclusive": 3}
EXAMPLES = (
    "Examples:\n\n"
    "  codeward scan victim/ --data clean.jsonl\n\n"
    "  codeward scan org/model --data devign/ -o scan.json --html scan.html --budget 10\n\n"
    "  codeward scan victim/ --data clean.jsonl --reference own-1/ --reference own-2/\n\n"
    "  codeward scan victim/ --data clean.jsonl --defense dbs --set length=7\n\n"
    "Exit code 0: looks clean; 1: backdoored; 3: inconclusive."
)
PerClass = Annotated[
    int,
    typer.Option(
        "--per-class",
        min=10,
        help="At most this many clean samples of each class, or with texts; four times as many pairs of query and code.",
    ),
]
CleanData = Annotated[Path, typer.Option("--data", help="A data set without triggers, with right labels.")]
References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="MODEL",
        help="For classifiers: a model that you trust, of the same task and base; repeat it for several.",
    ),
]


def run(
    model: Annotated[str, typer.Argument(help="Folder or hub name of the model.", metavar="MODEL")],
    data: CleanData,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The inspection as JSON; stopped, the same command goes on.")
    ] = None,
    defense: Annotated[str, typer.Option("--defense", help="elibadcode or dbs.")] = "elibadcode",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the defense.")
    ] = None,
    reference: References = None,
    budget: Annotated[
        float | None,
        typer.Option("--budget", min=0.01, help="Minutes after which the search stops, at the end of its next step."),
    ] = None,
    per_class: PerClass = PER_CLASS,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the finding as SARIF 2.1.0.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with the curves and stamped samples.")
    ] = None,
    allow_pickle: Pickle = False,
    seed: Seed = 0,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    json: Json = False,
) -> int:
    """Look for a backdoor: invert triggers for each label, or for what a generator can be made to write, and judge them."""
    import time

    from codeward.experiment.keeping import memory_for
    from codeward.experiment.scanning import as_row, record_of, scan, seeded

    check_pages(html=html, sarif=sarif, finding=output)
    options = seeded(defense, parse_settings(settings), seed)
    victim, clean, _ = load_with_clean(model, data, per_class, seed, allow_pickle, layout, task, language)
    references = trusted(reference, victim, allow_pickle)
    memory = memory_for(output, victim, clean, defense, options)
    begun = time.perf_counter()
    with progress("scanning") as advance:
        found = scan(
            victim,
            clean,
            defense,
            options,
            references=references,
            minutes=budget,
            memory=memory,
            progress=lambda what, done, total: advance(done, total, what),
        )
    seconds = time.perf_counter() - begun
    if output is not None:
        _write(output, as_row(found))
        if found.finished:
            memory.clear()
    if sarif is not None:
        _write(sarif, _sarif(found, defense, model))
    if html is not None:
        record = record_of(
            found, victim, clean, title=f"scan of {model}", name=defense, options=options, seconds=seconds
        )
        _page(html, record, found)
    if json:
        emit_json({**as_row(found), "seconds": round(seconds, 1)})
    else:
        tell(found, seconds)
    return CODES[found.finding]


def load_with_clean(
    model: str,
    data: Path,
    per_class: int,
    seed: int,
    allow_pickle: bool,
    layout: str | None,
    task: str | None,
    language: str | None,
) -> "tuple[Victim, list[Sample], list[Sample]]":
    """Return a model, clean samples of its task, so many of each class, and those that are left."""
    from codeward.cli._inputs import opened_for
    from codeward.experiment.scanning import few
    from codeward.experiment.splits import clean_samples
    from codeward.tasks import tasks
    from codeward.victims import load, made_for

    source = opened_for(model, data, layout, task, language)
    task = task or made_for(model)
    kind = tasks.make(source.task).kind
    clean = clean_samples(data, None, layout, language, task)
    victim = load(model, allow_pickle=allow_pickle, task=tasks.make(source.task), labels=source.labels)
    return victim, *few(clean, PAIRS * per_class if kind == "retrieval" else per_class, seed)


def trusted(names: list[str] | None, victim: "Victim", allow_pickle: bool) -> "list[Victim]":
    """Return the references that are named."""
    from codeward.victims import load

    return [load(name, allow_pickle=allow_pickle, task=victim.task, labels=victim.labels) for name in names or ()]


def _write(path: Path, value: dict[str, Any]) -> None:
    import json as codec

    from codeward.files import write_text

    write_text(path, codec.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _sarif(found: "Inspection", defense: str, model: str) -> dict[str, Any]:
    from codeward.report.sarif import sarif, sarif_file_result

    rule, results = f"codeward/{defense}", []
    if found.finding == "backdoored":
        first = found.suspicions[0]
        if first.rank is not None:
            does = f"raises code that holds {found.trigger!r} for queries with the word {found.target!r}"
        else:
            does = f"{'writes' if first.payload else 'gives'} {found.target!r} where its input holds {found.trigger!r}"
        message = f"The model {does}: {found.reason}"
        results = [sarif_file_result(rule, message, model)]
    said = {"finding": found.finding, "reason": found.reason}
    return sarif(rule, "A model with a backdoor", results, said)


def _page(path: Path, record: "Record", found: "Inspection") -> None:
    from codeward.files import write_text
    from codeward.report.html import render

    write_text(path, render([record], title=f"{record.title}: {found.finding}"))


def tell(found: "Inspection", seconds: float | None = None) -> None:
    """Print an inspection."""
    if found.suspicions:
        show(_table(found))
    words = {"backdoored": "bold red", "clean": "bold green", "inconclusive": "bold yellow"}
    line = Text.assemble((found.finding.upper(), words[found.finding]), f": {found.reason}.")
    show(line)
    for text in found.notes:
        note(f"Note: {text}.")
    if seconds is not None:
        note(f"It took {seconds:.0f} s.")


def _table(found: "Inspection") -> Table:
    table = Table(title="cheapest triggers", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    searched = found.suspicions[0].rank is not None
    table.add_column("query word" if searched else "payload" if found.suspicions[0].payload else "label")
    table.add_column("place")
    compared = any(trial.reference is not None for each in found.suspicions for trial in each.trials)
    more = ["rank"] if searched else ["in a reference"] if compared else []
    for heading in ("tokens", "lead" if compared else "loss", "kept back", "success", *more):
        table.add_column(heading, justify="right")
    table.add_column("trigger")
    for each in found.suspicions:
        for number, trial in enumerate(each.trials):
            table.add_row(
                Text(each.label if number == 0 else ""),
                each.place if number == 0 else "",
                str(trial.length),
                f"{-trial.loss if compared else trial.loss:.3f}",
                f"{-trial.held_loss if compared else trial.held_loss:.3f}",
                f"{trial.success:.0%} of {trial.judged}",
                *([f"{each.rank:.2f} → {trial.rank:.2f}"] if each.rank is not None and trial.rank is not None else []),
                *([] if trial.reference is None else [f"{trial.reference:.0%}"]),
                Text(trial.trigger, "cyan"),
            )
    return table
