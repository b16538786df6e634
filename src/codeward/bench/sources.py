"""Where rows and weights come from, and the hashes of their content."""

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from codeward.bench.graph import Graph
from codeward.bench.suite import DataSpec
from codeward.data import DataFolder, open_data
from codeward.errors import DataError
from codeward.tasks import Task, tasks
from codeward.zoo import resolve

CARD = "codeward-zoo.json"
"""What a mini model's card is made of."""
HARVESTED = "naming"
"""The task of harvested rows."""


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a data set, as drawn by a step."""

    task: Task
    key: str
    """Of the step."""
    labels: tuple[str, ...]
    """The classes that the data set names; harvested rows name none before they are there."""


def add_source(graph: Graph, spec: DataSpec, root: Path, name: str, seed: int) -> Source:
    """Add the step that draws the rows of a data set."""
    if spec.path is not None and not (root / spec.path).exists():
        raise DataError(f"{root / spec.path}: there is no data set {name!r}; name the folder that holds it with --data")
    folder = None if spec.path is None else open_data(root / spec.path, layout=spec.layout, task=spec.task)
    task = tasks.make(spec.task or (HARVESTED if folder is None else folder.task))
    key = graph.add("source", _rows(spec, folder, task, seed), {}, f"{name}: rows")
    return Source(task, key, () if folder is None else tuple(folder.labels))


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
