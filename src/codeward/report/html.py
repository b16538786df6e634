"""One self-contained HTML page from records: no scripts, fonts or images from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codeward.experiment.record import Record, ScoreRow
from codeward.report import plots
from codeward.report.learning import comparisons
from codeward.report.pages import templates
from codeward.report.shades import shaded
from codeward.report.terminal import numbers
from codeward.report.titles import told_apart
from codeward.report.wording import counted, percent


@dataclass(frozen=True, slots=True)
class Overview:
    """One measured run in the table of all runs."""

    title: str
    anchor: str
    rates: tuple[ScoreRow | None, ...]
    """Success rate, floor and the clean model's rate."""
    defended: tuple[ScoreRow, ...]
    """The success rate behind each defense of the input."""
    utility: ScoreRow | None
    """The task's first metric on clean rows."""


def render(records: Sequence[Record], *, title: str | None = None) -> str:
    """Return the page.

    Args:
        records: What to show, in their order; records with scores come before curves of trainings and searches, and those of
            one title get what they differ in behind it.
        title: The page's title.
    """
    pages = templates()
    pages.filters |= {
        "counted": counted,
        "curve": plots.curve,
        "forest": plots.scores,
        "numbers": numbers,
        "percent": percent,
        "shaded": shaded,
        "pictured": pictured,
    }
    template = pages.get_template("report.html")
    records = told_apart(records)
    measured = [record for record in records if record.scores or record.verb in JUDGING]
    stepwise = [record for record in records if record.series]
    summaries = [sentence for record in measured if (sentence := summary(record))]
    return template.render(
        title=title or "Codeward report",
        measured=measured,
        stepwise=stepwise,
        compared=comparisons(records),
        summaries=summaries if len(measured) <= SENTENCES else [],
        overview=[overview(record, index) for index, record in enumerate(measured)] if len(measured) > 1 else [],
        records=records,
        pictured=any(record.pictures for record in records),
    )


JUDGING = ("audit", "purify")
"""Verbs whose records are shown without any score."""
SENTENCES = 3
"""With more runs than that the table says it better."""


def overview(record: Record, index: int) -> Overview:
    """Return a run's line in the table of all runs."""
    rates = _rates(record)
    wanted = (("victim", "triggered"), ("victim", "untriggered"), ("clean model", "triggered"))
    utility = next((row for row in record.scores if row.data == "clean" and row.model == "victim"), None)
    return Overview(record.title, f"run-{index}", tuple(rates.get(key) for key in wanted), _defended(rates), utility)


def summary(record: Record) -> str | None:
    """Return in one sentence what a scan found or what an attack did; nothing for a record without either."""
    if record.verb == "scan":
        found = f"{str(record.config['finding']).capitalize()}: {record.config['reason']}."
        share = record.config.get("p_value")
        return (
            found
            if share is None
            else f"{found} p = {share:.3f}, the share of known clean models as suspicious, this one counted in."
        )
    if record.verb == "audit":
        counts = record.counts
        return f"{record.title}: {counts['suspicious']:,} of {counts['rows']:,} rows are suspicious."
    if record.verb == "purify":
        counts = record.counts
        return (
            f"{record.title}: suspicious inputs {counts['suspicious']:,} of {counts['rows']:,}, changed {counts['changed']:,}, "
            f"answers changed {counts['answers changed']:,}"
            + "".join(
                f", {name} {counts[name]:,}" for name in ("suspicious still", "answers withheld") if counts.get(name)
            )
            + "."
        )
    rates = _rates(record)
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
    for row in _defended(rates):
        text += f"; with {row.model} before it on {numbers(row)[0]} %"
    return text + "."


def pictured(record: Record) -> str:
    """Return in one sentence which inputs the pictures show."""
    shown, found = len(record.pictures), record.counts["suspicious"]
    if not found:
        return "No input is suspicious; the one nearest to the threshold is shown."
    if shown < found:
        return f"The {shown:,} most suspicious of {found:,} suspicious inputs are shown."
    return "The suspicious input is shown." if found == 1 else f"All {found:,} suspicious inputs are shown."


def _defended(rates: Mapping[tuple[str, str], ScoreRow]) -> tuple[ScoreRow, ...]:
    models = ("victim", "clean model")
    return tuple(row for (model, data), row in rates.items() if data == "triggered" and model not in models)


def _rates(record: Record) -> dict[tuple[str, str], ScoreRow]:
    return {(row.model, row.data): row for row in record.scores if row.name == "asr" and row.value is not None}
