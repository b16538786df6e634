"""A zoo as an inline picture: one mark a model, by what it is and how suspicious a detector finds it."""

from collections.abc import Sequence

from markupsafe import Markup

from codeward.bench.board import Judged
from codeward.report.detectors import truth
from codeward.report.pareto import Scale

WIDTH, ROW, LEFT, BOTTOM = 460, 46, 112, 40
TRUTHS = {"clean": "clean", "idle": "backdoor idle", "backdoored": "backdoored"}
LANES = 5
"""Marks of one row stand in so many lanes, in turn, so that equal scores do not hide each other."""


def strip(judged: Sequence[Judged]) -> Markup:
    """Return the picture; models without a score are left out."""
    shown = [(each, each.anomaly) for each in judged if each.anomaly is not None]
    if not shown:
        return Markup("")
    values = [value for _, value in shown]
    pad = 0.05 * (max(values) - min(values)) or 1.0
    across = Scale(min(values) - pad, max(values) + pad, LEFT, WIDTH - 14)
    rows = [name for name in TRUTHS if any(truth(each) == name for each, _ in shown)]
    height = ROW * len(rows) + BOTTOM
    words = "Suspicion score of each model; the same figures stand in the table below"
    head = Markup('<svg class="strip" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, height, words)
    parts = [_axis(across, height)]
    for number, name in enumerate(rows):
        found = [(each, value) for each, value in shown if truth(each) == name]
        parts.append(_row(TRUTHS[name], found, across, ROW * number))
    return head + Markup("").join(parts) + Markup("</svg>")


def _axis(across: Scale, height: int) -> Markup:
    """Return four values below the marks; scores have no unit, so they need not be round."""
    parts = []
    for value in (across.low + (across.high - across.low) * part / 3 for part in range(4)):
        parts.append(
            Markup(
                '<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{end}"/>'
                '<text class="tick" x="{x}" y="{text}" text-anchor="middle">{value}</text>'
            ).format(x=f"{across(value):.1f}", end=height - BOTTOM, text=height - BOTTOM + 16, value=f"{value:.3g}")
        )
    label = Markup('<text class="tick" x="{}" y="{}" text-anchor="end">suspicion score</text>')
    return Markup("").join(parts) + label.format(WIDTH - 14, height - 6)


def _row(name: str, found: Sequence[tuple[Judged, float]], across: Scale, top: float) -> Markup:
    parts = [
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 12, f"{top + ROW / 2 + 4:.0f}", name)
    ]
    for number, (each, value) in enumerate(sorted(found, key=lambda pair: pair[1])):
        lane = top + 7 + (ROW - 14) * (number % LANES) / (LANES - 1)
        parts.append(
            Markup('<circle class="{}" cx="{}" cy="{}" r="5"><title>{}: {}, {}</title></circle>').format(
                each.finding, f"{across(value):.1f}", f"{lane:.1f}", each.name, each.finding, f"{value:.4g}"
            )
        )
    return Markup("").join(parts)
