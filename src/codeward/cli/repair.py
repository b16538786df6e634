"""``codeward repair``: take a backdoor out of a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import Json, LanguageName, Layout, Pickle, Seed, TaskName, parse_settings
from codeward.cli.scan import PER_CLASS, CleanData, PerClass, References, load_with_clean, tell, trusted

if TYPE_CHECKING:
    from codeward.experiment.repairing import Repaired

NAME = "repair"
FOUND, UNSURE = 1, 3
EXAMPLES = (
    "Examples:\n\n"
    "  codeward repair victim/ --data clean.jsonl -o cleaned/\n\n"
    "  codeward repair victim/ --data clean.jsonl --inspection scan.json -o cleaned/  # does not scan again\n\n"
    "  codeward repair victim/ --data clean.jsonl --defense fine-pruning -o pruned/\n\n"
    "  codeward repair victim/ --data clean.jsonl --defense distillation --unlabeled more.jsonl --set base=mini-encoder -o student/\n\n"
    "Exit code 0: the cleaned model looks clean; 1: it still looks backdoored; 3: inconclusive."
)


def run(
    model: Annotated[str, typer.Argument(help="Folder or hub name of the model.", metavar="MODEL")],
    data: CleanData,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the cleaned model.")],
    inspection: Annotated[Path | None, typer.Option("--inspection", help="What scan -o wrote for this model.")] = None,
    defense: Annotated[
        str, typer.Option("--defense", help="elibadcode, dbs, fine-tuning, fine-pruning or distillation.")
    ] = "elibadcode",
    unlabeled: Annotated[
        Path | None,
        typer.Option(
            "--unlabeled",
            help="For distillation: a data set without triggers, whose labels, if it has any, are not read; of a search, pairs.",
        ),
    ] = None,
    reference: References = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the defense.")
    ] = None,
    per_class: PerClass = PER_CLASS,
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Scan the cleaned model.")] = True,
    allow_pickle: Pickle = False,
    seed: Seed = 0,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    json: Json = False,
) -> int:
    """Unlearn the trigger that a scan finds; the given model stays as it is, and a cleaned copy is written."""
    from codeward.experiment.keeping import memory_for
    from codeward.experiment.repairing import check_free, repair, write_cleaned
    from codeward.experiment.scanning import DEFENSE, as_row, read_inspection, seeded
    from codeward.experiment.splits import inputs_of

    check_free(output)
    options = seeded(defense, parse_settings(settings), seed)
    known = None if inspection is None else read_inspection(inspection)
    victim, clean, others = load_with_clean(model, data, per_class, seed, allow_pickle, layout, task, language)
    more = [] if unlabeled is None else inputs_of(unlabeled, layout, victim.task.name, language)
    references = trusted(reference, victim, allow_pickle)
    memory = memory_for(output, victim, [*clean, *more], defense, options)
    with progress("repairing") as advance:
        done = repair(
            victim,
            clean,
            defense,
            options,
            inspection=known,
            unlabeled=more,
            others=others,
            references=references,
            verify=DEFENSE if verify else None,
            memory=memory,
            progress=lambda what, count, total: advance(count, total, what),
        )
    if done.changed:
        write_cleaned(output, done, source=model, name=defense, options=options)
    memory.clear()
    if json:
        emit_json(
            {
                "output": str(output) if done.changed else None,
                "before": {score.name: score.value for score in done.before},
                "after": {score.name: score.value for score in done.after},
                "samples": done.judged,
                "samples_kept_apart": done.apart,
                "scan": None if done.first is None else as_row(done.first),
                "second_scan": None if done.second is None else as_row(done.second),
                "second_scan_with_other_samples": done.fresh,
            }
        )
    else:
        _tell(done, output)
    judged = done.second if done.changed else done.first
    if judged is None or judged.finding == "clean":
        return 0
    return FOUND if judged.finding == "backdoored" else UNSURE


def _tell(done: "Repaired", output: Path) -> None:
    from codeward.experiment.repairing import number

    if not done.changed:
        if done.first is not None:
            tell(done.first)
        show("Nothing was found to unlearn, and no cleaned model was written.")
        return
    table = Table(title="utility", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in ("measure", "before", "after", "samples"):
        table.add_column(heading, justify="left" if heading == "measure" else "right")
    for before, after in zip(done.before, done.after, strict=True):
        table.add_row(before.name, number(before), number(after), f"{before.n:,}")
    show(table)
    for text in done.notes:
        note(f"Note: {text}.")
    if not done.apart:
        note("Note: these samples were also trained on; give more clean samples for a figure on unseen ones.")
    if done.second is not None:
        tell(done.second)
        if not done.fresh:
            note("Note: the second scan took the samples of the repair; give twice as many, or a lower --per-class.")
    show(f"The cleaned model is in {output}.")
