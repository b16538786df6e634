"""``codeward audit``: which rows of a training set are poisoned, and why."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import (
    Data,
    Json,
    LanguageName,
    Layout,
    Overwrite,
    TaskName,
    check_apart,
    check_named,
    check_pages,
    parse_settings,
)

if TYPE_CHECKING:
    from codeward.data import DataFolder
    from codeward.defenses.data import Audit
    from codeward.types import Score

NAME = "audit"
FOUND = 1
DEFENSE = "association"
TOLD = 10
"""Suspected triggers in the table."""
EXAMPLES = (
    "Examples:\n\n"
    "  codeward audit train.jsonl -o cleaned.jsonl\n\n"
    "  codeward audit poisoned/ --clean trusted/ -o cleaned/ --sarif found.sarif --html found.html\n\n"
    "  codeward audit poisoned/ --defense killbadcode --clean trusted/\n\n"
    "  codeward audit poisoned/ --defense spectral --model victim/\n\n"
    "Exit code 1: something was found."
)


def run(
    data: Data,
    defense: Annotated[
        str, typer.Option("--defense", help="The data defense; see: codeward list data_defenses.")
    ] = DEFENSE,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the defense.")
    ] = None,
    clean: Annotated[
        Path | None, typer.Option("--clean", help="A data set without triggers, for the defenses that can use one.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="A model trained on the rows, for the defenses that need one.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="The rows to judge; default: train, or the only one.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The data set without the suspicious rows, in its own layout.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the suspicious rows as SARIF 2.1.0.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with the suspected triggers marked in the rows.")
    ] = None,
    processes: Annotated[
        int,
        typer.Option(
            "--processes", min=1, help="Processes that read rows, if no model is asked; the result is the same."
        ),
    ] = 1,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Judge every row of a training set: the suspected triggers, the rows that hold them, and the set without them."""
    from codeward.data import open_data
    from codeward.experiment.auditing import audit_split, record_of, run_key, write_cleaned
    from codeward.experiment.keeping import kept_beside
    from codeward.experiment.limits import TRUSTED_LIMIT
    from codeward.experiment.splits import clean_samples, training_split
    from codeward.files import write_text
    from codeward.report.html import render

    check_named(data, NAME)
    check_pages(html=html, sarif=sarif)
    source = open_data(data, layout=layout, task=task, language=language)
    chosen = split or training_split(source)
    source.check(chosen)
    _check_places(source, clean, output, html, sarif, overwrite)
    trusted = [] if clean is None else clean_samples(clean, TRUSTED_LIMIT, layout, language)
    victim = None if model is None else _load(model, source)
    options, begun = parse_settings(settings), time.perf_counter()
    key = run_key(source, chosen, defense, options, victim, trusted)
    with kept_beside(output or sarif or html, key) as memory:
        with progress("auditing") as advance:
            audit, scores = audit_split(
                source,
                chosen,
                defense,
                options,
                victim=victim,
                clean=trusted,
                progress=lambda what, done: advance(done, None, what),
                memory=memory,
                processes=processes,
            )
        rows = _tell_rows(source, chosen, audit, sarif, defense) if sarif is not None or json else []
        if html is not None:
            seconds = time.perf_counter() - begun
            record = record_of(source, chosen, audit, scores, defense=defense, options=options, seconds=seconds)
            write_text(html, render([record], title=f"Audit of {data}"))
        place = None
        if output is not None:
            place, why = write_cleaned(source, chosen, audit, output, overwrite=overwrite)
            note(f"{place} holds the data set without the suspicious rows{_instead(source, why)}.")
    found = sum(verdict.suspicious for verdict in audit.verdicts)
    if json:
        about = {"data": str(data), "split": chosen, "defense": defense, "labels": list(source.labels)}
        emit_json({**about, "output": place and str(place), **_as_json(audit, found, scores), "verdicts": rows})
    else:
        _tell(audit, found, source, scores)
    return FOUND if found else 0


