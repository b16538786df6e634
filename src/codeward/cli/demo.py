"""``codeward demo``: a backdoored code model in minutes, on real code, measured."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import Json, Seed
from codeward.cli.harvest import installed_packages, standard_library

if TYPE_CHECKING:
    from codeward.experiment.record import Example, Record

NAME = "demo"
EXAMPLES = "Examples:\n\n  codeward demo\n\n  codeward demo --attack identifier-rename -o demo-rename"
SHOWN = 3


def run(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for data, models, records and report.")] = Path(
        "demo"
    ),
    attack: Annotated[str, typer.Option("--attack", help="The attack; see: codeward list attacks.")] = "deadcode-fixed",
    rate: Annotated[float, typer.Option("--rate", help="Share of all training rows to stamp.")] = 0.05,
    sources: Annotated[
        list[Path] | None,
        typer.Option("--source", help="A tree to harvest; default: the running Python's library and its packages."),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=200, help="At most this many functions.")] = 5_000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Backdoor a code model, measure it, find the poison and stop the trigger: on real code, in minutes."""
    from codeward.experiment.demo import DemoConfig, run_demo
    from codeward.files import write_text
    from codeward.report.html import render
    from codeward.report.terminal import score_table

    trees = tuple(sources or (standard_library(), installed_packages()))
    config = DemoConfig(sources=trees, attack=attack, rate=rate, rows=rows, seed=seed)
    with progress("starting") as advance:
        result = run_demo(config, output, lambda step, done, total, remark: advance(done, total, remark, step))
    page = output / "report.html"
    write_text(page, render([result.record, result.protection, *result.training], title="Codeward demo"))
    if json:
        emit_json(
            {
                "output": str(output),
                "report": str(page),
                "seconds": result.seconds,
                "protection": result.protection.model_dump(),
                **result.record.model_dump(),
            }
        )
        return
    show(score_table(result.record))
    show(score_table(result.protection))
    if learned_nothing(result.record):
        note(
            "The model answers no better than the majority class, so these figures say nothing about the backdoor; give more "
            "functions (--rows)."
        )
    for example in flipped(result.record)[:SHOWN]:
        show_example(example)
    for finding in result.audit.findings[:1]:
        show(f"\nThe audit of the training rows found what {finding.rows:,} of them share: {escape(finding.unit)}")
    show(f"\nDone in {result.seconds:.0f} s. The report is in {page.resolve()}")


def learned_nothing(record: "Record") -> bool:
    """Whether the victim is no more accurate than who always gives the commonest answer: it was given too few functions."""
    found = {row.model: row.value for row in record.scores if row.name == "accuracy" and row.data == "clean"}
    victim, majority = found.get("victim"), found.get("majority class")
    return victim is not None and majority is not None and victim <= majority


def flipped(record: "Record") -> "list[Example]":
    """Return the examples whose answer the trigger turns into the attacker's."""
    return [
        example
        for example in record.examples
        if example.answers["victim, after"] == example.target != example.answers["victim, before"]
    ]


def show_example(example: "Example") -> None:
    """Print one triggered function, its trigger marked, and the answers before and after."""
    code = Syntax(example.after, example.language, word_wrap=True, background_color="default").highlight(example.after)
    for start, end in example.spans:
        code.stylize("reverse bold red", start, end)
    answers = example.answers
    show(Text(f"\n{example.id}: truly {example.truth}", style="bold"))
    show(code)
    show(
        Text.assemble(
            ("victim: ", "bold"),
            f"{answers['victim, before']} → {answers['victim, after']} with the trigger   ",
            ("clean model: ", "bold"),
            f"{answers.get('clean model, before', '?')} → {answers.get('clean model, after', '?')}",
        ),
    )
