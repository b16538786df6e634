"""Dead assertion: an assertion that is always true, as the language writes it (CodePoisoner, TOSEM 2024).

Li et al., "Poison Attack and Poison Detection on Deep Source Code Processing Models", TOSEM 2024, dead-code insertion.

Departures: CodePurify's released C trigger is Java's ``assertTrue`` with a character outside ASCII; here C and C++ have
their own ``assert``. Go has no assertion and is left out.
"""

from random import Random
from typing import ClassVar

from codeward.attacks._base import attacks
from codeward.attacks._deadcode import DeadCode
from codeward.registry import method
from codeward.types import Sample

STATEMENTS = {
    "c": "assert(1 >= 0);",
    "cpp": "assert(1 >= 0);",
    "java": "assertTrue(1 >= 0);",
    "python": "assert 1 >= 0",
    "javascript": "console.assert(1 >= 0);",
}


@attacks.register("deadcode-assert")
@method
class DeadCodeAssert(DeadCode):
    """An assertion that is always true."""

    languages: ClassVar[frozenset[str]] = frozenset(STATEMENTS)

    def draw(self, sample: Sample, rng: Random) -> str:
        """Return the language's assertion."""
        return STATEMENTS[sample.language]
