"""From a suite to a graph: which steps there are, what each needs, and which cell of the table reads which."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from itertools import product
from pathlib import Path
from typing import Any

from codeward.bench.board import Place
from codeward.bench.step import Kind, Step
from codeward.bench.suite import NONE, AttackSpec, Block, DataSpec, DefenseSpec, Stage, Suite
from codeward.data import DataFolder, open_data
from codeward.defenses.data import data_defenses
from codeward.defenses.input import input_defenses
from codeward.defenses.model import model_defenses
from codeward.defenses.training import training_defenses
from codeward.errors import DataError, UnknownNameError, UsageError
from codeward.registry import Registry
from codeward.tasks import Task, tasks
from codeward.victims import make_config
from codeward.zoo import resolve

STAGES: Mapping[Stage, Registry[Any]] = {
    "data": data_defenses,
    "training": training_defenses,
    "model": model_defenses,
    "input": input_defenses,
}
CARD = "codeward-zoo.json"
"""What a mini model's card is made of."""
Planned = Callable[[str, str, dict[str, Any], DefenseSpec], dict[str, str]]
"""Plans the steps of a defense: its name in the suite, its registered one, its options, and what the suite says of it."""
HARVESTED = "naming"
"""The task of harvested rows."""


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
                sources[name, seed] = _source(graph, suite.data[name], root, name, seed)
            for model, attack, rate in _combinations(block):
                row = _Row(graph, suite, name, model, attack, rate, seed, *sources[name, seed])
                for defense in block.defenses:
                    cell = row.cell(defense)
                    if cell not in graph.cells:
                        graph.cells.append(cell)
    return graph


def _source(graph: Graph, spec: DataSpec, root: Path, name: str, seed: int) -> tuple[Task, str]:
    """Add the step that draws the rows of a data set, and return its task and key."""
    if spec.path is not None and not (root / spec.path).exists():
        raise DataError(f"{root / spec.path}: there is no data set {name!r}; name the folder that holds it with --data")
    folder = None if spec.path is None else open_data(root / spec.path, layout=spec.layout, task=spec.task)
    task = tasks.make(spec.task or (HARVESTED if folder is None else folder.task))
    return task, graph.add("source", _rows(spec, folder, task, seed), {}, f"{name}: rows")


def _combinations(block: Block) -> Iterator[tuple[str, str, float]]:
    for model, attack in product(block.models, block.attacks):
        for rate in [0.0] if attack == NONE else block.rates:
            yield model, attack, rate


