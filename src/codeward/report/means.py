"""Means over the lines of a leaderboard's row, with what their intervals and their seeds say of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from codeward.bench.board import Line

Z = 1.959964
"""Half of an ordinary 95 % interval, in standard errors."""
MANY = 1e6
"""Degrees of freedom of what is not estimated from a few seeds."""
WHOLE = 100.0
"""Points: no interval is wider to one side, however little two seeds say."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over lines, in points."""

    value: float
    half: float | None = None
    """Half of its 95 % interval; ``None`` where a line has none."""


def mean_over(
    lines: Sequence[Line], of: Callable[[Line], float | None], names: Sequence[str], lowest: float = -math.inf
) -> Mean | None:
    """Return the mean over lines, each a cell and a seed; ``None`` where no line has a value.

    Cells count as independent. A cell's error is the larger of two: what its seeds say (Student's t), and what the intervals of
    its scores say, which seeds do not narrow, since their test rows may be the same.

    Args:
        lines: The lines.
        of: A line's value in points.
        names: The scores that it is made of.
        lowest: A cell below that counts as that.
    """
    value = weighted(cell_means(lines, of, lowest))
    if value is None:
        return None
    cells = _cells(lines, of)
    errors = [_error(cell, names) for cell in cells]
    known = [each for each in errors if each is not None]
    count = sum(map(len, cells))
    weights = [len(cell) / count for cell in cells]
    return Mean(value, _half(weights, known) if len(known) == len(errors) else None)


def cell_means(
    lines: Sequence[Line], of: Callable[[Line], float | None], lowest: float = -math.inf
) -> list[tuple[float, int]]:
    """Return for each cell the mean over its seeds, no lower than ``lowest``, and how many there are."""
    return [(max(lowest, mean(value for _, value in cell)), len(cell)) for cell in _cells(lines, of)]


def weighted(values: Sequence[tuple[float, int]]) -> float | None:
    """Return the mean of values with weights; ``None`` where there are none."""
    return sum(value * count for value, count in values) / sum(count for _, count in values) if values else None


def _cells(lines: Sequence[Line], of: Callable[[Line], float | None]) -> list[list[tuple[Line, float]]]:
    """Return the lines that have a value with it, by cell."""
    cells: dict[tuple[str, str, float], list[tuple[Line, float]]] = {}
    for line in lines:
        value = of(line)
        if value is not None:
            cells.setdefault(cell_of(line), []).append((line, value))
    return list(cells.values())


def cell_of(line: Line) -> tuple[str, str, float]:
    """Return what lines of a model behind a defense have in common that differ in the seed alone."""
    return line.data, line.attack, line.rate


def _error(cell: Sequence[tuple[Line, float]], names: Sequence[str]) -> tuple[float, float] | None:
    """Return the standard error of a cell's mean over seeds and its degrees of freedom."""
    own = [_own(line, names) for line, _ in cell]
    known = [each for each in own if each is not None]
    if len(known) < len(own):
        return None
    rows, values = mean(known), [value for _, value in cell]
    seeds = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return (seeds, len(values) - 1.0) if seeds > rows else (rows, MANY)


def _own(line: Line, names: Sequence[str]) -> float | None:
    """Return the standard error of one line, in points, by the intervals of its scores."""
    halves = []
    for figure in (line.scores[name] for name in names):
        if figure.low is None or figure.high is None:
            return None
        halves.append((figure.high - figure.low) / 2)
    return 100 * math.hypot(*halves) / Z


def _half(weights: Sequence[float], errors: Sequence[tuple[float, float]]) -> float:
    """Return half of the 95 % interval of a weighted mean; degrees of freedom are pooled (Welch and Satterthwaite)."""
    from scipy import stats

    variances = [((weight * error) ** 2, freedom) for weight, (error, freedom) in zip(weights, errors, strict=True)]
    total = sum(variance for variance, _ in variances)
    if not total:
        return 0.0
    pooled = total**2 / sum(variance**2 / freedom for variance, freedom in variances)
    return min(WHOLE, float(stats.t.ppf(0.975, pooled)) * math.sqrt(total))
