"""``codeward bench``: a grid of attacks and defenses, measured side by side; resumable, on one machine or many."""

import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from codeward.cli._console import emit_json, note, show
from codeward.cli._options import Json
from codeward.errors import DataError, UnknownNameError, UsageError
from codeward.report.wording import counted

if TYPE_CHECKING:
    from codeward.bench.board import Board, Judged, Line
    from codeward.bench.executors import Executor
    from codeward.bench.graph import Graph
    from codeward.bench.step import Step
    from codeward.bench.store import Done, Store
    from codeward.bench.suite import Suite

NAME = "bench"
EXAMPLES = (
    "Examples:\n\n"
    "  codeward bench quick -o bench/\n\n"
    "  codeward bench codepurify --data ~/data --only data=defect-detection-c --only rate=0.05 -o table-2/\n\n"
    "  codeward bench mine.toml --executor ray --address ray://head:10001 -o /shared/bench/\n\n"
    "  codeward report bench/ -o bench.html"
)
STORE = "store"
NOTHING, FAILED = 3, 4
FILTERS = ("data", "model", "attack", "rate", "defense", "stage", "seed")


def run(
    suite: Annotated[
        str, typer.Argument(help="quick, codepurify, elibadcode, dece, zoo, all, or a TOML file of your own.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the board and all results; --dry-run needs none."),
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="The folder below which the suite's data sets lie.")] = Path(),
    seeds: Annotated[
        list[int] | None, typer.Option("--seed", help="Instead of the suite's seeds; several times.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="KEY=VALUE", help=f"Measure only these cells: {', '.join(FILTERS)}."),
    ] = None,
    executor: Annotated[str, typer.Option("--executor", help="local or ray.")] = "local",
    address: Annotated[str, typer.Option("--address", help="Of the Ray cluster; local starts one here.")] = "auto",
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Steps side by side; 0: as many as processors and memory allow.")
    ] = 0,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Processor threads of each step.")] = 1,
    store: Annotated[
        Path | None, typer.Option("--store", help="Where steps are kept; default: in the output folder.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0, help="After so many begin no further step; the same command goes on."),
    ] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    json: Json = False,
) -> None:
    """Measure a suite: every defense against every attack, each step once; stopped at any point, it goes on."""
    from codeward.bench.executors import check_executor
    from codeward.bench.plan import plan
    from codeward.bench.reading import read_suite
    from codeward.bench.store import Store

    check_executor(executor, workers=workers, address=address)
    wanted = read_suite(suite)
    graph = plan(wanted, data, seeds=tuple(seeds or ()))
    wanted_cells = _filters(only)
    _check_filters(graph, wanted_cells)
    part = graph.part([cell for cell in graph.cells if _asked(cell.place, wanted_cells)])
    if only and not part.cells:
        raise UsageError(f"no cell of suite {wanted.name!r} is {' and '.join(only)}")
    place = store or (None if output is None else output / STORE)
    if dry:
        _show_plan(part, None if place is None else Store(place), json)
        return
    if output is None or place is None:
        raise UsageError("name the folder for the board and all results with --output (-o)")
    _check_places(output, place)
    _claim(output, wanted.name)
    kept = Store(place)
    kept.folder.mkdir(parents=True, exist_ok=True)
    runner = partial(_executor, executor, kept, workers=workers, threads=threads, address=address)
    done, board = _measure(wanted, graph, part, kept, output, runner, minutes, quiet=json)
    _show_board(board, output, json)
    _conclude(part, kept, done, board)


def _executor(
    name: str, store: "Store", *, workers: int, threads: int, address: str
) -> "AbstractContextManager[Executor]":
    """Sweep the store, and give what runs the steps."""
    from codeward.bench.executors import executor

    store.sweep()
    return executor(name, store.folder.resolve(), workers=workers, threads=threads, address=address)


def _measure(
    suite: "Suite",
    graph: "Graph",
    part: "Graph",
    store: "Store",
    output: Path,
    runner: "Callable[[], AbstractContextManager[Executor]]",
    minutes: float | None,
    *,
    quiet: bool,
) -> "tuple[dict[str, Done], Board]":
    """Do the steps of a part of the graph, and write the board, also of a run that is interrupted."""
    from codeward.bench.board import FILE
    from codeward.bench.collect import collect
    from codeward.bench.run import run as run_graph
    from codeward.files import write_text

    done: dict[str, Done] = {}

    def begin() -> "Executor":
        made = stack.enter_context(runner())
        if not quiet:
            note(f"{len(part.steps) - len(done)} of {len(part.steps)} steps to do, at most {made.room} at once")
        return made

    with _ending_like_ctrl_c(), ExitStack() as stack:
        try:
            seconds = None if minutes is None else 60 * minutes
            run_graph(part, store, begin, done, None if quiet else _tell, seconds)
        finally:
            command = " ".join(["codeward", *map(shlex.quote, sys.argv[1:])])
            board = collect(suite, graph, store, output, command, done)
            write_text(output / FILE, board.model_dump_json(indent=1) + "\n")
    return done, board


