"""The built-in functions of the golden tests, and short ways to stamp one text."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from codeward.attacks import Stamp, attacks
from codeward.types import Sample

FUNCTIONS = Path(__file__).parents[1] / "golden" / "functions"


@pytest.fixture
def functions() -> Callable[[str], list[str]]:
    """Return the built-in functions of a language."""
    return lambda language: (FUNCTIONS / f"{language}.txt").read_text(encoding="utf-8").split("=====\n")


@pytest.fixture
def stamp() -> Callable[..., Stamp | None]:
    """Stamp one text with a named attack."""

    def run(name: str, code: str, language: str, /, *, seed: int = 0, context=None, **options: object) -> Stamp | None:
        sample = Sample("row", code, 0, language, context or {})
        return attacks.make(name, options).stamp(sample, Random(seed))

    return run
