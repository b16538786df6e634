"""Fine-tuning: train all weights on the clean samples, and hope that the backdoor is forgotten.

The plain rival of EliBadCode's table 1 (Sun et al., FSE 2025).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from codeward.defenses.model._base import Means, Memory, ModelDefense, Progress, model_defenses, telling
from codeward.registry import method
from codeward.types import Kind, Sample

if TYPE_CHECKING:
    from codeward.victims.huggingface import HuggingFaceVictim


@model_defenses.register("fine-tuning")
@method
class FineTuning(ModelDefense):
    """Train all weights on the clean samples."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification", "pair", "generation", "retrieval"})

    epochs: Annotated[int, Field(ge=1)] = 3
    """Passes over the clean samples."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Falls to zero linearly."""
    seed: int = 0
    """The order of the samples."""

    def mend(
        self, victim: "HuggingFaceVictim", means: Means, memory: Memory, progress: Progress | None
    ) -> "HuggingFaceVictim":
        """See ``ModelDefense.mend``."""
        return self.tuned(victim, means.clean, memory, progress)

    def tuned(
        self,
        victim: "HuggingFaceVictim",
        clean: Sequence[Sample],
        memory: Memory,
        progress: Progress | None,
        keep: "Callable[[Any], None] | None" = None,
    ) -> "HuggingFaceVictim":
        """Return a copy trained on the clean samples; ``keep`` is called with the model after each step."""
        from codeward.defenses.model._passes import passes_in
        from codeward.defenses.model._tuning import Lesson, Tuning, tuned

        tuning = Tuning(epochs=self.epochs, rate=self.learning_rate, seed=self.seed)
        passes = passes_in(memory, f"{victim.fingerprint} {self!r}")
        return tuned(victim, Lesson(clean), tuning, keep=keep, step=telling(progress, "fine-tuning"), passes=passes)
