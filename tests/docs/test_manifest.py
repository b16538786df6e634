"""The source distribution holds what the repository does: whoever unpacks it can test, document and measure."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITTEN = {"build", "demo", "dist", "runs", "site"}
"""What the Makefile's targets write."""
BUILT_IN = {"MANIFEST.in", "README.md", "pyproject.toml", "src"}
"""What setuptools takes by itself."""


def test_everything_beside_the_package_is_in_the_source_distribution():
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").split("\n")
    taken = {name for line in lines if re.match("include |graft ", line) for name in line.split()[1:]}
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert there - WRITTEN - BUILT_IN == taken
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"]} <= taken | BUILT_IN
