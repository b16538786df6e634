"""Run a graph: what is in the store is not done again, what is ready runs, and one step's failure leaves the others."""

from collections.abc import Callable

from codeward.bench.executors import Executor
from codeward.bench.graph import Graph
from codeward.bench.step import Step
from codeward.bench.store import Done, Store

Tell = Callable[[int, int, Step, Done], None]
"""Called when a step ends: how many have, of how many, which one, and how."""


def run(
    graph: Graph, store: Store, executor: Callable[[], Executor], done: dict[str, Done], tell: Tell | None = None
) -> None:
    """Do all steps that are not in the store.

    Args:
        graph: The steps, each after those that it needs.
        store: Where results are kept.
        executor: Gives what runs the steps; not called where nothing is left to do.
        done: How steps ended, by key; filled as they do, so that it tells how far a run came that is interrupted. A step that
            was not tried, since one before it failed, has that one's problem.
        tell: Told of every step that ends.
    """
    done |= {key: known for key in graph.steps if (known := store.find(key)) is not None}
    if len(done) < len(graph.steps):
        _work_off(graph, executor(), done, tell)


def _work_off(graph: Graph, executor: Executor, done: dict[str, Done], tell: Tell | None) -> None:
    begun = set(done)
    while True:
        _spread_problems(graph, done)
        for key, step in graph.steps.items():
            if key not in begun and key not in done and all(need in done for need in step.inputs.values()):
                executor.submit(step)
                begun.add(key)
        if len(done) == len(graph.steps):
            return
        ended = executor.next()
        done[ended.key] = ended
        if tell is not None:
            tell(len(done), len(graph.steps), graph.steps[ended.key], ended)


def _spread_problems(graph: Graph, done: dict[str, Done]) -> None:
    """Mark what cannot be done since a step before it failed; steps stand after those that they need."""
    for key, step in graph.steps.items():
        before = [done[need].problem for need in step.inputs.values() if need in done]
        if key not in done and any(before):
            done[key] = Done(key, problem=next(filter(None, before)))
