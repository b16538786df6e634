"""Records as tables for the terminal; nothing is printed here."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from codeward.experiment.record import Record, ScoreRow


def score_table(record: Record) -> Group:
    """Return the scores of a record with denominators and 95 % intervals, and below how many rows were left out and why."""
    return Group(_scores(record), _left_out(record)) if record.skipped else Group(_scores(record))


def _scores(record: Record) -> Table:
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
    return table


def _left_out(record: Record) -> Table:
    """Return the counts in a table of their own: in the scores' one they would stand in a column of shares."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, style="dim")
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    for reason, count in record.skipped.items():
        table.add_row("left out", f"{count:,}", Text(reason))
    return table


def numbers(row: ScoreRow) -> tuple[str, str]:
    """Return value and interval as they are shown: shares in percent, to one decimal."""
    if row.value is None:
        return "not judged", ""
    interval = "" if row.low is None or row.high is None else f"{100 * row.low:.1f} to {100 * row.high:.1f}"
    return f"{100 * row.value:.1f}", interval
