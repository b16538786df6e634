"""One self-contained HTML page from records: no scripts, fonts or images from elsewhere."""

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from codeward.experiment.record import Example, Record, Series
from codeward.report.terminal import numbers

WIDTH, HEIGHT = 360, 140


def render(records: Sequence[Record], *, title: str | None = None) -> str:
    """Return the page.

    Args:
        records: What to show, in their order; records with scores come before training curves.
        title: The page's title.
    """
    pages = Environment(loader=PackageLoader("codeward.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"marked": marked, "curve": curve, "numbers": numbers}
    template = pages.get_template("report.html")
    measured = [record for record in records if record.scores]
    trained = [record for record in records if record.series]
    summaries = [sentence for record in measured if (sentence := summary(record))]
    return template.render(
        title=title or "Codeward report", measured=measured, trained=trained, summaries=summaries, records=records
    )


def summary(record: Record) -> str | None:
    """Return in one sentence what an attack did; nothing for a record without one."""
    rates = {(row.model, row.data): row for row in record.scores if row.name == "asr" and row.value is not None}
    attacked = rates.get(("victim", "triggered"))
    if attacked is None:
        return None
    value = numbers(attacked)[0]
    text = f"{record.title}: the trigger gives the attacker's answer on {value} % of {attacked.n:,} inputs"
    floor, clean = rates.get(("victim", "untriggered")), rates.get(("clean model", "triggered"))
    if floor is not None:
        text += f"; without the trigger on {numbers(floor)[0]} %"
    if clean is not None:
        text += f"; a clean model on the same triggered inputs on {numbers(clean)[0]} %"
    return text + "."


def marked(example: Example) -> Markup:
    """Return an example's code with its trigger marked, escaped."""
    parts, position = [], 0
    for start, end in sorted(example.spans):
        parts += [escape(example.after[position:start]), Markup("<mark>%s</mark>") % example.after[start:end]]
        position = end
    return Markup("").join([*parts, escape(example.after[position:])])


def curve(series: Series) -> Markup:
    """Return a curve as an inline picture."""
    if not series.x:
        return Markup("")
    left, right, top = min(series.x), max(series.x), max(series.y) or 1.0
    across = (right - left) or 1.0
    points = " ".join(
        f"{(x - left) / across * WIDTH:.1f},{HEIGHT - y / top * HEIGHT:.1f}"
        for x, y in zip(series.x, series.y, strict=True)
    )
    label = f"{series.name}: from {series.y[0]:.3g} to {series.y[-1]:.3g}, {series.x_label} {left:g} to {right:g}"
    return Markup(
        '<figure><svg viewBox="-4 -4 {w} {h}" role="img" aria-label="{label}"><polyline points="{points}" fill="none" '
        'stroke="currentColor" stroke-width="2"/></svg><figcaption>{label}</figcaption></figure>'
    ).format(w=WIDTH + 8, h=HEIGHT + 8, label=label, points=points)
