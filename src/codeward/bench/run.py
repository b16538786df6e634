"""Run a graph: what is in the store is not done again, what is ready runs, and one step's failure leaves the others."""

from collections.abc import Callable
from dataclasses import dataclass, field

from codeward.bench.executors import Executor
from codeward.bench.graph import Graph
from codeward.bench.step import Step
from codeward.bench.store import Done, Store

Tell = Callable[[int, int, Step, Done], None]
"""Called when a step ends: how many have, of how many, which one, and how."""


@dataclass(slots=True)
class Outcome:
    """How all steps ended."""

    done: dict[str, Done] = field(default_factory=dict)
    """By key; a step that was not tried, since one before it failed, has that one's problem."""
    cached: int = 0
    """Steps that were in the store before."""


def run(
    graph: Graph, store: Store, executor: Callable[[], Executor], outcome: Outcome, tell: Tell | None = None
) -> None:
    """Do all steps that are not in the store.

    Args:
        graph: The steps, each after those that it needs.
        store: Where results are kept.
        executor: Gives what runs the steps; not called where nothing is left to do.
        outcome: Filled as steps end, so that it tells how far a run came that is interrupted.
        tell: Told of every step that ends.
    """
    for key in graph.steps:
        known = store.find(key)
        if known is not None:
            outcome.done[key] = known
    outcome.cached = len(outcome.done)
    if outcome.cached < len(graph.steps):
        _work_off(graph, outcome, executor(), tell)


def _work_off(graph: Graph, outcome: Outcome, executor: Executor, tell: Tell | None) -> None:
    begun: set[str] = set(outcome.done)
    while True:
        _spread_problems(graph, outcome)
        for key, step in graph.steps.items():
            if key not in begun and all(need in outcome.done for need in step.inputs.values()):
                if key not in outcome.done:
                    executor.submit(step)
                begun.add(key)
        if len(outcome.done) == len(graph.steps):
            return
        done = executor.next()
        outcome.done[done.key] = done
        if tell is not None:
            tell(len(outcome.done), len(graph.steps), graph.steps[done.key], done)


def _spread_problems(graph: Graph, outcome: Outcome) -> None:
    """Mark what cannot be done since a step before it failed; steps stand after those that they need."""
    for key, step in graph.steps.items():
        if key in outcome.done:
            continue
        problem = next((outcome.done[need].problem for need in step.inputs.values() if need in outcome.done and outcome.done[need].problem), "")  # fmt: skip
        if problem:
            outcome.done[key] = Done(key, problem=problem)