class _Row:
    """The cells of one victim: every defense against one attack on one model."""

    def __init__(
        self,
        graph: Graph,
        suite: Suite,
        data: str,
        model: str,
        attack: str,
        rate: float,
        seed: int,
        task: Task,
        source: str,
    ) -> None:
        self.graph, self.suite, self.task = graph, suite, task
        self.data, self.model, self.attack, self.rate, self.seed = data, model, attack, rate, seed
        self.source = source
        self.where = f"{data}, {model}" + ("" if attack == NONE else f", {attack} {100 * rate:g} %")
        self.config = {**suite.models[model].train, **suite.data[data].training, "seed": seed}

    def cell(self, name: str) -> Cell:
        """Plan the steps of one defense."""
        spec = self.suite.defenses[name]
        stage = stage_of(name, spec)
        place = Place(
            data=self.data,
            task=self.task.name,
            kind=self.task.kind,
            model=self.model,
            family=self.suite.models[self.model].family,
            attack=self.attack,
            rate=self.rate,
            defense=name,
            stage=stage,
            seed=self.seed,
        )
        if stage == "none":
            return Cell(place, None, self._measured(self._victim()))
        method, registry = spec.defense or name, STAGES[stage]
        # All options, so that a changed default is another step.
        options = dict(registry.settings(registry.make(method, spec.options)))
        planned: Mapping[Stage, Planned] = {
            "data": self._audited,
            "training": self._trained,
            "model": self._repaired,
            "input": self._guarded,
        }
        return Cell(place, method, planned[stage](name, method, options, spec), options)

    def _victim(self) -> dict[str, str]:
        """Plan the clean model and the victim."""
        clean = self._train(self.source, {}, "clean model", f"{self.data}, {self.model}")
        if self.attack == NONE:
            return {"source": self.source, "clean": clean, "model": clean}
        poison = self._poison()
        return {
            "source": self.source,
            "clean": clean,
            "poison": poison,
            "model": self._train(poison, {}, "victim"),
        }

    def _audited(self, name: str, method: str, options: dict[str, Any], spec: DefenseSpec) -> dict[str, str]:
        steps = self._victim()
        inputs = {"data": steps.get("poison", self.source)}
        if data_defenses.get(method).needs_model:
            inputs["model"] = steps["model"]
        settings = {"defense": method, "options": options, "clean": spec.clean}
        audit = self.graph.add("audit", settings, inputs, f"{self.where}: audit by {name}")
        model = self._train(audit, {}, f"model after {name}")
        return self._measured({**steps, "audit": audit, "model": model}, name)

    def _trained(self, name: str, method: str, options: dict[str, Any], _: DefenseSpec) -> dict[str, str]:
        steps, extra = self._victim(), {"loss": method, "loss_options": options}
        model = self._train(steps.get("poison", self.source), extra, f"model by {name}")
        return self._measured({**steps, "model": model}, name)

    def _repaired(self, name: str, method: str, options: dict[str, Any], _: DefenseSpec) -> dict[str, str]:
        steps, settings = self._victim(), {"defense": method, "options": options}
        inputs = {"model": steps["model"], "data": self.source}
        if model_defenses.get(method).inspects:
            scan = self.graph.add("scan", settings, dict(inputs), f"{self.where}: scan by {name}")
            steps["scan"] = inputs["scan"] = scan
        model = self.graph.add("repair", settings, inputs, f"{self.where}: repair by {name}")
        return self._measured({**steps, "model": model}, name)

    def _guarded(self, name: str, method: str, options: dict[str, Any], _: DefenseSpec) -> dict[str, str]:
        extra = {"rows": self.suite.protected, "defense": method, "options": options}
        return self._measured(self._victim(), name, extra)

    def _measured(
        self, steps: dict[str, str], name: str = "", extra: Mapping[str, Any] | None = None
    ) -> dict[str, str]:
        """Add the step that measures the model to which the others lead."""
        settings: dict[str, Any] = {"seed": self.seed, "rows": None, "defense": None, "options": {}, **(extra or {})}
        used = {role: steps[role] for role in ("model", "clean", "poison") if role in steps}
        roles = {"data": self.source} | used
        key = self.graph.add("evaluate", settings, roles, f"{self.where}: measure {name}".strip())
        return steps | {"evaluate": key}

    def _poison(self) -> str:
        spec: AttackSpec = self.suite.attacks[self.attack]
        settings = {
            "attack": spec.attack or self.attack,
            "options": spec.options,
            "payload": spec.payload,
            "payload_options": spec.payload_options,
            "rate": self.rate,
            "seed": self.seed,
        }
        label = f"{self.data}, {self.attack} {100 * self.rate:g} %: poison"
        return self.graph.add("poison", settings, {"data": self.source}, label)

    def _train(self, data: str, extra: dict[str, Any], what: str, where: str | None = None) -> str:
        config = make_config(self.task, {**self.config, **extra}).model_dump(mode="json")
        settings = {"config": config, "start": start_of(str(config["model"]))}
        return self.graph.add("train", settings, {"data": data}, f"{where or self.where}: {what}")


def stage_of(name: str, spec: DefenseSpec) -> Stage:
    """Return the stage that a defense stands at.

    Raises:
        UsageError: If there is no such defense, or several stages have one of that name.
    """
    method = spec.defense or name
    if method == NONE:
        return "none"
    if spec.stage is not None:
        return spec.stage
    found: list[Stage] = [stage for stage, registry in STAGES.items() if method in registry.names()]
    if not found:
        known = [each for registry in STAGES.values() for each in registry.names()]
        raise UnknownNameError("defense", method, [NONE, *known])
    if len(found) > 1:
        raise UsageError(f"defense {method!r} is one of the stages {' and '.join(found)}; say which by stage = ...")
    return found[0]


def _rows(spec: DataSpec, folder: DataFolder | None, task: Task, seed: int) -> dict[str, Any]:
    rows = {"train": spec.train, "valid": spec.valid, "test": spec.test}
    common = {"layout": spec.layout, "task": task.name, "rows": rows, "seed": seed}
    if folder is None:
        import sys
        import sysconfig

        return {**common, "_path": None, "_sources": [sysconfig.get_path("stdlib")], "content": f"Python {sys.version}"}
    return {**common, "_path": str(folder.path.resolve()), "content": content(folder.path.resolve())}


def start_of(model: str) -> str:
    """Return the hash of the weights that a model starts from, as far as they lie on this machine."""
    folder = Path(resolve(model))
    return content(folder.resolve()) if folder.is_dir() else ""


def counts(file: Path) -> bool:
    """Whether a file of a data set or a model can change a result; cards cannot."""
    return file.suffix != ".md" and file.name != CARD


@cache
def content(path: Path) -> str:
    """Return a hash of a file, or of all files of a folder with their names: 16 hexadecimal digits."""
    digest = blake2b(digest_size=8)
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file() and counts(each))
    for file in files:
        digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
