"""The generated pages of the documentation say what the code says."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = runpy.run_path(str(ROOT / "tools" / "reference.py"))


@pytest.fixture(scope="module")
def pages():
    return REFERENCE["pages"]()


@pytest.mark.parametrize("name", ["cli.md", "catalogue.md"])
def test_a_generated_page_is_not_stale(pages, name):
    path = ROOT / "docs" / name
    stale = not path.is_file() or path.read_text(encoding="utf-8") != pages[path]
    assert not stale, f"docs/{name} is stale; run: {REFERENCE['COMMAND']}"


def test_every_verb_and_every_method_has_a_section(pages):
    from codeward.cli._app import app
    from codeward.cli.list_ import catalogue

    verbs, methods = (pages[ROOT / "docs" / name] for name in ("cli.md", "catalogue.md"))
    assert all(f"\n## {verb.name} " in verbs for verb in app.registered_commands)
    assert all(f"`{name}`" in methods for entries in catalogue().values() for name, _ in entries)


def test_every_option_is_described(pages):
    lines = pages[ROOT / "docs" / "cli.md"].splitlines()
    rows = [line for line in lines if line.startswith(("| `-", "|  |"))]
    assert rows
    assert not [row for row in rows if row.endswith("|  |") or row.startswith("|  |")]
