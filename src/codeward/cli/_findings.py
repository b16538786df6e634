"""What ``codeward purify`` tells of the inputs that it found suspicious: on the screen, as JSON, as SARIF."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeward.cli._console import note, show

if TYPE_CHECKING:
    from codeward.experiment.calibration import Calibration
    from codeward.experiment.purifying import Summary
    from codeward.types import Sample

SUSPECTS = 10
"""The commonest suspected elements that the JSON names."""


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
            results.append(sarif_result(rule, message, data, text, 0, len(text), row))
        for element in told["elements"][:1]:
            what = f"What the model writes ({told['piece']})" if told["piece"] else answer
            where = "" if element["field"] == CODE else f" of the field '{element['field']}'"
            message = f"{what} rests on this {element['kind']}{where} alone; {suspicion}."
            start, end = element["spans"][0]
            results.append(sarif_result(rule, message, data, each.sample.text(element["field"]), start, end, row))
    return sarif(rule, "A part of an input on which a model's answer rests as on a backdoor's trigger", results)


def as_json(summary: "Summary", ready: "Calibration", output: Path | None) -> dict[str, Any]:
    """Return what a run found as plain values."""
    return {
        "rows": summary.rows,
        "suspicious": summary.suspicious,
        "changed": summary.changed,
        "answers_changed": summary.answers_changed,
        "withheld": summary.withheld,
        "unreadable": summary.unreadable,
        "suspects": [
            {"text": text, "rows": count, "writes": summary.written(text)}
            for text, count in summary.suspects.most_common(SUSPECTS)
        ],
        "defense": ready.name,
        "threshold": ready.defense.threshold,
        "output": None if output is None else str(output),
    }


def tell(summary: "Summary", ready: "Calibration", output: Path | None, found: Sequence[Finding]) -> None:
    """Print what was found, the changes as diffs first."""
    from rich.markup import escape

    from codeward.experiment.purifying import changed_fields, diff_of

    for each in found:
        for field, after in changed_fields(each.row).items():
            show(escape(diff_of(each.sample.text(field), after, each.row["id"], field)))
    where = "" if output is None else f"; {output} holds every row and what was done to it"
    show(
        f"{summary.suspicious:,} of {summary.rows:,} inputs are suspicious ({ready.name}, at {ready.false_positive_rate:.0%} "
        f"false alarms on {ready.samples:,} clean ones); {summary.changed:,} were changed, and {summary.answers_changed:,} "
        f"answers with them{f'; {summary.withheld:,} answers were withheld' if summary.withheld else ''}{escape(where)}."
    )
    for text, count in summary.suspects.most_common(3):
        if count > 1:
            wrote = summary.written(text)
            told = f", and says: {_short(wrote)}" if wrote else ""
            show(f"  {count:,} times the answer rests on: {escape(_short(text) + told)}")
    if summary.unreadable:
        why = f": {summary.problem}" if summary.rows == 1 else "; see 'problem'."
        note(f"{summary.unreadable:,} inputs could not be examined and were passed on as they came{why}")


def _short(text: str) -> str:
    """Return a text on one line, not too long."""
    return " ".join(text.split())[:100]
