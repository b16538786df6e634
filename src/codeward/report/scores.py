"""What is left of an attack, in points: one place decides what counts for each kind of task."""

from collections.abc import Mapping

from codeward.bench.board import Figure, Judged, Line

GENERATED, SEARCH = "generation", "retrieval"
"""Kinds of tasks: in the first a success is counted above the floor already, in the second it is a rank."""


def excess(cell: Line | Judged) -> float | None:
    """Return by how much the trigger succeeds above the floor, in points: success minus floor.

    For generated text it is the success itself, which leaves out rows whose payload stands in the answer without the trigger
    anyway (``codeward.experiment.measure``). Behind an input defense the floor is that of the undefended model.
    """
    return _difference(cell.scores, *parts(cell.kind))


def natural(line: Line) -> float | None:
    """Return the excess of a clean model in a cell, in points: what the trigger does without a backdoor."""
    return _difference(line.scores, *(f"clean {part}" for part in parts(line.kind)))


def change(line: Line) -> float | None:
    """Return the utility minus the clean model's of a cell, in points; more is better whatever the metric."""
    found = _difference(line.scores, "utility", "clean utility")
    return -found if found is not None and not line.scores["utility"].higher_is_better else found


def left(line: Line) -> float | None:
    """Return what a cell is ranked by: the excess, or for search the rank of triggered code (ANR) in percent, where more is better."""
    return _difference(line.scores, *measured(line.kind)) if line.kind == SEARCH else excess(line)


def left_clean(line: Line) -> float | None:
    """Return the same of a clean model."""
    return _difference(line.scores, "clean anr") if line.kind == SEARCH else natural(line)


def parts(kind: str) -> tuple[str, ...]:
    """Return the scores that make the excess, the second subtracted from the first."""
    return ("success",) if kind == GENERATED else ("success", "floor")


def measured(kind: str) -> tuple[str, ...]:
    """Return the scores that make what a cell is ranked by."""
    return ("anr",) if kind == SEARCH else parts(kind)


def _difference(scores: Mapping[str, Figure], *names: str) -> float | None:
    values = [scores[name].value if name in scores else None for name in names]
    known = [value for value in values if value is not None]
    return 100 * (known[0] - sum(known[1:])) if len(known) == len(values) else None
