"""Distillation: a student that begins with a clean pretrained model learns the suspect's own answers to code without triggers.

Yoshida and Fujino (AISec 2020) distill a backdoored model into a fresh one with clean data without labels: what the student never
sees, a trigger, it cannot learn. Nothing has to be found, so it is the same for any trigger, and what it costs is utility.

Departures: the student begins with a pretrained model instead of drawn weights, learns probabilities instead of labels mixed
with them, and the clean samples of the repair are learned, too. A model that writes text teaches the texts that it writes
(sequence-level distillation, Kim and Rush, EMNLP 2016).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from codeward.defenses.model._base import Means, Memory, ModelDefense, Progress, model_defenses, telling
from codeward.errors import UnfitError, UsageError
from codeward.registry import method
from codeward.types import Kind, Sample

if TYPE_CHECKING:
    from codeward.victims.huggingface import HuggingFaceVictim

ASKED = 512
"""Samples that the suspect answers between two words on how far it is."""


@model_defenses.register("distillation")
@method
class Distillation(ModelDefense):
    """Train a clean pretrained model on the suspect's own answers to code without triggers."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification", "pair", "generation"})
    wants_unlabeled: ClassVar[bool] = True

    base: str = ""
    """The clean model that the student begins with: a folder, a name of the hub, or one that is built in. The model that the
    suspect was fine-tuned from will do, from a source that you trust."""
    epochs: Annotated[int, Field(ge=1)] = 3
    """Passes over all samples."""
    learning_rate: Annotated[float, Field(ge=0)] = 0.0
    """Rises for a tenth of the steps, then falls to zero linearly; 0 takes what ``codeward train`` has for this base."""
    batch: Annotated[int, Field(ge=1)] = 32
    """Samples a step."""
    seed: int = 0
    """The head's first weights, and the order of the samples."""

    def mend(
        self, victim: "HuggingFaceVictim", means: Means, memory: Memory, progress: Progress | None
    ) -> "HuggingFaceVictim":
        """See ``ModelDefense.mend``.

        Raises:
            UsageError: If no base is named.
            ModelError: If the base cannot be loaded or does not suit the task.
            UnfitError: If the student answers the clean samples no better than chance.
        """
        from codeward.defenses.model._passes import passes_in
        from codeward.defenses.model._samples import better_than_chance
        from codeward.defenses.model._tuning import Lesson, Tuning, tuned
        from codeward.victims.config import make_config
        from codeward.victims.training import new_victim

        if not self.base:
            raise UsageError(
                "distillation needs a clean model for the student to begin with; name it: --set base=mini-encoder, or the "
                "folder or hub name of the model that this one was fine-tuned from"
            )
        lengths = {"max_length": victim.encoder.max_length, "max_target_length": victim.encoder.max_target_length}
        config = make_config(victim.task, {"model": self.base, "seed": self.seed, **lengths})
        samples = [*means.clean, *means.unlabeled]
        student = new_victim(victim.task, samples, victim.labels, config)
        student.model.to(victim.device)
        tuning = Tuning(
            epochs=self.epochs,
            rate=self.learning_rate or config.learning_rate,
            batch=self.batch,
            warmup=config.warmup,
            seed=self.seed,
        )
        lesson = Lesson(samples, _answers(victim, samples, memory, progress))
        passes = passes_in(memory, f"{victim.fingerprint} {student.fingerprint} {self!r}")
        made = tuned(student, lesson, tuning, step=telling(progress, "distilling"), passes=passes)
        if better_than_chance(means.clean, victim) and not better_than_chance(means.clean, made):
            raise UnfitError(
                f"the student's answers to the clean samples are no better than chance after {self.epochs} passes over "
                f"{len(samples)} samples; give more code with --unlabeled, more epochs, or another base"
            )
        return made


def _answers(
    victim: "HuggingFaceVictim", samples: Sequence[Sample], memory: Memory, progress: Progress | None
) -> list[Any]:
    """Return a model's own answers; those that a stopped run had asked for are not asked for again."""
    from codeward.defenses.model._tuning import own_answers

    tell, found = telling(progress, "asking the model"), list[Any]()
    for start in range(0, len(samples), ASKED):
        key = f"{victim.fingerprint} answers from {start}"
        if key not in memory:
            memory[key] = list(own_answers(victim, samples[start : start + ASKED]))
        found += memory[key]
        if tell is not None:
            tell(len(found), len(samples))
    return found
