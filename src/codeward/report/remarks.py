"""What is said about cells in sentences: which are not measured and why, and which are far from the paper."""

from collections.abc import Iterable
from dataclasses import dataclass

from codeward.bench.board import Line
from codeward.report import wording
from codeward.report.cells import departing


@dataclass(frozen=True, slots=True)
class Departure:
    """Cells whose published figure is far from ours for one reason."""

    note: str
    cells: list[str]


def count_seeds(lines: Iterable[Line]) -> dict[tuple[str, ...], tuple[int, int]]:
    """Return for each cell over how many seeds it is measured, and how many there are."""
    counts: dict[tuple[str, ...], tuple[int, int]] = {}
    for line in lines:
        measured, planned = counts.get(line.group, (0, 0))
        counts[line.group] = measured + bool(line.scores), planned + 1
    return counts


def problems(lines: Iterable[Line]) -> dict[str, list[str]]:
    """Return why lines have no scores, most frequent first, each with the lines' names."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if not line.scores:
            seed = "" if line.seed is None else f", seed {line.seed}"
            found.setdefault(line.problem or "no reason is given", []).append(f"{name_of(line)}{seed}")
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def departures(lines: Iterable[Line]) -> list[Departure]:
    """Return the cells far from their published figure by their note; those without one come last."""
    found: dict[str, list[str]] = {}
    for line in lines:
        far = [each.score for each in line.published if departing(line, each)]
        if far:
            found.setdefault(line.note, []).append(f"{name_of(line)} ({', '.join(dict.fromkeys(far))})")
    return [Departure(note, cells) for note, cells in sorted(found.items(), key=lambda item: not item[0])]


def name_of(line: Line) -> str:
    """Return how a cell is called in a sentence."""
    attack = f"{line.attack} {wording.rate(line.rate)}" if line.rate else line.attack
    return f"{line.defense} against {attack} on {line.data}, {line.model}"
