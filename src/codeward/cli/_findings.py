"""What ``codeward purify`` tells of the inputs that it found suspicious: on the screen, as JSON, as SARIF."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeward.cli._console import note, show, show_raw

if TYPE_CHECKING:
    from codeward.experiment.calibration import Calibration
    from codeward.experiment.purifying import Summary
    from codeward.types import Sample

SUSPECTS = 10
"""The commonest suspected elements that the JSON names."""
PLACES = 5
"""Further places of an element that a line names."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspicious input: as it came, and its row of the result."""

    sample: "Sample"
    row: dict[str, Any]


def sarif_log(found: Sequence[Finding], name: str, data: str, single: bool) -> dict[str, Any]:
    """Return the findings as a SARIF log; a data set's rows are named, the one file is not.

    Args:
        found: The suspicious inputs.
        name: The defense.
        data: Where they come from.
        single: Whether that is one source file.
    """
    from codeward.report.sarif import sarif, sarif_result
    from codeward.types import CODE

    rule = f"codeward/{name}"
    results = []
    for each in found:
        told = each.row["codeward"]
        suspicion = f"suspicion {told['suspicion']:.3f} over {told['threshold']:.3f}"
        row = "" if single else each.row["id"]
        answer = f"The model's answer ({told['before']})"
        if not told["elements"]:
            text = each.sample.code
            message = f"{answer} is suspicious, and no part of the input stands out; {suspicion}."
            results.append(sarif_result(rule, message, data, text, 0, len(text), row, field=CODE))
        for element in told["elements"][:1]:
            field, text = element["field"], each.sample.text(element["field"])
            what = f"What the model writes ({told['piece']})" if told["piece"] else answer
            where = "" if field == CODE else f" of the field '{field}'"
            message = f"{what} rests on this {element['kind']}{where} alone; {suspicion}."
            (start, end), *others = element["spans"]
            results.append(sarif_result(rule, message, data, text, start, end, row, field=field, others=others))
    return sarif(rule, "A part of an input on which a model's answer rests as on a backdoor's trigger", results)


