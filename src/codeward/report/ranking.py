"""Who stands where: the defenses of each model, as means over the lines that all ranked ones share, in points."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from codeward.bench.board import Line
from codeward.report.coverage import shared_lines
from codeward.report.means import Mean, cell_means, cell_of, mean_over, weighted
from codeward.report.scores import SEARCH, change, left, left_clean, measured

UNDEFENDED = "none"
"""The stage of what has no defense."""
COSTLY = 5.0
"""A defense that costs more points of utility than that stands after those that cost less."""

Key = tuple[str, str, float, int | None]
"""A line of a model behind a defense: data, attack, rate and seed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A defense on a model."""

    defense: str
    stage: str
    model: str
    search: bool
    """Whether the model searches: what is left of an attack is then a rank, of which more is better."""
    utility: Mean | None
    """Utility behind the defense minus the clean model's."""
    left: Mean | None
    """What is left of the attack: the excess, where a cell below zero counts as zero, or the rank of triggered code."""
    worst: float | None
    """That of the cell where the attack does best."""
    undefended: float | None
    """That of the undefended victim on the same lines."""
    clean: float | None
    """That of a clean model on the same lines, where it was measured: what the trigger does without a backdoor."""
    lines: int
    """On how many lines it stands: those that all ranked rows share, or all its own where it has no rank."""
    all_lines: int
    """How many attacked lines the board has for the model."""
    fpr: float | None
    """Of clean inputs, in percent."""
    once: float | None
    """Seconds that the defense takes once."""
    training: float | None
    """Seconds of the training that it takes part in."""
    each: float | None
    """Milliseconds for each clean input."""
    rank: int | None = None
    """Its place; rows that do as well share one. ``None``: it does not cover the lines that the others share."""

    @property
    def usable(self) -> bool:
        """Whether it keeps the utility, nearly."""
        return self.utility is not None and self.utility.value >= -COSTLY

    @property
    def loss(self) -> float | None:
        """Points of utility lost against the clean model."""
        return None if self.utility is None else -self.utility.value

    @property
    def danger(self) -> float | None:
        """What is left of the attack, so that less is better for every kind of task."""
        return None if self.left is None else -self.left.value if self.search else self.left.value


def rank(lines: Iterable[Line]) -> dict[str, list[Standing]]:
    """Return the standings of each task, model by model, best first.

    The rows of a model are ranked on the lines that all ranked ones share, so that no defense gains by cells or seeds that
    it was not measured on. First come those that lose at most ``COSTLY`` points of utility; then the least that is left of the attack
    is best, then the most utility (both to a tenth of a point). Rows that do not cover the shared lines stand below, on
    their own lines; what has nothing measured comes last.

    Args:
        lines: All lines of the board, each a cell and a seed.
    """
    tasks: dict[str, dict[str, list[Line]]] = {}
    for line in lines:
        tasks.setdefault(line.task, {}).setdefault(line.model, []).append(line)
    return {task: [each for found in models.values() for each in _ranked(found)] for task, models in tasks.items()}


def front(standings: Sequence[Standing]) -> list[Standing]:
    """Return those ranked ones that no other beats in both utility and what is left of the attack, by utility lost."""
    shown = [each for each in standings if each.rank is not None and each.loss is not None]
    return sorted((each for each in shown if not any(_beats(other, each) for other in shown)), key=_place)


def _ranked(lines: Sequence[Line]) -> list[Standing]:
    """Return the standings of one model."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.defense, line.stage), []).append(line)
    covers = {name: frozenset(_key(line) for line in _attacked(group)) for name, group in groups.items()}
    plain = [name for name in groups if name[1] == UNDEFENDED]
    ranked, shared = shared_lines(covers, plain)
    victim = [line for name in plain for line in _attacked(groups[name])]
    total = len({_key(line) for line in lines if line.rate > 0})
    found: dict[bool, list[Standing]] = {True: [], False: []}
    for name, group in groups.items():
        chosen = shared if name in ranked else covers[name]
        found[name in ranked].append(_standing(group, chosen, victim, total))
    return [*_numbered(sorted(found[True], key=_order)), *sorted(found[False], key=_order)]


def _numbered(standings: Sequence[Standing]) -> list[Standing]:
    """Give places; the next after a shared one is left out."""
    numbered: list[Standing] = []
    for _, equal in groupby(standings, key=lambda each: _order(each)[:4]):
        place = len(numbered) + 1
        numbered += [replace(each, rank=place) for each in equal]
    return numbered


def _standing(group: Sequence[Line], chosen: frozenset[Key], victim: Sequence[Line], total: int) -> Standing:
    attacked = [line for line in _attacked(group) if _key(line) in chosen]
    first, rows = group[0], attacked or group
    search, lowest = first.kind == SEARCH, -math.inf if first.kind == SEARCH else 0.0
    cells = [value for value, _ in cell_means(attacked, left, lowest)]
    undefended = cell_means([line for line in victim if _key(line) in chosen], left, lowest)
    shares = [
        (100 * figure.value, 1) for line in rows if (figure := line.scores.get("fpr")) and figure.value is not None
    ]
    return Standing(
        defense=first.defense,
        stage=first.stage,
        model=first.model,
        search=search,
        utility=mean_over(rows, change, ("utility", "clean utility")),
        left=mean_over(attacked, left, measured(first.kind), lowest),
        worst=(min if search else max)(cells, default=None),
        undefended=weighted(undefended),
        clean=weighted(cell_means(attacked, left_clean, lowest)),
        lines=len(attacked),
        all_lines=total,
        fpr=weighted(shares),
        once=_seconds(rows, "defense"),
        training=_seconds(rows, "training"),
        each=_seconds(rows, "input", 1000.0),
    )


def _attacked(lines: Sequence[Line]) -> list[Line]:
    """Return the lines in which an attack is measured."""
    return [line for line in lines if left(line) is not None]


def _seconds(lines: Sequence[Line], name: str, factor: float = 1.0) -> float | None:
    return weighted([(factor * line.seconds[name], 1) for line in lines if name in line.seconds])


def _key(line: Line) -> Key:
    return *cell_of(line), line.seed


def _order(standing: Standing) -> tuple[bool, bool, float, float, str]:
    kept = round(standing.utility.value, 1) if standing.utility else 0.0
    return standing.left is None, not standing.usable, round(standing.danger or 0.0, 1), -kept, standing.defense


def _place(standing: Standing) -> tuple[float, float]:
    return standing.loss or 0.0, standing.danger or 0.0


def _beats(one: Standing, other: Standing) -> bool:
    first, second = _place(one), _place(other)
    return first != second and first[0] <= second[0] and first[1] <= second[1]
