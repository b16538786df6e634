"""``codeward purify``: stand before a model, find the trigger in each input and take it out."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import Json, LanguageName, Layout, TaskName, parse_settings

if TYPE_CHECKING:
    from codeward.experiment.calibration import Calibration
    from codeward.types import Sample
    from codeward.victims import Victim

NAME = "purify"
FOUND = 1
EXAMPLES = (
    "Examples:\n\n"
    "  codeward purify victim/ --data inputs.jsonl --calibration clean.jsonl -o purified.jsonl\n\n"
    "  codeward purify victim/ --data suspicious.c --diff   (with the calibration that lies beside the model)\n\n"
    "  cat f.py | codeward purify victim/ --data - --language python --sarif found.sarif\n\n"
    "  codeward purify victim/ --data inputs.jsonl --defense codepurify --set fills=8 --calibration clean.jsonl -o p.jsonl\n\n"
    "Exit code 1: something was found."
)


def run(
    model: Annotated[str, typer.Argument(help="Folder or hub name of the model.", metavar="MODEL")],
    data: Annotated[str, typer.Option("--data", help="A data set, a source file, or - for standard input.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON Lines with each purified row and what was done to it.")
    ] = None,
    defense: Annotated[
        str | None, typer.Option("--defense", help="The input defense; default: codepurify-plant, codepurify for text.")
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
    limit: Annotated[int, typer.Option("--calibration-limit", min=1, help="At most this many clean samples.")] = 500,
    split: Annotated[
        str | None, typer.Option("--split", help="The rows to purify; default: test, or the only one.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the findings as SARIF 2.1.0.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Print what was changed.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Load a model from a pickle, which can run any code.")
    ] = False,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    json: Json = False,
) -> int:
    """Purify inputs: find the element on which an answer suspiciously rests, and replace it; the rest is untouched."""
    from codeward.experiment.purifying import Summary, purify_file, purify_rows
    from codeward.files import write_text

    single = data == "-" or _is_source(Path(data))
    if not single and output is None:
        from codeward.errors import UsageError

        raise UsageError("a data set has many rows: name a file for them with -o")
    source = None if single else _open(data, layout, task, language)
    samples, total = _rows(data, language, source, split)
    victim = _load(model, task, allow_pickle, source)
    ready = _ready(model, victim, defense, parse_settings(settings), calibration, rate, limit, layout, language)
    with progress("purifying") as advance:
        if output is not None:
            summary = purify_file(
                samples,
                victim,
                ready,
                output,
                source=f"{Path(data).resolve()}:{split or ''}",
                total=total,
                progress=advance,
            )
            rows: Iterator[dict[str, Any]] = _read(output)
        else:
            found = list(purify_rows(samples, victim, ready))
            summary = Summary()
            for row in found:
                summary.add(row)
            rows = iter(found)
    kept = [row for row in rows if row["codeward"]["suspicious"]] if sarif or diff or single else []
    originals = _originals(data, language, source, split, {row["id"] for row in kept}) if kept else {}
    if sarif is not None:
        import json as codec

        write_text(sarif, codec.dumps(_sarif(kept, originals, ready.name, data, single), indent=1) + "\n")
    if json:
        emit_json(_summary(summary, ready, output))
    else:
        _tell(summary, ready, output, kept if diff or single else [], originals)
    return FOUND if summary.suspicious else 0


def _is_source(path: Path) -> bool:
    from codeward.code import language_of_file

    return path.is_file() and language_of_file(path) is not None


def _open(data: str, layout: str | None, task: str | None, language: str | None) -> Any:
    from codeward.data import open_data

    return open_data(data, layout=layout, task=task, language=language)


def _rows(data: str, language: str | None, source: Any, split: str | None) -> "tuple[Iterator[Sample], int | None]":
    """Return the inputs, streamed, and how many there are, if that is known."""
    if source is not None:
        from codeward.experiment.splits import test_split

        return source.read(split or test_split(source)), None
    return iter([_one(data, language)]), 1


def _one(data: str, language: str | None) -> "Sample":
    """Return a source file, or standard input, as a sample."""
    from codeward.code import check_language, language_of_file
    from codeward.errors import DataError, UsageError
    from codeward.types import Sample

    raw = sys.stdin.buffer.read() if data == "-" else Path(data).read_bytes()
    known = language or (None if data == "-" else language_of_file(data))
    if known is None:
        raise UsageError("nothing says which language standard input is in; give --language")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise DataError(f"{data}: the text is not UTF-8 (byte {problem.start}); convert it first") from None
    if not text.strip():
        raise DataError(f"{data}: the file is empty")
    return Sample("standard input" if data == "-" else data, text, None, check_language(known))


def _load(model: str, task: str | None, allow_pickle: bool, source: Any) -> "Victim":
    from codeward.tasks import tasks
    from codeward.victims import load

    name = task or (source.task if source is not None else None)
    return load(
        model,
        allow_pickle=allow_pickle,
        task=None if name is None else tasks.make(name),
        labels=() if source is None else source.labels,
    )


def _ready(
    model: str,
    victim: "Victim",
    defense: str | None,
    options: dict[str, object],
    clean: Path | None,
    rate: float | None,
    limit: int,
    layout: str | None,
    language: str | None,
) -> "Calibration":
    """Calibrate, and keep that beside the model; or take up the calibration that lies there."""
    from codeward.errors import UsageError
    from codeward.experiment.calibration import calibrate, load_calibration, place_of, save_calibration
    from codeward.experiment.guard import default_defense

    name = defense or default_defense(victim)
    place = place_of(model, name)
    if clean is None:
        if not place.is_file():
            raise UsageError(
                f"{name} has no threshold for this model yet; give a data set without triggers with --calibration"
            )
        if options:
            raise UsageError("--set changes the defense, so it has to be calibrated again; give --calibration, too")
        return load_calibration(place, victim)
    from codeward.experiment.splits import clean_samples

    given = {} if rate is None else {"false_positive_rate": rate}
    with progress("calibrating") as advance:
        ready = calibrate(
            name,
            options,
            clean_samples(clean, limit, layout, language),
            victim,
            progress=advance,
            **given,
        )
    if Path(model).is_dir():
        save_calibration(place, ready)
        note(f"The calibration is in {place}; the next run needs no --calibration.")
    return ready


def _read(path: Path) -> Iterator[dict[str, Any]]:
    import json as codec

    with path.open(encoding="utf-8", errors="surrogatepass") as file:
        for line in file:
            yield codec.loads(line)


def _originals(data: str, language: str | None, source: Any, split: str | None, ids: set[str]) -> "dict[str, Sample]":
    """Return the inputs of some ids as they came."""
    if source is None:
        return {} if data == "-" else {data: _one(data, language)}
    return {sample.id: sample for sample in _rows(data, language, source, split)[0] if sample.id in ids}


def _sarif(
    kept: list[dict[str, Any]], originals: "dict[str, Sample]", name: str, data: str, single: bool
) -> dict[str, Any]:
    from codeward.report.sarif import sarif, sarif_result

    rule = f"codeward/{name}"
    results = []
    for row in kept:
        for element in row["codeward"]["elements"][:1]:
            sample = originals.get(row["id"])
            text = sample.text(element["field"]) if sample is not None else row["code"]
            message = (
                f"The model's answer ({row['codeward']['before']}) rests on this {element['kind']} alone; "
                f"suspicion {row['codeward']['suspicion']:.3f} over {row['codeward']['threshold']:.3f}."
            )
            start, end = element["spans"][0]
            results.append(sarif_result(rule, message, data, text, start, end, "" if single else row["id"]))
    return sarif(rule, "A part of an input on which a model's answer rests as on a backdoor's trigger", results)


def _summary(summary: Any, ready: "Calibration", output: Path | None) -> dict[str, Any]:
    return {
        "rows": summary.rows,
        "suspicious": summary.suspicious,
        "changed": summary.changed,
        "answers_changed": summary.answers_changed,
        "unreadable": summary.unreadable,
        "suspects": [{"text": text, "rows": count} for text, count in summary.suspects.most_common(10)],
        "defense": ready.name,
        "threshold": ready.defense.threshold,
        "output": None if output is None else str(output),
    }


def _tell(
    summary: Any, ready: "Calibration", output: Path | None, kept: list[dict[str, Any]], originals: "dict[str, Sample]"
) -> None:
    from rich.markup import escape

    from codeward.experiment.purifying import diff_of

    for row in kept:
        sample = originals.get(row["id"])
        for field in dict.fromkeys(change["field"] for change in row["codeward"]["changes"]):
            after = row["code"] if field == "code" else row["context"][field]
            show(escape(diff_of(sample.text(field) if sample else "", after, row["id"])))
    where = "" if output is None else f"; {output} holds every row and what was done to it"
    show(
        f"{summary.suspicious:,} of {summary.rows:,} inputs are suspicious ({ready.name}, at {ready.false_positive_rate:.0%} "
        f"false alarms on {ready.samples:,} clean ones); {summary.changed:,} were changed, and {summary.answers_changed:,} "
        f"answers with them{escape(where)}."
    )
    for text, count in summary.suspects.most_common(3):
        if count > 1:
            show(f"  {count:,} times the answer rests on: {escape(' '.join(text.split())[:100])}")
    if summary.unreadable:
        note(f"{summary.unreadable:,} inputs could not be examined and were passed on as they came; see 'problem'.")
