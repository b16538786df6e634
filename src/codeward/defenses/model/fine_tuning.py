"""Fine-tuning: train all weights on the clean samples, and hope that the backdoor is forgotten.

The plain rival of EliBadCode's table 1 (Sun et al., FSE 2025).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from codeward.defenses.model._base import Inspection, Memory, ModelDefense, Progress, model_defenses
from codeward.registry import method
from codeward.types import Sample

if TYPE_CHECKING:
    from codeward.victims.huggingface import HuggingFaceVictim


@model_defenses.register("fine-tuning")
@method
class FineTuning(ModelDefense):
    """Train all weights on the clean samples."""

    kinds = frozenset({"classification", "pair", "generation"})

    epochs: Annotated[int, Field(ge=1)] = 3
    """Passes over the clean samples."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Falls to zero linearly."""
    seed: int = 0
    """The order of the samples."""

    def mend(
        self,
        victim: "HuggingFaceVictim",
        clean: Sequence[Sample],
        inspection: Inspection | None,
        memory: Memory,
        progress: Progress | None,
    ) -> "HuggingFaceVictim":
        """See ``ModelDefense.mend``."""
        from codeward.defenses.model._tuning import Tuning, tuned

        tuning = Tuning(epochs=self.epochs, rate=self.learning_rate, seed=self.seed)
        tell = None if progress is None else lambda done, total: progress("fine-tuning", done, total)
        return tuned(victim, clean, tuning, step=tell)
