"""``codeward bench``: a grid of attacks and defenses, measured side by side; resumable, on one machine or many."""

import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from codeward.cli._console import emit_json, note, show
from codeward.cli._options import Json
from codeward.errors import DataError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from codeward.bench.graph import Graph
    from codeward.bench.step import Step
    from codeward.bench.store import Done, Store

NAME = "bench"
EXAMPLES = (
    "Examples:\n\n"
    "  codeward bench quick -o bench/\n\n"
    "  codeward bench codepurify --data ~/data --only data=defect-detection-c --only rate=0.05 -o table-2/\n\n"
    "  codeward bench mine.toml --executor ray --address ray://head:10001 -o /shared/bench/\n\n"
    "  codeward report bench/ -o bench.html"
)
STORE = "store"
FAILED = 4
FILTERS = ("data", "model", "attack", "rate", "defense", "stage", "seed")


def run(
    suite: Annotated[
        str, typer.Argument(help="quick, codepurify, elibadcode, dece, zoo, all, or a TOML file of your own.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the board and all results.")],
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
    from codeward.bench.board import FILE, read_board
    from codeward.bench.collect import collect
    from codeward.bench.executors import Executor, check_executor
    from codeward.bench.executors import executor as made
    from codeward.bench.plan import plan
    from codeward.bench.reading import read_suite
    from codeward.bench.run import run as run_graph
    from codeward.bench.store import Store
    from codeward.files import write_text
    from codeward.report.terminal_board import board_tables

    wanted = read_suite(suite)
    graph = plan(wanted, data, seeds=tuple(seeds or ()))
    wanted_cells = _filters(only)
    _check_filters(graph, wanted_cells)
    part = graph.part([cell for cell in graph.cells if _asked(cell.place, wanted_cells)])
    if only and not part.cells:
        raise UsageError(f"no cell of suite {wanted.name!r} is {' and '.join(only)}")
    kept = Store(store or output / STORE)
    if dry:
        _show_plan(part, kept, json)
        return
    check_executor(executor)
    _claim(output, wanted.name)
    kept.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:

        def start() -> Executor:
            kept.sweep()
            return stack.enter_context(
                made(executor, kept.folder.resolve(), workers=workers, threads=threads, address=address)
            )

        done: dict[str, Done] = {}
        try:
            run_graph(part, kept, start, done, None if json else _tell, None if minutes is None else 60 * minutes)
        finally:
            command = " ".join(["codeward", *map(shlex.quote, sys.argv[1:])])
            board = collect(wanted, graph, kept, output, command, done)
            write_text(output / FILE, board.model_dump_json(indent=1) + "\n")
    missing = [key for key in part.steps if kept.find(key) is None]
    failed = [key for key in missing if key in done]
    if json:
        emit_json(read_board(output).model_dump())
    else:
        show(*board_tables(board))
        show(f"\nThe board is in {escape(str(output / FILE))}; draw it with: codeward report {escape(str(output))}")
    if len(missing) > len(failed):
        note(
            f"{len(missing) - len(failed)} of {len(part.steps)} steps were not begun in time; run the same command again"
        )
    if failed:
        note(
            f"{len(failed)} of {len(part.steps)} steps failed or had to wait for one that did; run the same command again"
        )
        raise typer.Exit(FAILED)


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


def _show_plan(graph: "Graph", store: "Store", json: bool) -> None:
    rows = [(step.kind, step.label, store.find(key) is not None) for key, step in graph.steps.items()]
    if json:
        emit_json({"steps": [{"kind": kind, "label": label, "kept": kept} for kind, label, kept in rows]})
        return
    for kind, label, kept in rows:
        show(f"{'kept' if kept else 'to do':5}  {kind:8}  {escape(label)}")
    show(f"{len(rows)} steps for {len(graph.cells)} cells, {sum(kept for *_, kept in rows)} of them kept")
