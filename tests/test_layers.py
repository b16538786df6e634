"""Arrows point down only: the imports of every file are held against the table of the design."""

import ast
from pathlib import Path

import pytest

import codeward

ROOT = Path(codeward.__file__).parent

GROUND = {"types", "errors", "registry", "seeds", "files"}
INPUTS = {"data", "tasks", "attacks"}
MODELS = {"victims", "zoo"}
BELOW_DEFENSES = GROUND | INPUTS | MODELS | {"code"}
BELOW_EXPERIMENT = BELOW_DEFENSES | {"metrics", "defenses"}

MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    "code": GROUND,
    **dict.fromkeys(INPUTS, GROUND | INPUTS | {"code"}),
    "metrics": GROUND | {"code"},
    **dict.fromkeys(MODELS, BELOW_DEFENSES | {"metrics"}),
    "defenses": (BELOW_DEFENSES | {"metrics"}) - {"attacks"},
    "experiment": BELOW_EXPERIMENT,
    "bench": BELOW_EXPERIMENT | {"experiment"},
    "report": GROUND | {"metrics", "experiment.record", "bench.board"},
    "cli": BELOW_EXPERIMENT | {"experiment", "bench", "report"},
}
"""What each room may import beside itself; the curated surface (``codeward`` itself) may import anything."""

FREE = {"__init__", "__main__"}


def _files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def _module(file: Path) -> tuple[str, ...]:
    return file.relative_to(ROOT).with_suffix("").parts


def _imports(source: str) -> list[str]:
    """Return what a file imports from codeward, wherever the statement stands, without the leading name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            found += [f"{module}.{alias.name}" for alias in node.names] if module == "codeward" else [module]
    return [name.removeprefix("codeward.") for name in found if name.startswith("codeward.")]


def _allowed(room: str, imported: str) -> bool:
    parts = imported.split(".")
    if parts[0] == "__version__" or parts[0] == room:
        return True
    return any(imported == name or imported.startswith(f"{name}.") for name in MAY_IMPORT[room])


def _foreign_privates(module: tuple[str, ...], source: str) -> list[str]:
    """Return the private modules and names of another package that a file imports: those whose package the file does not lie in."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            private = next(
                (at for at, part in enumerate(parts) if part.startswith("_") and part != "__version__"), None
            )
            if parts[0] == "codeward" and private is not None and module[: private - 1] != tuple(parts[1:private]):
                found.append(name)
    return found


def test_every_room_has_a_place_in_the_table():
    rooms = {_module(file)[0] for file in _files() if any(file.parent.rglob("*.py"))}
    assert rooms - FREE <= set(MAY_IMPORT)


@pytest.mark.parametrize("file", _files(), ids=lambda file: "/".join(_module(file)))
def test_a_file_imports_from_below_only(file):
    room = _module(file)[0]
    if room in FREE:
        return
    wrong = [name for name in _imports(file.read_text(encoding="utf-8")) if not _allowed(room, name)]
    assert not wrong, f"{room} may not import {', '.join(wrong)}"


@pytest.mark.parametrize("file", _files(), ids=lambda file: "/".join(_module(file)))
def test_what_is_private_stays_in_its_package(file):
    wrong = _foreign_privates(_module(file), file.read_text(encoding="utf-8"))
    assert not wrong, f"another package's own: {', '.join(wrong)}; export the name where its package is imported"


@pytest.mark.parametrize(
    ("source", "file", "right"),
    [
        ("from codeward.data.layouts._base import Table", "data/folder", False),
        ("from codeward.data.layouts._base import Table", "data/layouts/defect", True),
        ("from codeward.data.layouts._base import Table", "data/layouts/deep/defect", True),
        ("import codeward.defenses._hiding", "defenses/input/strip", True),
        ("import codeward.defenses._hiding", "experiment/guard", False),
        ("from codeward.defenses.model import _search", "defenses/model/dbs", True),
        ("from codeward.defenses.model import _search", "experiment/scanning", False),
        ("from codeward.files import _told", "data/write", False),
        ("from codeward import __version__", "data/write", True),
        ("from torch._inductor import config", "victims/memory", True),
    ],
)
def test_the_check_sees_every_form_of_a_private_import(source, file, right):
    assert (not _foreign_privates(tuple(file.split("/")), source)) is right


def test_the_table_itself_keeps_attacks_and_defenses_apart():
    assert "defenses" not in MAY_IMPORT["attacks"]
    assert "attacks" not in MAY_IMPORT["defenses"]
    assert not {"victims", "zoo", "defenses"} & MAY_IMPORT["metrics"]


@pytest.mark.parametrize(
    ("source", "room", "right"),
    [
        ("from codeward.victims import x", "attacks", False),
        ("def f():\n    import codeward.victims.base", "attacks", False),
        ("from codeward import victims", "metrics", False),
        ("from codeward import __version__", "experiment", True),
        ("from codeward.experiment.record import Record", "report", True),
        ("from codeward.experiment.measure import row", "report", False),
        ("from codeward.bench.board import Board", "report", True),
        ("from codeward.bench.store import Store", "report", False),
        ("from codeward.bench.board import Board", "experiment", False),
        ("from codeward.code import parse", "attacks", True),
        ("import torch", "attacks", True),
    ],
)
def test_the_check_sees_every_form_of_import(source, room, right):
    assert all(_allowed(room, name) for name in _imports(source)) is right
