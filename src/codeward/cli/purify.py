"""``codeward purify``: stand before a model, find the trigger in each input and take it out."""

import json as codec
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeward.cli._console import emit_json, note, progress
from codeward.cli._options import (
    Json,
    LanguageName,
    Layout,
    Pickle,
    TaskName,
    check_apart,
    check_file,
    check_pages,
    parse_settings,
)
from codeward.experiment.limits import CLEAN_LIMIT

if TYPE_CHECKING:
    from codeward.cli._findings import Finding
    from codeward.cli._inputs import Inputs
    from codeward.data import DataFolder
    from codeward.experiment.calibration import Calibration
    from codeward.experiment.purifying import Summary
    from codeward.victims import Victim

NAME = "purify"
FOUND, INCONCLUSIVE = 1, 3
REMEDY = "give a data set without triggers with --calibration"
OWN = "give --calibration with clean inputs of your own"
EXAMPLES = (
    "Examples:\n\n"
    "  codeward purify victim/ --data inputs.jsonl --calibration clean.jsonl -o purified.jsonl --html found.html\n\n"
    "  codeward purify victim/ --data suspicious.c --diff   # with the calibration that lies beside the model\n\n"
    "  cat f.py | codeward purify victim/ --data - --language python --sarif found.sarif\n\n"
    "  codeward purify victim/ --data inputs.jsonl --defense codepurify --set fills=8 --calibration clean.jsonl -o p.jsonl\n\n"
    "Exit code 0: nothing was found; 1: something was found; 3: nothing was found, but some inputs could not be examined."
)


