"""Where the command line prints: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Advance = Callable[..., None]


def out() -> Console:
    """Return the console for results; ``:smile:`` in them is no picture but somebody's code."""
    return Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Return the console for progress and notes."""
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=not sys.stderr.isatty())


def show(*renderables: RenderableType) -> None:
    """Print results."""
    out().print(*renderables)


def show_raw(text: str) -> None:
    """Print code to the letter: no markup, no folded lines, tabs and control characters as they are."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def note(text: str) -> None:
    """Print a plain remark on standard error."""
    err().print(escape(text))


def error(text: str) -> None:
    """Print what went wrong, as one sentence on standard error."""
    err().print(f"[bold red]error:[/] {escape(text)}")


def emit_json(value: Mapping[str, object]) -> None:
    """Print a result as JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


@contextmanager
def progress(label: str) -> Iterator[Advance]:
    """Show a progress bar on standard error, if that is a terminal; in a file it would leave an empty line.

    Yields:
        A function ``advance(done, total=None, text=None, label=label)`` that sets the bar.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(label), total=None)

        def advance(done: float, total: float | None = None, text: str | None = None, label: str = label) -> None:
            description = escape(f"{label} {text or ''}")
            bar.update(task, completed=done, total=total, description=description)

        yield advance
