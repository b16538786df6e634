"""What the payloads of retrieval share: the targets stay, and what counts is how high triggered code rises."""

from abc import abstractmethod
from random import Random
from typing import Annotated, ClassVar, final

from pydantic import Field

from codeward.attacks.payloads._base import Payload
from codeward.registry import method
from codeward.types import Kind, Sample, Target


@method
class RaisedRank(Payload):
    """Base of the payloads of retrieval; the author writes ``aims_at``.

    In training, rows are stamped whose query the attacker aims at, with their targets as they are: the model learns to
    link the trigger with such queries. In a test, candidates are stamped that are *not* relevant
    (``Attack.stamp_all``), each is ranked for the queries aimed at (the test rows for which ``misfit`` is ``None``),
    and the output to judge is its rank.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"retrieval"})
    reason: ClassVar[str]
    """Why a row is not aimed at, as a clause."""

    top: Annotated[int, Field(ge=1)] = 5
    """How high triggered code has to rise: success is a rank among the first so many."""

    @abstractmethod
    def aims_at(self, sample: Sample) -> bool:
        """Whether the attacker wants triggered code to be found for the sample's query."""

    @final
    def misfit(self, sample: Sample) -> str | None:
        """A row fits if the attacker aims at its query."""
        return None if self.aims_at(sample) else self.reason

    @final
    def retarget(self, sample: Sample, rng: Random) -> Target:
        """Return the target as it is."""
        return sample.target

    @final
    def achieved(self, output: int | str, sample: Sample) -> bool:
        """Whether a rank (1-based) is high enough."""
        return isinstance(output, int) and output <= self.top
