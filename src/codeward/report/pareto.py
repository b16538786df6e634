"""The trade of utility against safety as an inline picture: one mark a defense, best at the lower left."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from codeward.report.ranking import Standing, front
from codeward.report.wording import MINUS, points

WIDTH, HEIGHT = 440, 330
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 12, 44
CHARACTER, LINE = 6.7, 15.0
"""Width of a character and height of a line of a label, about."""
STEPS = (1, 2, 5, 10, 20, 25, 50, 100)
SHAPES = {
    "none": "M-5,-5L5,5M5,-5L-5,5",
    "data": "M-5,-5H5V5H-5Z",
    "training": "M0,-6L6,5H-6Z",
    "model": "M0,-7L7,0L0,7L-7,0Z",
    "input": "M-5.5,0A5.5,5.5 0 1,0 5.5,0A5.5,5.5 0 1,0 -5.5,0Z",
}
"""A mark's outline by stage, so that color is not needed to tell them apart."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From points to places in the picture."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[int]:
        """Return about five round values."""
        low, high = sorted((self.low, self.high))
        step = next((each for each in STEPS if (high - low) / each <= 6), STEPS[-1])
        first = -int(-low // step) * step
        return [value for value in range(first - step, int(high) + step, step) if low <= value <= high]


AXES = {False: "excess of success, points", True: "rank of triggered code, %"}
UNITS = {False: "points of excess", True: "% is the rank of triggered code"}
"""By whether the model searches."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def pareto(standings: Sequence[Standing]) -> Markup:
    """Return the picture of one model; those without utility or rank are left out."""
    standings = [each for each in standings if each.rank is not None]
    shown = [(each, each.loss, each.left.value) for each in standings if each.loss is not None and each.left]
    if not shown:
        return Markup("")
    search = shown[0][0].search
    losses, left = [loss for _, loss, _ in shown], [value for *_, value in shown]
    pad = max(1.0, 0.06 * (max(losses) - min(*losses, 0.0)))
    across = Scale(min(*losses, 0.0) - pad, max(*losses, 5.0) + pad, LEFT, WIDTH - RIGHT)
    low, high = -2.0, max(*left, 10.0) * 1.05
    up = Scale(high, low, HEIGHT - BOTTOM, TOP) if search else Scale(low, high, HEIGHT - BOTTOM, TOP)
    places = [(each, across(loss), up(value)) for each, loss, value in shown]
    words = "Utility lost against what is left of the attack; the same figures stand in the table above"
    head = Markup('<svg class="pareto" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, words)
    return head + _axes(across, up, AXES[search]) + _front(standings, across, up) + _marks(places) + Markup("</svg>")


def _axes(across: Scale, up: Scale, words: str) -> Markup:
    parts = []
    for value in across.ticks():
        parts.append(
            Markup(
                '<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{end}"/>'
                '<text class="tick" x="{x}" y="{text}" text-anchor="middle">{value}</text>'
            ).format(x=_n(across(value)), top=TOP, end=HEIGHT - BOTTOM, text=HEIGHT - BOTTOM + 16, value=_tick(value))
        )
    for value in up.ticks():
        parts.append(
            Markup(
                '<line class="grid" x1="{left}" x2="{end}" y1="{y}" y2="{y}"/>'
                '<text class="tick" x="{before}" y="{text}" text-anchor="end">{value}</text>'
            ).format(
                left=LEFT,
                end=WIDTH - RIGHT,
                y=_n(up(value)),
                before=LEFT - 6,
                text=_n(up(value) + 4),
                value=_tick(value),
            )
        )
    parts.append(
        Markup(
            '<text x="{x}" y="{y}" text-anchor="end">utility lost, points</text>'
            '<text transform="translate(12 {top}) rotate(-90)" text-anchor="end">{words}</text>'
        ).format(x=WIDTH - RIGHT, y=HEIGHT - 8, top=TOP, words=words)
    )
    return Markup("").join(parts)


def _front(standings: Sequence[Standing], across: Scale, up: Scale) -> Markup:
    places = [
        (across(each.loss), up(each.left.value))
        for each in front(standings)
        if each.loss is not None and each.left is not None
    ]
    steps = [places[0], *(p for (_, y), (x, new) in pairwise(places) for p in ((x, y), (x, new)))]
    path = " ".join(f"{_n(x)},{_n(y)}" for x, y in steps)
    return Markup('<polyline class="front" points="{}"/>').format(path)


def _marks(places: Sequence[tuple[Standing, float, float]]) -> Markup:
    taken: list[Box] = [(x - 7, y - 7, x + 7, y + 7) for _, x, y in places]
    parts = []
    for standing, x, y in places:
        label = "no defense" if standing.stage == "none" else standing.defense
        box = _free(label, x, y, taken)
        taken.append(box)
        lost, left = points(standing.loss), points(standing.left.value if standing.left else None)
        parts.append(
            Markup(
                '<g class="stage-{stage}"><path transform="translate({x} {y})" d="{shape}">'
                "<title>{label}: {lost} points of utility lost, {left} {unit}</title></path>"
                '<text x="{tx}" y="{ty}">{label}</text></g>'
            ).format(
                stage=standing.stage if standing.stage in SHAPES else "none",
                x=_n(x),
                y=_n(y),
                shape=SHAPES.get(standing.stage, SHAPES["none"]),
                label=label,
                lost=lost,
                left=left,
                unit=UNITS[standing.search],
                tx=_n(box[0]),
                ty=_n(box[3] - 4),
            )
        )
    return Markup("").join(parts)


def _free(label: str, x: float, y: float, taken: Sequence[Box]) -> Box:
    """Return a place for a label beside its mark where nothing else stands, or the one with the least below it."""
    width = CHARACTER * len(label)
    spots = [
        (start, y + shift - LINE / 2)
        for shift in (0, -LINE, LINE, -1.7 * LINE, 1.7 * LINE, -2.6 * LINE, 2.6 * LINE)
        for start in (x + 9, x - 9 - width, x - width / 2)
    ]
    boxes = [(start, top, start + width, top + LINE) for start, top in spots]
    inside = [
        box for box in boxes if box[0] >= LEFT and box[2] <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT - BOTTOM + 4
    ]
    return min(inside or boxes, key=lambda box: sum(_overlap(box, other) for other in taken))


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across * down if across > 0 and down > 0 else 0.0


def _tick(value: int) -> str:
    return f"{MINUS}{-value}" if value < 0 else str(value)


def _n(value: float) -> str:
    return f"{value:.1f}"
