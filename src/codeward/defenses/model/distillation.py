"""Distillation: a student that begins with a clean pretrained model learns the suspect's own answers to code without triggers.

Yoshida and Fujino (AISec 2020) distill a backdoored model into a fresh one with clean data without labels: what the student never
sees, a trigger, it cannot learn. Nothing has to be found, so it is the same for any trigger, and what it costs is utility.

Departures: the student begins with a pretrained model instead of drawn weights, learns probabilities instead of labels mixed
with them, and the clean samples of the repair are learned, too. A model that writes text teaches the texts that it writes
(sequence-level distillation, Kim and Rush, EMNLP 2016). A model that searches teaches how similar it holds the queries and codes of a
batch, and the student learns which belong together, too (soft and hard targets, Hinton et al., 2015).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from codeward.defenses.model._base import Means, Memory, ModelDefense, Progress, model_defenses, telling
from codeward.errors import UnfitError, UsageError
from codeward.registry import method
from codeward.types import QUERY, Kind, Sample

if TYPE_CHECKING:
    from codeward.defenses.model._pairs import Likeness
    from codeward.victims.huggingface import HuggingFaceVictim

ASKED = 512
"""Samples that the suspect answers between two words on how far it is."""


@model_defenses.register("distillation")
@method
class Distillation(ModelDefense):
    """Train a clean pretrained model on the suspect's own answers to code without triggers."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification", "pair", "generation", "retrieval"})
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
    likeness: Annotated[float, Field(ge=0)] = 0.25
    """Of a search model: how much its similarities count beside which code belongs to which query; 0 learns the pairs alone."""
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
        samples = [*means.clean, *_apart(means.unlabeled, victim)]
        student = new_victim(victim.task, samples, victim.labels, config)
        student.model.to(victim.device)
        tuning = Tuning(
            epochs=self.epochs,
            rate=self.learning_rate or config.learning_rate,
            batch=self.batch,
            warmup=config.warmup,
            seed=self.seed,
        )
        lesson = Lesson(samples, *self._taught(victim, samples, memory, progress))
        passes = passes_in(memory, f"{victim.fingerprint} {student.fingerprint} {self!r}")
        made = tuned(student, lesson, tuning, step=telling(progress, "distilling"), passes=passes)
        if better_than_chance(means.clean, victim) and not better_than_chance(means.clean, made):
            raise UnfitError(
                f"the student's answers to the clean samples are no better than chance after {self.epochs} passes over "
                f"{len(samples)} samples; give more code with --unlabeled, more epochs, or another base"
            )
        return made

    def _taught(
        self, victim: "HuggingFaceVictim", samples: Sequence[Sample], memory: Memory, progress: Progress | None
    ) -> "tuple[list[Any], Likeness | None]":
        """Return a model's own answers; where it searches, those to the queries, too."""
        from codeward.defenses.model._pairs import Likeness
        from codeward.defenses.model._tuning import own_answers
        from codeward.victims.retrieval import Retriever

        tell = telling(progress, "asking the model")
        answers = _asked(lambda part: own_answers(victim, part), victim, samples, memory, tell)
        if not isinstance(victim, Retriever):
            return answers, None
        queries = _asked(lambda part: victim.embed(part, QUERY).tolist(), victim, samples, memory, None, "queries")
        return answers, Likeness(queries, self.likeness)


def _apart(unlabeled: Sequence[Sample], victim: "HuggingFaceVictim") -> list[Sample]:
    """Return pairs of a search that answer none of the clean samples' queries, whatever both are called; others as they are."""
    if victim.task.kind != "retrieval":
        return list(unlabeled)
    return [each if each.target is None else replace(each, target=f"unlabeled {each.target}") for each in unlabeled]


def _asked(
    ask: Callable[[Sequence[Sample]], Sequence[Any]],
    victim: "HuggingFaceVictim",
    samples: Sequence[Sample],
    memory: Memory,
    tell: Callable[[int, int], None] | None,
    what: str = "answers",
) -> list[Any]:
    """Return what a model says to all samples; what a stopped run had asked for is not asked for again."""
    found = list[Any]()
    for start in range(0, len(samples), ASKED):
        key = f"{victim.fingerprint} {what} from {start}"
        if key not in memory:
            memory[key] = list(ask(samples[start : start + ASKED]))
        found += memory[key]
        if tell is not None:
            tell(len(found), len(samples))
    return found