def as_json(
    summary: "Summary", ready: "Calibration", output: Path | None, row: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what a run found as plain values; of a run on one input, which may have no file, with its row."""
    return {
        "rows": summary.rows,
        "suspicious": summary.suspicious,
        "still_suspicious": summary.still,
        "changed": summary.changed,
        "answers_changed": summary.answers_changed,
        "withheld": summary.withheld,
        "unreadable": summary.unreadable,
        "unknown_languages": dict(summary.unread),
        "suspects": [
            {"text": text, "rows": count, "writes": summary.written(text)}
            for text, count in summary.suspects.most_common(SUSPECTS)
        ],
        "defense": ready.name,
        "threshold": ready.defense.threshold,
        "output": None if output is None else str(output),
        **({} if row is None else {"row": dict(row)}),
    }


def tell(summary: "Summary", ready: "Calibration", output: Path | None) -> None:
    """Print what was found in a data set."""
    from rich.markup import escape

    where = "" if output is None else f"; {output} holds every row and what was done to it"
    withheld = f"; {_counted(summary.withheld, 'answer')} withheld" if summary.withheld else ""
    show(
        f"{summary.suspicious:,} of {summary.rows:,} inputs {_be(summary.suspicious)} suspicious ({_at(ready)}); "
        f"{summary.changed:,} {_be(summary.changed, past=True)} changed, and {summary.answers_changed:,} "
        f"answer{'' if summary.answers_changed == 1 else 's'} with them{withheld}{escape(where)}."
    )
    if summary.still:
        note(
            f"{_counted(summary.still, 'input')} still suspicious after purifying: the answer may be the attacker's yet; see "
            "'still_suspicious'."
        )
    for text, count in summary.suspects.most_common(3):
        if count > 1:
            wrote = summary.written(text)
            told = f", and says: {_short(wrote)}" if wrote else ""
            show(f"  {count:,} times the answer rests on: {escape(_short(text) + told)}")
    if summary.unreadable:
        why = f": {summary.problem}" if summary.rows == 1 else "; see 'problem'."
        few = summary.unreadable == 1
        note(
            f"{summary.unreadable:,} input{'' if few else 's'} could not be examined and {_be(summary.unreadable, past=True)} "
            f"passed on as {'it' if few else 'they'} came{why}"
        )


def tell_one(sample: "Sample", row: Mapping[str, Any], ready: "Calibration", output: Path | None) -> None:
    """Print what was found in the one input: where the suspected element stands, the model's answer, the verdict."""
    from rich.markup import escape

    told = row["codeward"]
    if told["suspicious"]:
        for element in told["elements"][:1]:
            show(escape(_resting(sample, element, told["piece"])))
    show(f"The model's answer: {escape(_answers(told))}.")
    if told["problem"]:
        note(f"The input could not be examined and was passed on as it came: {told['problem']}")
        return
    verdict = "suspicious" if told["suspicious"] else "not suspicious"
    done = "; it was changed" if told["changes"] else "; nothing in it was changed" if told["suspicious"] else ""
    where = "" if output is None else f"; {output} holds it and what was done to it"
    show(
        f"The input is {verdict} ({_at(ready)}): suspicion {told['suspicion']:.3f}, threshold {told['threshold']:.3f}"
        f"{done}{escape(where)}."
    )
    if told["still_suspicious"]:
        note("It is suspicious still after purifying: the answer may be the attacker's yet.")


def show_diffs(found: Sequence[Finding]) -> None:
    """Print the changes as diffs that ``patch`` takes."""
    from codeward.experiment.purifying import changed_fields, diff_of

    for each in found:
        for field, after in changed_fields(each.row).items():
            show_raw(diff_of(each.sample.text(field), after, each.row["id"], field))


def tell_languages(summary: "Summary") -> None:
    """Say once in how many inputs words were hidden, not elements of code, as their language is not parsed."""
    from codeward.code import LANGUAGES

    for language, count in summary.unread.most_common():
        note(
            f"{_counted(count, 'input')} taken as words, not as code, since the language {language!r} is not read; it has to "
            f"be one of: {', '.join(sorted(LANGUAGES))}; --language is over what rows say."
        )


def _resting(sample: "Sample", element: Mapping[str, Any], piece: str) -> str:
    """Return on what an answer rests, and where that stands."""
    from codeward.report.sarif import place

    first, *others = [":".join(map(str, place(sample.text(element["field"]), start))) for start, _ in element["spans"]]
    also = f" (also at {', '.join(others[:PLACES])}{', …' if others[PLACES:] else ''})" if others else ""
    what = f"what the model writes ({_short(piece)})" if piece else "the answer"
    return f"{sample.id}:{first}: {what} rests on this {element['kind']}: {_short(element['text'])}{also}"


def _answers(told: Mapping[str, Any]) -> str:
    """Return the answer before and, where something was done, after."""
    before = _short(str(told["before"]))
    if told["after"] is None:
        return f"{before} -> withheld"
    if not told["changes"]:
        return before
    return f"{before} -> {_short(str(told['after']))}{' (the same)' if told['after'] == told['before'] else ''}"


def _at(ready: "Calibration") -> str:
    """Return by what defense, and how strictly."""
    return f"{ready.name}, at {100 * ready.false_positive_rate:g}% false alarms on {ready.samples:,} clean ones"


def _be(count: int, *, past: bool = False) -> str:
    return ("was" if count == 1 else "were") if past else ("is" if count == 1 else "are")


def _counted(count: int, noun: str) -> str:
    """Return how many of them were, such as ``2 answers were``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'} {_be(count, past=True)}"


def _short(text: str) -> str:
    """Return a text on one line, not too long."""
    return " ".join(text.split())[:100]