@contextmanager
def _ending_like_ctrl_c() -> Iterator[None]:
    """Take a request to end, as batch systems and a terminal that is closed send it, like Ctrl-C: the board is written then."""
    main = threading.current_thread() is threading.main_thread()
    names = [name for name in ("SIGTERM", "SIGHUP") if main and hasattr(signal, name)]
    ours = [each for each in (getattr(signal, name) for name in names) if signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:  # what is minded by whoever calls us, or ignored (nohup), stays so
        signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def _show_board(board: "Board", output: Path, json: bool) -> None:
    from codeward.bench.board import FILE
    from codeward.report.terminal_board import board_tables

    if json:
        emit_json(board.model_dump())
        return
    for each in board_tables(board):
        show(each)
    show(f"\nThe board is in {escape(str(output / FILE))}; draw it with: codeward report {escape(str(output))}")


def _conclude(part: "Graph", store: "Store", done: "dict[str, Done]", board: "Board") -> None:
    """Say what is left to do, and end with the exit code for it; what is refused for good is not to be done again."""
    from codeward.bench.collect import is_damaged

    missing = [key for key in part.steps if store.find(key) is None]
    failed = [key for key in missing if key in done and not done[key].refused]
    late = [key for key in missing if key not in done]
    lines: Sequence[Line | Judged] = (*board.lines, *board.zoo)
    damaged = sum(is_damaged(each.problem) for each in lines)
    if late:
        note(f"{len(late)} of {len(part.steps)} steps were not begun in time; run the same command again")
    if failed:
        note(
            f"{len(failed)} of {len(part.steps)} steps failed or had to wait for one that did; run the same command again"
        )
    if damaged:
        note(f"{counted(damaged, 'line')} of the board could not be read from the store; the reasons stand above")
    if failed or damaged:
        raise typer.Exit(FAILED)
    if late and not any(each.scores for each in lines):
        raise typer.Exit(NOTHING)


def _claim(out: Path, name: str) -> None:
    """Refuse a folder of something else."""
    from codeward.bench.board import FILE, read_board

    if not out.exists() or not any(out.iterdir()) or (not (out / FILE).exists() and (out / STORE).is_dir()):
        return
    if not (out / FILE).is_file():
        raise DataError(f"{out}: the folder is not empty and not a bench's; name another one with --output")
    held = read_board(out).name
    if held != name:
        raise DataError(f"{out}: the folder holds the board of suite {held!r}; name another one (--store shares steps)")


def _check_places(out: Path, store: Path) -> None:
    """Refuse, before any work, places at which neither a board nor steps could be written.

    Raises:
        DataError: If one is a file, or lies where nobody may write.
    """
    from codeward.bench.board import FILE
    from codeward.files import check_writable

    check_writable(out / FILE)
    check_writable(store / FILE)


def _filters(pairs: Sequence[str] | None) -> dict[str, set[str]]:
    """Return what is asked for: of one key any value, of several keys all."""
    found: dict[str, set[str]] = {}
    for pair in pairs or ():
        key, separator, value = pair.partition("=")
        if not separator:
            raise UsageError(f"--only takes KEY=VALUE, such as --only attack=deadcode-fixed; got {pair!r}")
        if key not in FILTERS:
            raise UnknownNameError("filter", key, FILTERS)
        found.setdefault(key, set()).add(value)
    return found


def _check_filters(graph: "Graph", wanted: dict[str, set[str]]) -> None:
    """Refuse a value that no cell of the suite has, so that a misspelt one is not told as an empty combination."""
    for key, values in wanted.items():
        known = {getattr(cell.place, key) for cell in graph.cells}
        for value in sorted(values):
            if not any(_is(found, value) for found in known):
                raise UnknownNameError(key, value, map(str, known))


def _asked(place: Any, wanted: dict[str, set[str]]) -> bool:
    return all(any(_is(getattr(place, key), value) for value in values) for key, values in wanted.items())


def _is(found: str | float, value: str) -> bool:
    """Whether what a cell has is what was written."""
    return found == value if isinstance(found, str) else found == _number(value)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--only rate and seed take a number, got {text!r}") from None


def _tell(done: int, total: int, step: "Step", how: "Done") -> None:
    width = len(str(total))
    problem = f": {how.problem}" if how.problem else ""
    note(f"[{done:>{width}}/{total}] {how.seconds:7.1f} s  {step.label}{problem}")


def _show_plan(graph: "Graph", store: "Store | None", json: bool) -> None:
    rows = [
        (step.kind, step.label, store is not None and store.find(key) is not None) for key, step in graph.steps.items()
    ]
    if json:
        emit_json({"steps": [{"kind": kind, "label": label, "kept": kept} for kind, label, kept in rows]})
        return
    for kind, label, kept in rows:
        show(f"{'kept' if kept else 'to do':5}  {kind:8}  {escape(label)}")
    show(f"{len(rows)} steps for {len(graph.cells)} cells, {sum(kept for *_, kept in rows)} of them kept")
