"""Plots as inline pictures (SVG) that need nothing from elsewhere and follow the page's colors."""

from collections.abc import Sequence

from markupsafe import Markup

from codeward.experiment.record import ScoreRow, Series

WIDTH, HEIGHT = 360, 150
LEFT, BOTTOM = 62, 30
ROW, LEFT_OF_SCORES, SPAN = 26, 210, 330
CHARACTER = 6.6
"""Width of a character of a label, about."""


def scores(rows: Sequence[ScoreRow]) -> Markup:
    """Return shares as points on one axis from 0 to 100 %, each with its 95 % interval."""
    shown = [row for row in rows if row.value is not None]
    if not shown:
        return Markup("")
    height = ROW * len(shown) + BOTTOM
    labels = [f"{row.name}, {row.model}, {row.data}" for row in shown]
    left = max(LEFT_OF_SCORES, int(CHARACTER * max(map(len, labels))) + 12)
    parts = [_grid(height - BOTTOM, left)]
    for index, (row, words) in enumerate(zip(shown, labels, strict=True)):
        y = ROW * index + ROW / 2
        value = float(row.value or 0)
        low, high = (value if row.low is None else row.low), (value if row.high is None else row.high)
        parts.append(
            Markup(
                '<g class="{kind}"><text x="{left}" y="{text}" text-anchor="end">{words}</text>'
                '<line x1="{x1}" x2="{x2}" y1="{y}" y2="{y}"/><circle cx="{cx}" cy="{y}" r="4.5">'
                "<title>{words}: {value} % ({low} to {high}), n = {n}</title></circle></g>"
            ).format(
                kind="attack" if row.name.startswith("asr") and row.data == "triggered" else "other",
                left=left - 12,
                text=f"{y + 4:.0f}",
                words=words,
                x1=f"{left + SPAN * low:.1f}",
                x2=f"{left + SPAN * high:.1f}",
                cx=f"{left + SPAN * value:.1f}",
                y=f"{y:.0f}",
                value=f"{100 * value:.1f}",
                low=f"{100 * low:.1f}",
                high=f"{100 * high:.1f}",
                n=row.n,
            )
        )
    words = "Scores with 95 % intervals; the same figures stand in the table"
    picture = Markup(
        '<svg class="scores" style="width: {w}px" viewBox="0 0 {w} {h}" role="img" aria-label="{words}">'
    ).format(w=left + SPAN + 20, h=height, words=words)
    return Markup('<div class="scroll">') + picture + Markup("").join(parts) + Markup("</svg></div>")


def _grid(height: float, left: int) -> Markup:
    parts = []
    for share in (0, 25, 50, 75, 100):
        x = left + SPAN * share / 100
        parts.append(
            Markup(
                '<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{h}"/><text class="tick" x="{x}" y="{t}" '
                'text-anchor="middle">{share} %</text>'
            ).format(x=f"{x:.1f}", h=height, t=height + 18, share=share)
        )
    return Markup("").join(parts)


def curve(series: Series) -> Markup:
    """Return a curve with the ends of its axes; its name and both ends stand below it."""
    if not series.x:
        return Markup("")
    left, right, top = min(series.x), max(series.x), max([*series.y, 0.0]) or 1.0
    across = (right - left) or 1.0
    points = [
        (f"{LEFT + (x - left) / across * (WIDTH - LEFT):.1f}", f"{HEIGHT - y / top * HEIGHT:.1f}")
        for x, y in zip(series.x, series.y, strict=True)
    ]
    if len(points) == 1:
        line = Markup('<circle cx="{}" cy="{}" r="3"/>').format(*points[0])
    else:
        line = Markup('<polyline points="{}"/>').format(" ".join(map(",".join, points)))
    words = f"{series.name}: from {series.y[0]:.3g} to {series.y[-1]:.3g}"
    return Markup(
        '<figure><svg class="curve" viewBox="0 -8 {w} {h}" role="img" aria-label="{words}">'
        '<line class="grid" x1="{left}" x2="{left}" y1="0" y2="{bottom}"/>'
        '<line class="grid" x1="{left}" x2="{w0}" y1="{bottom}" y2="{bottom}"/>'
        '<text class="tick" x="{before}" y="6" text-anchor="end">{top}</text>'
        '<text class="tick" x="{before}" y="{bottom}" text-anchor="end">0</text>'
        '<text class="tick" x="{left}" y="{under}">{start}</text>'
        '<text class="tick" x="{w0}" y="{under}" text-anchor="end">{across} {end}</text>'
        "{line}</svg><figcaption>{words}</figcaption></figure>"
    ).format(
        w=WIDTH + 4,
        w0=WIDTH,
        h=HEIGHT + BOTTOM,
        words=words,
        left=LEFT,
        before=LEFT - 6,
        bottom=HEIGHT,
        under=HEIGHT + 16,
        top=f"{top:.3g}",
        start=f"{left:g}",
        across=series.x_label,
        end=f"{right:g}",
        line=line,
    )
