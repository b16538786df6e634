"""Run a graph: what is in the store is not done again, what is ready runs, and one step's failure leaves the others.

The earliest step in the plan that is ready goes first, and none waits in the executor's queue, so that the first cells are
complete early, and a run that is stopped has measured something.
"""

import time
from collections.abc import Callable

from codeward.bench.executors import Executor
from codeward.bench.graph import Graph
from codeward.bench.step import Step
from codeward.bench.store import Done, Store

Tell = Callable[[int, int, Step, Done], None]
"""Called when a step ends: how many have, of how many, which one, and how."""


def run(
    graph: Graph,
    store: Store,
    executor: Callable[[], Executor],
    done: dict[str, Done],
    tell: Tell | None = None,
    seconds: float | None = None,
) -> None:
    """Do all steps that are not in the store.

    Args:
        graph: The steps, each after those that it needs.
        store: Where results are kept.
        executor: Gives what runs the steps; not called where nothing is left to do.
        done: How steps ended, by key; filled as they do, so that it tells how far a run came that is interrupted. A step that
            was not tried, since one before it failed, has that one's problem.
        tell: Told of every step that ends.
        seconds: After so many no step is begun any more; those in flight are waited for.
    """
    done |= {key: known for key in graph.steps if (known := store.find(key)) is not None}
    _spread_problems(graph, done)
    if len(done) < len(graph.steps):
        end = None if seconds is None else time.monotonic() + seconds
        _work_off(graph, executor(), done, tell, end)


def _work_off(graph: Graph, executor: Executor, done: dict[str, Done], tell: Tell | None, end: float | None) -> None:
    running: set[str] = set()
    while True:
        _spread_problems(graph, done)
        if end is None or time.monotonic() < end:
            for step in _ready(graph, done, running)[: max(0, executor.room - len(running))]:
                executor.submit(step)
                running.add(step.key)
        if not running:
            return
        ended = executor.next()
        running.remove(ended.key)
        done[ended.key] = ended
        if tell is not None:
            tell(len(done), len(graph.steps), graph.steps[ended.key], ended)


def _ready(graph: Graph, done: dict[str, Done], running: set[str]) -> list[Step]:
    """Return the steps that can be begun, in the order of the plan: a cell's steps stand together."""
    return [
        step
        for key, step in graph.steps.items()
        if key not in done and key not in running and all(need in done for need in step.inputs.values())
    ]


def _spread_problems(graph: Graph, done: dict[str, Done]) -> None:
    """Mark what cannot be done since a step before it failed; steps stand after those that they need.

    Where one before it was refused, no later call can do it either, whatever became of the others.
    """
    for key, step in graph.steps.items():
        before = [done[need] for need in step.inputs.values() if need in done and done[need].problem]
        if key not in done and before:
            first = max(before, key=lambda each: each.refused)
            done[key] = Done(key, problem=first.problem, refused=first.refused)