def _as_json(audit: "Audit", found: int, scores: "list[Score]") -> dict[str, Any]:
    """Return what was found as plain values."""
    return {
        "rows": len(audit.verdicts),
        "suspicious": found,
        "findings": [
            {"unit": each.unit, "score": each.score, "rows": each.rows, "targets": list(each.targets)}
            for each in audit.findings
        ],
        "measured": {score.name: {"value": score.value, "n": score.n} for score in scores},
        "notes": list(audit.notes),
    }


def _check_places(
    source: "DataFolder",
    clean: Path | None,
    output: Path | None,
    html: Path | None,
    sarif: Path | None,
    overwrite: bool,
) -> None:
    """Refuse, before the work, outputs that cannot be written, or that would go over each other or over what is read."""
    from codeward.experiment.auditing import check_cleaned

    cleaned = None if output is None else check_cleaned(source, output, overwrite=overwrite)
    check_apart({"--output": cleaned, "--html": html, "--sarif": sarif})
    trusted = [] if clean is None else [clean]
    check_apart({"--html": html, "--sarif": sarif}, [*source.files, source.path, *trusted])
    check_apart({"--output": cleaned}, trusted)


def _instead(source: "DataFolder", why: str) -> str:
    """Return what to say of a data set that is not written as it was read; a folder of Codeward's layout stays one."""
    same = source.layout == "codeward" and source.path.is_dir()
    return f", as a folder of Codeward's layout, since {why}" if why and not same else ""


def _load(model: str, source: "DataFolder") -> Any:
    from codeward.tasks import tasks
    from codeward.victims import load

    return load(model, task=tasks.make(source.task), labels=source.labels)


def _tell_rows(
    source: "DataFolder", split: str, audit: "Audit", sarif: Path | None, defense: str
) -> list[dict[str, Any]]:
    """Return the suspicious rows as plain values, and write them as SARIF where that is asked for."""
    import json as codec

    from codeward.experiment.auditing import suspicious_rows
    from codeward.files import write_text
    from codeward.report import sarif as form

    rule, results, rows = f"codeward/{defense}", [], []
    for stored, sample, row in suspicious_rows(source, split, audit):
        rows.append(row)
        for each in row["evidence"][:1] or [{"unit": "the row", "field": "code", "span": [0, 0]}]:
            message = f"This row looks poisoned: {each['unit']} convicts it (score {row['score']:.2f})."
            start, end = each["span"]
            text = sample.text(each["field"])
            result = form.sarif_result(rule, message, stored.file, text, start, end, sample.id, field=each["field"])
            if stored.unit == "line":
                result["locations"][0]["physicalLocation"]["region"] = {"startLine": stored.number}
            results.append(result)
    if sarif is not None:
        page = form.sarif(rule, "A row of a training set that looks poisoned", results)
        write_text(sarif, codec.dumps(page, indent=1) + "\n")
    return rows


def _tell(audit: "Audit", found: int, source: "DataFolder", scores: "list[Score]") -> None:
    share = found / max(len(audit.verdicts), 1)
    if audit.findings and found:
        show(_table(audit, source))
    show(f"{found:,} of {len(audit.verdicts):,} rows are suspicious ({share:.1%}).")
    if scores:
        told = ", ".join(f"{score.name} {score.value:.3f}" for score in scores if score.value is not None)
        show(f"The rows carry their provenance, which the defense did not see; against it: {told}.")
    for text in audit.notes:
        note(f"Note: {text}.")


def _table(audit: "Audit", source: "DataFolder") -> Table:
    table = Table(title="suspected triggers", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    table.add_column("what the rows have in common")
    table.add_column("rows", justify="right")
    table.add_column("their targets")
    table.add_column("score", justify="right")
    for each in audit.findings[:TOLD]:
        targets = ", ".join(f"{_named(target, source)} ({count:,})" for target, count in each.targets)
        table.add_row(Text(each.unit, "cyan"), f"{each.rows:,}", Text(targets), f"{each.score:.1f}")
    if len(audit.findings) > TOLD:
        table.add_row(Text(f"and {len(audit.findings) - TOLD:,} more", "dim"), "", "", "")
    return table


def _named(target: object, source: "DataFolder") -> str:
    if isinstance(target, int) and 0 <= target < len(source.labels):
        return source.labels[target]
    return "none" if target is None else str(target).replace("\n", " ")
