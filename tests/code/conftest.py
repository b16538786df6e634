"""Short ways to say what a name means: the occurrences of one identifier are marked in the code, as in ``«x» + y.x``."""

import gzip
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from codeward.code import Identifier, identifiers
from codeward.types import Span

FUNCTIONS = Path(__file__).parents[1] / "golden" / "functions"
DATA = Path(os.environ.get("CODEWARD_DATA", Path(__file__).parents[3] / "shared" / "data"))

Marked = tuple[str, list[Span]]


def unmark(marked: str) -> Marked:
    """Return a code without its marks, and the spans of what was marked."""
    code, spans = "", []
    for before, name in re.findall(r"([^«]*)(?:«([^»]*)»)?", marked):
        code += before
        if name:
            spans.append(Span(len(code), len(code) + len(name)))
            code += name
    return code, spans


@pytest.fixture
def meant() -> Callable[[str, str], Identifier]:
    """Return the identifier whose occurrences are marked; no other one may be it, and none of it left out."""

    def check(language: str, marked: str) -> Identifier:
        code, spans = unmark(marked)
        found = next(each for each in identifiers(code, language) if spans[0] in each.spans)
        assert list(found.spans) == spans, f"{found.name}: {[span.of(code) for span in found.spans]} at {found.spans}"
        return found

    return check


@pytest.fixture
def golden() -> Callable[[str], list[str]]:
    """Return the built-in functions of a language."""
    return lambda language: (FUNCTIONS / f"{language}.txt").read_text(encoding="utf-8").split("=====\n")


@pytest.fixture
def rows() -> Callable[[str, str], list[str]]:
    """Return a field of each row of a published file, or skip where the data is absent."""

    def read(file: str, name: str = "") -> list[str]:
        path = DATA / file
        if not path.exists():
            pytest.skip(f"no real data at {DATA}; set CODEWARD_DATA to its folder")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line)[name] if name else line.rstrip("\n") for line in lines]

    return read
