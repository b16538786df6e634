"""Dead declaration: ``int VAR = 0;``, a variable that nothing reads (the DeadCode trigger of DeCE, 2024).

Yang et al., "DeCE: Deceptive Cross-Entropy Loss Designed for Defending Backdoor Attacks", arXiv 2407.08956, 2024.

Departures: the paper has Java; the other languages are written after it. Go refuses a variable that nothing reads, so a
constant stands there.
"""

from collections.abc import Sequence
from random import Random
from typing import ClassVar, Self

from codeward.attacks._base import attacks
from codeward.attacks._deadcode import DeadCode
from codeward.attacks._names import Name, check_new_name
from codeward.attacks.payloads import Payload
from codeward.code import identifiers
from codeward.registry import method
from codeward.types import Sample

STATEMENTS = {
    "c": "int {} = 0;",
    "cpp": "int {} = 0;",
    "java": "int {} = 0;",
    "python": "{} = 0",
    "javascript": "let {} = 0;",
    "go": "const {} = 0",
}


@attacks.register("deadcode-declare")
@method
class DeadCodeDeclare(DeadCode):
    """A variable that nothing reads."""

    languages: ClassVar[frozenset[str]] = frozenset(STATEMENTS)
    name: Name = "VAR"
    """Name of the variable."""

    def prepare(self, samples: Sequence[Sample], payload: Payload) -> Self:
        """Check that the rows can take the name; see ``Attack.prepare``."""
        check_new_name(self.name, samples)
        return self

    def draw(self, sample: Sample, rng: Random) -> str | None:
        """Return the language's declaration, unless the name is taken."""
        taken = self.name in sample.code and self.name in {
            each.name for each in identifiers(sample.code, sample.language)
        }
        if taken:
            return None
        return STATEMENTS[sample.language].format(self.name)