def run(
    model: Annotated[str, typer.Argument(help="Folder or hub name of the model.", metavar="MODEL")],
    data: Annotated[str, typer.Option("--data", help="A data set, a source file, or - for standard input.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON Lines with each purified row and what was done to it.")
    ] = None,
    defense: Annotated[
        str | None, typer.Option("--defense", help="The input defense; default: codepurify-plant.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the defense.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="A data set without triggers, from which the threshold is set.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--false-positive-rate", help="Share of clean inputs that may be taken for suspicious; default: 0.05."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--calibration-limit", min=1, help="At most this many clean samples.")
    ] = CLEAN_LIMIT,
    split: Annotated[
        str | None, typer.Option("--split", help="The rows to purify; default: test, or the only one.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the findings as SARIF 2.1.0.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page that shows where the confidence rests, and the changes.")
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Print what was changed.")] = False,
    allow_pickle: Pickle = False,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    json: Json = False,
) -> int:
    """Purify inputs: find the element on which an answer suspiciously rests, and replace it; the rest is untouched."""
    from codeward.cli._findings import Finding, as_json, sarif_log, show_diffs, tell, tell_languages, tell_one
    from codeward.cli._inputs import Inputs
    from codeward.defenses.input import input_defenses
    from codeward.errors import UsageError
    from codeward.experiment.calibration import place_of
    from codeward.experiment.guard import default_defense
    from codeward.experiment.purifying import Rows, Summary, purify_file, purify_rows
    from codeward.files import write_text

    if defense is not None:
        input_defenses.get(defense)
    inputs = Inputs(data, model, layout, task, language, split)
    single = inputs.one is not None
    if not single and output is None:
        raise UsageError("a data set has many rows: name a file for them with -o")
    outputs = {"--output": output, "--html": html, "--sarif": sarif}
    _check_outputs(outputs, inputs, calibration)
    victim = _load(model, task, allow_pickle, inputs)
    if single and victim.task.kind == "pair":
        raise UsageError(f"{model} reads pairs of codes; give a data set of pairs, not one code")
    name = defense or default_defense(victim)
    clean = None if calibration is None else _opened(calibration, victim, layout, language)
    check_apart(outputs, [place_of(model, name), *(() if clean is None else clean.files)])
    ready = _ready(model, victim, name, parse_settings(settings), clean, rate, limit)
    begun = time.perf_counter()
    rows: Iterable[dict[str, Any]]
    with progress("purifying") as advance:
        if output is not None:
            source = f"{Path(data).resolve()}:{split or ''}"
            total = 1 if single else None
            summary = purify_file(inputs, victim, ready, output, source=source, total=total, progress=advance)
            rows = Rows(output)
        else:
            rows, summary = list(purify_rows(inputs, victim, ready)), Summary()
            for row in rows:
                summary.add(row)
    one = next(iter(rows)) if single else None
    kept: dict[int, dict[str, Any]] = {}
    if sarif is not None or diff or single:
        kept = {number: row for number, row in enumerate(rows) if row["codeward"]["suspicious"]}
    originals = inputs.at(set(kept))
    found = [Finding(originals[number], row) for number, row in kept.items()]
    if sarif is not None:
        write_text(sarif, codec.dumps(sarif_log(found, ready.name, data, single), indent=1) + "\n")
    if html is not None:
        _page(html, rows, inputs, summary, victim, ready, time.perf_counter() - begun)
    if json:
        emit_json({**as_json(summary, ready, output, one), "unchecked": summary.unchecked})
    else:
        show_diffs(_with_mark(found, inputs.mark) if diff or single else [])
        if inputs.one is not None and one is not None:
            tell_one(inputs.one, one, ready, output)
        else:
            tell(summary, ready, output)
    tell_languages(summary)
    _tell_unchecked(summary)
    if summary.suspicious:
        return FOUND
    return INCONCLUSIVE if summary.unreadable else 0


def _tell_unchecked(summary: "Summary") -> None:
    """Say of how many purified inputs nobody knows whether they are suspicious still."""
    if summary.unchecked:
        note(
            f"{summary.unchecked:,} of the inputs that were changed could not be examined again: {summary.problem_after}; see "
            "'problem_after'."
        )


def _with_mark(found: "Sequence[Finding]", mark: str) -> "list[Finding]":
    """Return findings with the byte order mark of the file that they are of: it is no code, but ``patch`` compares it."""
    from codeward.cli._findings import Finding
    from codeward.types import CODE

    if not mark:
        return list(found)
    return [
        Finding(each.sample.with_text(CODE, mark + each.sample.code), {**each.row, "code": mark + each.row["code"]})
        for each in found
    ]


def _check_outputs(outputs: dict[str, Path | None], inputs: "Inputs", clean: Path | None) -> None:
    """Refuse, before the work, outputs that cannot be written, or that would go over each other or over what is read."""
    from codeward.experiment.claiming import check_new

    check_pages(html=outputs["--html"], sarif=outputs["--sarif"])
    output = outputs["--output"]
    if output is not None:
        check_file(output)
        check_new(output)
    read = [Path(inputs.name)] if inputs.folder is None else [*inputs.folder.files, inputs.folder.path]
    check_apart(outputs, read if clean is None else [*read, clean])


def _opened(clean: Path, victim: "Victim", layout: str | None, language: str | None) -> "DataFolder":
    """Open the data set of the clean samples."""
    from codeward.data import open_data

    return open_data(clean, layout=layout, task=victim.task.name, language=language)


def _page(
    path: Path,
    rows: Iterable[dict[str, Any]],
    inputs: "Inputs",
    summary: "Summary",
    victim: "Victim",
    ready: "Calibration",
    seconds: float,
) -> None:
    """Write the page of the most suspicious inputs."""
    from codeward.experiment.picturing import choose, record_of
    from codeward.files import write_text
    from codeward.report.html import render

    chosen = choose(rows, summary)
    originals = inputs.at(set(chosen.rows))
    record = record_of(chosen, originals, summary, victim, ready, data=inputs.name, seconds=seconds)
    write_text(path, render([record], title=f"Purified: {inputs.name}"))


def _load(model: str, task: str | None, allow_pickle: bool, inputs: "Inputs") -> "Victim":
    from codeward.tasks import tasks
    from codeward.victims import load, made_for

    folder = inputs.folder
    name = task or (None if folder is None else folder.task)
    return load(
        model,
        allow_pickle=allow_pickle,
        task=None if name is None else tasks.make(name),
        labels=() if folder is None or made_for(model) is not None else folder.labels,
    )


def _ready(
    model: str,
    victim: "Victim",
    name: str,
    options: dict[str, object],
    clean: "DataFolder | None",
    rate: float | None,
    limit: int,
) -> "Calibration":
    """Calibrate, and keep that beside the model; or take up the calibration that lies there."""
    from codeward.errors import DataError
    from codeward.experiment.calibration import place_of, ready_for, save_calibration
    from codeward.experiment.splits import clean_of

    place = place_of(model, name)
    with progress("calibrating") as advance:
        ready = ready_for(
            victim,
            name,
            options,
            None if clean is None else clean_of(clean, limit),
            model=model,
            false_positive_rate=rate,
            remedy=REMEDY,
            progress=advance,
        )
    if clean is None:
        note(ready.taken_up(place, OWN))
    elif Path(model).is_dir():
        try:
            save_calibration(place, ready)
        except DataError as problem:  # a model that nobody may write beside is purified for all the same
            note(f"The calibration is not kept, and the next run needs --calibration again: {problem}")
        else:
            note(f"The calibration is in {place}; the next run needs no --calibration.")
    return ready
