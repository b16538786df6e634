"""From a suite to its graph."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from codeward.bench.graph import Graph
from codeward.bench.rows import Row
from codeward.bench.sources import Source, add_source
from codeward.bench.suite import NONE, Block, Suite, Zoo
from codeward.bench.suspects import plan_suspects
from codeward.errors import DataError


def plan(suite: Suite, root: Path, *, seeds: tuple[int, ...] = ()) -> Graph:
    """Return the graph of a suite.

    Args:
        suite: What is measured.
        root: The folder below which the data sets lie.
        seeds: Seeds other than the suite's.

    Raises:
        DataError: If a data set cannot be opened.
        UsageError: If a name or an option is wrong, or a zoo has nothing to draw from.
    """
    graph = Graph()
    sources: dict[tuple[str, int], Source] = {}
    for block in suite.grid:
        for seed, name in product(seeds or block.seeds, block.data):
            if (name, seed) not in sources:
                sources[name, seed] = add_source(graph, suite.data[name], root, name, seed)
            for model, attack, rate in _combinations(block):
                row = Row(graph, suite, name, model, attack, rate, seed, sources[name, seed])
                for defense in block.defenses:
                    cell = row.cell(defense)
                    if cell not in graph.cells:
                        graph.cells.append(cell)
    for zoo in suite.zoo:
        for seed, name in product(seeds or zoo.seeds, zoo.data):
            _add_zoo(graph, suite, zoo, root, name, seed)
    return graph


def _combinations(block: Block) -> Iterator[tuple[str, str, float]]:
    for model, attack in product(block.models, block.attacks):
        for rate in [0.0] if attack == NONE else block.rates:
            yield model, attack, rate


def _add_zoo(graph: Graph, suite: Suite, zoo: Zoo, root: Path, name: str, seed: int) -> None:
    """Add the steps and cells of one zoo; each model has its own rows."""
    suspects = plan_suspects(
        zoo.clean,
        zoo.backdoored,
        models=zoo.models,
        attacks=zoo.attacks,
        rates=zoo.rates,
        targets=zoo.targets or _classes(suite, root, name),
        seed=seed,
    )
    for suspect in suspects:
        source = add_source(graph, suite.data[name], root, name, suspect.seed)
        row = Row(graph, suite, name, suspect.model, suspect.attack, suspect.rate, suspect.seed, source, suspect)
        graph.cells.extend(row.judged(detector) for detector in zoo.detectors)


def _classes(suite: Suite, root: Path, name: str) -> tuple[str, ...]:
    """Return the classes that a data set names.

    Raises:
        DataError: If it names none.
    """
    labels = add_source(Graph(), suite.data[name], root, name, 0).labels
    if not labels:
        raise DataError(f"suite {suite.name!r}: data set {name!r} names no classes; say which backdoors serve: targets")
    return labels
