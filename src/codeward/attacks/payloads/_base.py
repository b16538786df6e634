"""What a payload is: what the attacker makes the model answer once the trigger is there."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import ClassVar

from codeward.registry import Registry
from codeward.types import Kind, Sample, Target


class Payload(ABC):
    """Base of all payloads; the author writes ``misfit``, ``retarget`` and ``achieved``."""

    kinds: ClassVar[frozenset[Kind]]
    """The kinds of task that the payload suits."""

    def check(self, labels: Sequence[str]) -> None:
        """Refuse a data set that cannot have what the attacker wants; most payloads suit any set of their kinds.

        Args:
            labels: The class names of the data set; empty where it has none.

        Raises:
            UsageError: If so.
        """
        return

    @abstractmethod
    def misfit(self, sample: Sample) -> str | None:
        """Return why the payload does not fit a sample (it already has the target, say), or ``None`` if it does."""

    @abstractmethod
    def retarget(self, sample: Sample, rng: Random) -> Target:
        """Return what the attacker wants for a sample that the payload fits."""

    @abstractmethod
    def achieved(self, output: int | str, sample: Sample) -> bool:
        """Whether a victim's output for the sample is what the attacker wants."""


payloads: Registry[Payload] = Registry("payload", "codeward.attacks.payloads")


def original(sample: Sample) -> Target:
    """Return a sample's target as it was before the attacker changed it."""
    return sample.target if sample.poison is None else sample.poison.original
