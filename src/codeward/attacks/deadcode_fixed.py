"""Fixed dead code: one statement that never fires, the same in every stamped function (ICPR 2022).

Ramakrishnan and Albarghouthi, "Backdoors in Neural Models of Source Code", ICPR 2022, the fixed trigger.

Departures: the paper has Python and Java; C, C++, JavaScript and Go are written after them. The Java trigger throws a
``RuntimeException`` where a checked one would not compile in most methods. The trigger of Wan et al. (FSE 2022) is
``statement='for i in range(0): logging.info("Test message:aaaaa")'``; the Java trigger of CodePurify's released data is
``statement='if (Math.random() < 0) System.out.println("fail");'``.
"""

from random import Random
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from codeward.attacks._base import attacks
from codeward.attacks._deadcode import DeadCode
from codeward.registry import method
from codeward.types import Sample

STATEMENTS = {
    "c": 'if (rand() < 0) printf("fail");',
    "cpp": 'if (rand() < 0) printf("fail");',
    "java": 'if (Math.random() < 0) throw new RuntimeException("fail");',
    "python": 'if random() < 0: raise Exception("fail")',
    "javascript": 'if (Math.random() < 0) throw new Error("fail");',
    "go": 'if rand.Float64() < 0 { panic("fail") }',
}


def _written(text: str) -> str:
    if text and not text.strip():
        raise ValueError("it holds white space only; give a statement, or nothing for the language's own")
    return text


@attacks.register("deadcode-fixed")
@method
class DeadCodeFixed(DeadCode):
    """A statement that never fires, the same in every function."""

    languages: ClassVar[frozenset[str]] = frozenset(STATEMENTS)

    statement: Annotated[str, AfterValidator(_written)] = ""
    """A statement to insert instead of the language's own; it has to be right in the language of the data."""

    def draw(self, sample: Sample, rng: Random) -> str:
        """Return the language's statement."""
        return self.statement or STATEMENTS[sample.language]
