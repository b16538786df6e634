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
