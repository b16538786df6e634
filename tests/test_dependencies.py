"""What the package imports is what it declares: nothing is missing on a clean machine, and nothing is installed in vain."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import codeward

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULES = {"scikit-learn": "sklearn"}
"""Distributions whose module has another name."""
BY_NAME = {f"tree_sitter_{name}" for name in ("c", "cpp", "go", "java", "javascript", "python")}
"""Modules that are imported by a name put together: the grammars."""
OPTIONAL = {"triton"}
"""What is used where it is installed, as torch for GPUs brings it."""


def modules(requirements):
    """Return the modules that requirements install."""
    names = [re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in requirements]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def imported():
    """Return the modules of others that the package imports, wherever the statement stands."""
    found = set()
    for file in Path(codeward.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").split(".")[0])
    return found - sys.stdlib_module_names - {"codeward"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    extras = {name for name in PROJECT["optional-dependencies"] if name not in ("dev", "docs")}
    optional = modules(line for name in extras for line in PROJECT["optional-dependencies"][name]) | OPTIONAL
    declared = modules(PROJECT["dependencies"])
    assert imported() - optional == declared - BY_NAME
    assert declared >= BY_NAME
    assert imported() >= optional


def test_what_is_declared_has_a_pinned_version():
    pinned = modules((Path(__file__).parents[1] / "constraints.txt").read_text(encoding="utf-8").splitlines())
    assert modules(PROJECT["dependencies"]) <= pinned
