"""The graph of a bench: which steps there are, what each needs, and which cell of the table reads which."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from codeward.bench.board import Place
from codeward.bench.step import Kind, Step
from codeward.bench.suspects import Suspect


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: a victim under an attack behind a defense."""

    place: Place
    method: str | None
    """The defense's registered name; ``None``: there is none."""
    steps: Mapping[str, str]
    """The keys of its steps by role; ``evaluate`` is the one that measures."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The defense's resolved options."""
    suspect: Suspect | None = None
    """The model of a zoo that is judged; ``None``: the cell is one of the grid."""


@dataclass(slots=True)
class Graph:
    """All steps, each after those that it needs, and all cells."""

    steps: dict[str, Step] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)

    def add(self, kind: Kind, settings: dict[str, Any], inputs: dict[str, str], label: str) -> str:
        """Add a step unless it is there, and return its key."""
        step = Step(kind, settings, inputs, label)
        self.steps.setdefault(step.key, step)
        return step.key

    def part(self, cells: list[Cell]) -> "Graph":
        """Return the graph of some of the cells, with the steps that they need."""
        needed = {key for cell in cells for key in cell.steps.values()}
        for key, step in reversed(self.steps.items()):
            if key in needed:
                needed.update(step.inputs.values())
        return Graph({key: step for key, step in self.steps.items() if key in needed}, cells)
