"""From a suite to its graph."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from codeward.bench.graph import Graph
from codeward.bench.rows import Row
from codeward.bench.sources import add_source
from codeward.bench.suite import NONE, Block, Suite
from codeward.tasks import Task


def plan(suite: Suite, root: Path, *, seeds: tuple[int, ...] = ()) -> Graph:
    """Return the graph of a suite.

    Args:
        suite: What is measured.
        root: The folder below which the data sets lie.
        seeds: Seeds other than the suite's.

    Raises:
        DataError: If a data set cannot be opened.
        UsageError: If a name or an option is wrong.
    """
    graph = Graph()
    sources: dict[tuple[str, int], tuple[Task, str]] = {}
    for block in suite.grid:
        for seed, name in product(seeds or block.seeds, block.data):
            if (name, seed) not in sources:
                sources[name, seed] = add_source(graph, suite.data[name], root, name, seed)
            for model, attack, rate in _combinations(block):
                row = Row(graph, suite, name, model, attack, rate, seed, *sources[name, seed])
                for defense in block.defenses:
                    cell = row.cell(defense)
                    if cell not in graph.cells:
                        graph.cells.append(cell)
    return graph


def _combinations(block: Block) -> Iterator[tuple[str, str, float]]:
    for model, attack in product(block.models, block.attacks):
        for rate in [0.0] if attack == NONE else block.rates:
            yield model, attack, rate
