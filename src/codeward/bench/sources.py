"""Where rows and weights come from, and the hashes of their content."""

from collections.abc import Mapping
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
from codeward.victims import builtin_models
from codeward.victims.config import check_name
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
    unlabeled: Mapping[str, Any] | None = None
    """The settings of the step that draws inputs without labels; none for harvested rows."""
    reference: Mapping[str, Any] | None = None
    """The settings of the step that draws the rows of a reference; none where the suite names none."""


def add_source(graph: Graph, spec: DataSpec, root: Path, name: str, seed: int) -> Source:
    """Add the step that draws the rows of a data set."""
    if spec.path is not None and not (root / spec.path).exists():
        raise DataError(f"{root / spec.path}: there is no data set {name!r}; name the folder that holds it with --data")
    folder = None if spec.path is None else open_data(root / spec.path, layout=spec.layout, task=spec.task)
    task = tasks.make(spec.task or (HARVESTED if folder is None else folder.task))
    key = graph.add("source", _rows(spec, folder, task, seed), {}, f"{name}: rows")
    labels = () if folder is None else tuple(folder.labels)
    return Source(task, key, labels, _unlabeled(spec, folder, root, task, seed), _reference(spec, root, task))


def _rows(spec: DataSpec, folder: DataFolder | None, task: Task, seed: int) -> dict[str, Any]:
    rows = {"train": spec.train, "valid": spec.valid, "test": spec.test}
    common = {"layout": spec.layout, "task": task.name, "rows": rows, "seed": seed}
    if folder is None:
        import sys
        import sysconfig

        return {**common, "_path": None, "_sources": [sysconfig.get_path("stdlib")], "content": f"Python {sys.version}"}
    return {**common, "_path": str(folder.path.resolve()), "content": content(folder.path.resolve())}


def _unlabeled(spec: DataSpec, folder: DataFolder | None, root: Path, task: Task, seed: int) -> dict[str, Any] | None:
    if spec.unlabeled_path is not None:
        path, layout = _placed(root, spec.unlabeled_path), None
    elif folder is not None:
        path, layout = folder.path, spec.layout
    else:
        return None
    path = path.resolve()
    common = {"layout": layout, "task": task.name, "rows": spec.unlabeled, "seed": seed}
    return {**common, "_path": str(path), "content": content(path)}


def _reference(spec: DataSpec, root: Path, task: Task) -> dict[str, Any] | None:
    """Return what draws the rows of a reference: the same for all seeds, since whoever defends has one."""
    if spec.reference_path is None:
        return None
    path = _placed(root, spec.reference_path)
    return _rows(spec.model_copy(update={"layout": None}), open_data(path, task=task.name), task, 0)


def _placed(root: Path, name: str) -> Path:
    """Return where a data set lies.

    Raises:
        DataError: If there is none.
    """
    if not (root / name).exists():
        raise DataError(f"{root / name}: there is no data set {name!r}; name the folder that holds it with --data")
    return root / name


def start_of(model: str) -> str:
    """Return the hash of the weights that a model starts from, as far as they lie on this machine.

    Raises:
        ModelError: If there is no such model, or its folder holds none. (A name of the hub is not looked up.)
    """
    if model not in builtin_models():
        check_name(model)
        if Path(model).is_dir():
            from codeward.victims.loading import check_folder

            check_folder(model, allow_pickle=False)
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
