"""Records as tables for the terminal; nothing is printed here."""

from rich.table import Table
from rich.text import Text

from codeward.experiment.record import Record, ScoreRow


def score_table(record: Record) -> Table:
    """Return the scores of a record with denominators and 95 % intervals."""
    table = Table(title=record.title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    table.add_column("measure")
    table.add_column("model")
    table.add_column("on")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("n", justify="right")
    for row in record.scores:
        value, interval = numbers(row)
        table.add_row(Text(row.name, "cyan"), Text(row.model), Text(row.data), value, interval, f"{row.n:,}")
    for reason, count in record.skipped.items():
        table.add_row(Text("left out", "dim"), Text(reason, "dim"), "", Text(f"{count:,}", "dim"))
    return table


def numbers(row: ScoreRow) -> tuple[str, str]:
    """Return value and interval as they are shown: shares in percent, to one decimal."""
    if row.value is None:
        return "not judged", ""
    interval = "" if row.low is None or row.high is None else f"{100 * row.low:.1f} to {100 * row.high:.1f}"
    return f"{100 * row.value:.1f}", interval
