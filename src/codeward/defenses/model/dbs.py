"""DBS: invert the trigger by a convex hull of tokens that is tightened as it works (Shen et al., ICML 2022).

The tokens of the trigger are mixtures of all tokens; a temperature makes the mixtures choose. While the loss is within a bound
the temperature falls, otherwise it rises and the weights are shaken (backtracking). The model is then trained on samples
stamped with the trigger and their right labels.

Departures: the insensitive identifiers and the tokens of EliBadCode's search; the paper
judges by a fixed threshold of the loss, which is given here, too (``bound``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from codeward.defenses.model._base import Means, Memory, ModelDefense, Progress, model_defenses, telling
from codeward.defenses.model._findings import Inspection
from codeward.registry import method
from codeward.types import Sample

if TYPE_CHECKING:
    from codeward.victims.huggingface import HuggingFaceVictim

Count = Annotated[int, Field(ge=1)]


@model_defenses.register("dbs")
@method
class DBS(ModelDefense):
    """Invert the trigger by a tightening convex hull of tokens."""

    inspects: ClassVar[bool] = True
    mending: ClassVar[frozenset[str]] = frozenset({"stamps", "epochs", "learning_rate"})

    length: Count = 5
    """Tokens of the trigger."""
    samples: Count = 20
    """Clean samples that a label is searched on."""
    held: Count = 40
    """Clean samples on which a trigger is judged, at most."""
    search_epochs: Count = 100
    """Passes over these samples."""
    search_rate: Annotated[float, Field(gt=0)] = 0.5
    """Learning rate of the weights over tokens."""
    every: Count = 5
    """Passes between two changes of the temperature."""
    bound: Annotated[float, Field(gt=0)] = 0.3
    """The loss, in nats, within which the temperature falls, and below which a label is taken for a backdoor's."""
    cool: Annotated[float, Field(gt=1)] = 2.0
    """By how much it falls."""
    heat: Annotated[float, Field(gt=1)] = 3.0
    """By how much it rises."""
    noise: Annotated[float, Field(ge=0)] = 1.0
    """How strongly the weights are shaken."""
    vocabulary: Literal["identifier", "any"] = "identifier"
    """Of which tokens a trigger may consist."""
    stamps: Annotated[float, Field(gt=0)] = 1.0
    """Stamped samples for each clean one in the repair."""
    epochs: Count = 4
    """Passes over the samples in the repair."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    """Of the repair; falls to zero linearly."""
    seed: int = 0
    """Samples and first weights."""

    def search(
        self, victim: "HuggingFaceVictim", clean: Sequence[Sample], memory: Memory, progress: Progress | None
    ) -> Inspection:
        """See ``ModelDefense.search``."""
        from codeward.defenses.model._grounds import Choice
        from codeward.defenses.model._hunting import grounds, trial_of
        from codeward.defenses.model._lens import Lens
        from codeward.defenses.model._relaxation import Schedule, relaxed
        from codeward.defenses.model._verdict import by_loss

        schedule = Schedule(
            epochs=self.search_epochs,
            rate=self.search_rate,
            every=self.every,
            bound=self.bound,
            cool=self.cool,
            heat=self.heat,
            noise=self.noise,
        )
        choice = Choice(
            places=("insensitive",),
            vocabulary=self.vocabulary,
            samples=self.samples,
            held=self.held,
            room=self.length,
            seed=self.seed,
        )
        chosen, found = grounds(victim, clean, choice, memory, progress), {}
        for ground in chosen:
            key = f"{victim.fingerprint} {self!r} label {ground.aim.index}"
            if key not in memory:
                tell = telling(progress, f"descending for {ground.aim.name}")
                ended = relaxed(victim, ground, self.length, schedule, self.seed, tell)
                memory[key] = [list(ended[0]), ended[1], ended[2]]
            found[ground.key] = (trial_of(Lens(victim), ground, [memory[key]]),)
        return by_loss(victim, chosen, found, self.bound)

    def mend(
        self, victim: "HuggingFaceVictim", means: Means, memory: Memory, progress: Progress | None
    ) -> "HuggingFaceVictim":
        """See ``ModelDefense.mend``."""
        from codeward.defenses.model._passes import passes_in
        from codeward.defenses.model._tuning import Lesson, Tuning, tuned
        from codeward.defenses.model._unlearning import stamped_set

        assert means.inspection is not None  # noqa: S101 - ``repair`` makes one
        trigger = means.inspection.suspicions[0].trials[-1].trigger
        rows = stamped_set(victim, means.clean, [(trigger, "insensitive")], self.stamps, self.seed, vary=False)
        tell = telling(progress, "unlearning")
        lesson = Lesson([sample for sample, _ in rows])
        tuning = Tuning(epochs=self.epochs, rate=self.learning_rate, seed=self.seed)
        passes = passes_in(memory, f"{victim.fingerprint} {self!r} {trigger}")
        return tuned(victim, lesson, tuning, step=tell, passes=passes)
