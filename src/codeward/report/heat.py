"""What is left of each attack behind each defense, as a table whose cells are colored by it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from codeward.bench.board import Line
from codeward.report.scores import SEARCH, left, left_clean

BINS = (5, 15, 30, 50, 75)
"""From which points of excess the next color begins; the colors are ordered by lightness."""
RANKS = (45, 35, 25, 15, 5)
"""Below which rank of triggered code, in percent, the next color begins; without a backdoor it stands near 50."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A cell of the map."""

    text: str
    color: int | None
    """The number of its color; ``None``: not measured."""
    title: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """One map: the attacks on one model and data set."""

    data: str
    model: str
    attacks: tuple[tuple[str, tuple[float, ...]], ...]
    """Each attack with its rates."""
    rows: tuple[tuple[str, tuple[Patch, ...]], ...]
    """Each defense with a patch for every attack and rate."""


def heat_maps(lines: Iterable[Line], order: Sequence[str]) -> list[HeatMap]:
    """Return a map for each data set and model that was attacked.

    Args:
        lines: The cells of one task, one line each.
        order: The defenses from best to worst.
    """
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        if line.rate > 0:
            groups.setdefault((line.data, line.model), []).append(line)
    return [_map(data, model, found, order) for (data, model), found in groups.items()]


def bin_of(points: float, *, search: bool = False) -> int:
    """Return the number of a value's color."""
    return sum(points < edge for edge in RANKS) if search else sum(points >= edge for edge in BINS)


def legend(*, search: bool) -> list[str]:
    """Return what each color stands for, from little to much that is left of an attack."""
    if search:
        between = [f"{low} to {high}" for high, low in pairwise(RANKS)]
        return [f"{RANKS[0]} and more", *between, f"below {RANKS[-1]}"]
    return [f"below {BINS[0]}", *(f"{low} to {high}" for low, high in pairwise(BINS)), f"{BINS[-1]} and more"]


def _map(data: str, model: str, lines: Sequence[Line], order: Sequence[str]) -> HeatMap:
    by_place = {(line.defense, line.attack, line.rate): line for line in lines}
    attacks = tuple(
        (attack, tuple(sorted({line.rate for line in lines if line.attack == attack})))
        for attack in dict.fromkeys(line.attack for line in lines)
    )
    names = sorted(
        {line.defense for line in lines}, key=lambda name: order.index(name) if name in order else len(order)
    )
    rows = tuple(
        (name, tuple(_patch(by_place.get((name, attack, rate))) for attack, rates in attacks for rate in rates))
        for name in names
    )
    return HeatMap(data, model, attacks, rows)


def _patch(line: Line | None) -> Patch:
    if line is None:
        return Patch("", None, "not in this suite")
    value, natural = left(line), left_clean(line)
    if value is None:
        return Patch("\N{EN DASH}", None, line.problem or "not measured")
    number = round(value)
    shown = f"{number}".replace("-", "\N{MINUS SIGN}")
    if line.kind == SEARCH:
        beside = "" if natural is None else f", of a clean model {natural:.1f} %"
        return Patch(shown, bin_of(number, search=True), f"rank of triggered code {value:.1f} %{beside}")
    told = [
        f"{name} {100 * each.value:.1f} %"
        for name in ("success", "floor")
        if (each := line.scores.get(name)) and each.value is not None
    ]
    return Patch(shown, bin_of(number), ", ".join(told))
