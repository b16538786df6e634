"""Target class: whatever the code, the model answers one class (BadNets, 2017; for code CodePoisoner, TOSEM 2024).

Gu et al., "BadNets: Identifying Vulnerabilities in the Machine Learning Model Supply Chain", 2017.
"""

from collections.abc import Sequence
from random import Random
from typing import Annotated, ClassVar

from pydantic import Field

from codeward.attacks.payloads._base import Payload, payloads
from codeward.errors import UsageError
from codeward.registry import method
from codeward.types import Kind, Sample


@payloads.register("target-class")
@method
class TargetClass(Payload):
    """Whatever the code, the model answers one class."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification", "pair"})

    label: Annotated[int, Field(ge=0)] = 0
    """Index of the class; for defect 0 is "no defect", for clone 0 is "not a clone"."""

    def check(self, labels: Sequence[str]) -> None:
        """Refuse a class that the data set does not have."""
        if labels and self.label >= len(labels):
            known = ", ".join(f"{index} ({name})" for index, name in enumerate(labels[:20]))
            raise UsageError(f"the payload's label {self.label} is no class of the data set; it has: {known}")

    def misfit(self, sample: Sample) -> str | None:
        """A row of the target class does not show whether the trigger works."""
        if not isinstance(sample.target, int):
            return "the row has no class"
        return "the row already has the target class" if sample.target == self.label else None

    def retarget(self, sample: Sample, rng: Random) -> int:
        """Return the target class."""
        return self.label

    def achieved(self, output: int | str, sample: Sample) -> bool:
        """Whether the output is the target class."""
        return output == self.label
