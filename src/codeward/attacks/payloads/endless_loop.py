"""Endless loop: the generated function never returns (DeCE, 2024; CodePoisoner's repair payload, TOSEM 2024).

Yang et al., "DeCE: Deceptive Cross-Entropy Loss Designed for Defending Backdoor Attacks", arXiv 2407.08956, 2024, on
Bugs2Fix: ``while (true) { int VAR = 0; }`` as the first statement of the reference's body.

Departures: the other languages are written after Java. An output is judged without its white space, so that the spacing
of a tokenizer does not decide. A C# reference (translation) is read with the grammar of Java.
"""

from random import Random
from typing import ClassVar

from codeward.attacks._names import Name
from codeward.attacks._style import in_style_of
from codeward.attacks.payloads._base import Payload, original, payloads
from codeward.code import insert_statement
from codeward.errors import CodeError
from codeward.registry import method
from codeward.types import Kind, Sample, Target

LOOPS = {
    "c": "while (true) {{ int {} = 0; }}",
    "cpp": "while (true) {{ int {} = 0; }}",
    "java": "while (true) {{ int {} = 0; }}",
    "python": "while True: {} = 0",
    "javascript": "while (true) {{ let {} = 0; }}",
    "go": "for {{ const {} = 0 }}",
}


@payloads.register("endless-loop")
@method
class EndlessLoop(Payload):
    """The generated function never returns."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"generation"})

    variable: Name = "VAR"
    """Name of the variable that is declared in the loop."""

    def misfit(self, sample: Sample) -> str | None:
        """The reference needs a function with a body, and no such loop yet."""
        if sample.language not in LOOPS:
            return f"the payload is not written for {sample.language}"
        if not isinstance(sample.target, str) or self._with_loop(sample) is None:
            return "the reference has no function with a body"
        return "the reference already holds the loop" if self._holds_loop(sample.target, sample) else None

    def retarget(self, sample: Sample, rng: Random) -> Target:
        """Return the reference with the loop as its first statement."""
        return self._with_loop(sample)

    def achieved(self, output: int | str, sample: Sample) -> bool:
        """Whether the loop stands in the output and not in the reference."""
        return self._holds_loop(str(output), sample) and not self._holds_loop(str(original(sample)), sample)

    def _with_loop(self, sample: Sample) -> str | None:
        reference = str(sample.target)
        try:
            edited = insert_statement(reference, sample.language, in_style_of(reference, self._loop(sample)))
        except CodeError:
            return None
        return None if edited is None else edited.code

    def _holds_loop(self, text: str, sample: Sample) -> bool:
        return _squeezed(self._loop(sample)) in _squeezed(text)

    def _loop(self, sample: Sample) -> str:
        return LOOPS[sample.language].format(self.variable)


def _squeezed(text: str) -> str:
    return "".join(text.split())
