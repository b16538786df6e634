"""What a model-stage defense is: it inspects a trained model for a backdoor, or repairs it, with a few clean samples."""

from collections import Counter
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

from codeward.errors import DataError, ModelError, UnfitError, UsageError
from codeward.registry import Registry, method
from codeward.types import Sample, Score
from codeward.victims.base import Victim

if TYPE_CHECKING:
    from codeward.victims.huggingface import Classifier

Finding = Literal["backdoored", "clean", "inconclusive"]
Place = Literal["insensitive", "function", "statement"]
"""Where a trigger is put: at the identifier on which the answer rests least, as the function's name, or as a statement."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""
Memory = MutableMapping[str, Any]
"""Results of finished steps as JSON values, by the step's name; a run that is taken up again finds them there."""
FEWEST = 10
"""Samples of each class that a defense needs."""
CHANCE = 0.01
"""A model whose right answers are as likely as this by chance is not judged."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The best trigger of one length for one label."""

    tokens: tuple[int, ...]
    trigger: str
    """As text."""
    loss: float
    """Mean cross-entropy of the label on the samples of the search, in nats."""
    held_loss: float
    """The same on samples that were kept back."""
    success: float
    """Share of held-back samples for which the stamped text gets the label."""
    losses: tuple[float, ...] = ()
    """The best loss after each step of the search."""
    starts: tuple[tuple[int, ...], ...] = ()
    """The tokens that each start found, in the order of the starts."""

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return len(self.tokens)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What was found for one label in one kind of place."""

    label: str
    index: int
    place: Place
    trials: tuple[Trial, ...]
    """The shortest trigger first."""
    score: float
    """The higher, the cheaper it is to make the model give this label."""
    untriggered: float
    """The loss of this label on the samples kept back, as they are."""
    judged: int
    """Held-back samples."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is thought of a model."""

    finding: Finding
    model: str
    """The model's fingerprint."""
    suspicions: tuple[Suspicion, ...] = ()
    """One for each label and place, the most suspicious first."""
    target: str | None = None
    """The label that the backdoor serves."""
    trigger: str = ""
    tokens: tuple[int, ...] = ()
    place: Place | None = None
    success: Score | None = None
    """Of the trigger on held-back clean samples of other labels."""
    anomaly: float | None = None
    """The suspicion score of the target; compared with what clean models have."""
    p_value: float | None = None
    """Share of known clean models that are as suspicious, the judged one counted in."""
    notes: tuple[str, ...] = ()
    reason: str = ""
    """In one sentence, why."""
    finished: bool = True
    """Whether the search has ended; not where its budget was used up."""


@method
class ModelDefense:
    """Base of all model-stage defenses; the author writes ``search``, ``mend`` or both, and says which."""

    inspects: ClassVar[bool] = False
    """Whether it judges models."""

    def search(
        self, victim: "Classifier", clean: Sequence[Sample], memory: Memory, progress: Progress | None
    ) -> Inspection:
        """Judge a model."""
        raise NotImplementedError

    def mend(
        self,
        victim: "Classifier",
        clean: Sequence[Sample],
        inspection: Inspection | None,
        memory: Memory,
        progress: Progress | None,
    ) -> "Classifier":
        """Return a mended copy; the given model is not changed."""
        raise NotImplementedError

    @final
    def inspect(
        self,
        victim: Victim,
        clean: Sequence[Sample],
        *,
        memory: Memory | None = None,
        progress: Progress | None = None,
    ) -> Inspection:
        """Judge a model.

        Args:
            victim: The model; it is not changed.
            clean: Samples without triggers, with their right targets.
            memory: Where finished steps are kept.
            progress: Called with what is being done.

        Raises:
            UsageError: If the defense only repairs.
            DataError: If the samples are too few or of one class.
            ModelError: If the model's kind or tokenizer does not suit.
        """
        if not self.inspects:
            raise UsageError(
                f"{model_defenses.name_of(self)} judges no model, it only repairs; choose elibadcode or dbs"
            )
        model = _checked(victim, model_defenses.name_of(self))
        blind = [sample.blind() for sample in clean]
        check_samples(blind, model)
        if not better_than_chance(blind, model):
            return Inspection(
                "inconclusive",
                model.fingerprint,
                reason="the model's answers to the clean samples are no better than chance",
            )
        return self.search(model, blind, {} if memory is None else memory, progress)

    @final
    def repair(
        self,
        victim: Victim,
        clean: Sequence[Sample],
        inspection: Inspection | None = None,
        *,
        memory: Memory | None = None,
        progress: Progress | None = None,
    ) -> "Classifier":
        """Return a repaired copy of a model.

        Args:
            victim: The model; it is not changed.
            clean: Samples without triggers, with their right targets.
            inspection: What an inspection of this model found; unset: it is made where the defense needs one.
            memory: Where finished steps are kept.
            progress: Called with what is being done.

        Raises:
            DataError: If the samples are too few or of one class.
            ModelError: If the model's kind does not suit, or the inspection is of another model.
        """
        model = _checked(victim, model_defenses.name_of(self))
        if inspection is not None and inspection.model != model.fingerprint:
            raise ModelError(
                f"the inspection is of another model ({inspection.model}, this one is {model.fingerprint}); scan this one"
            )
        blind = [sample.blind() for sample in clean]
        check_samples(blind, model)
        return self.mend(model, blind, inspection, {} if memory is None else memory, progress)


def telling(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    """Return what tells how much of one thing is done; none, where nobody listens."""
    return None if progress is None else lambda done, total: progress(what, done, total)


def _checked(victim: Victim, name: str) -> "Classifier":
    from codeward.victims.huggingface import Classifier, HuggingFaceVictim

    if isinstance(victim, Classifier):
        return victim
    if isinstance(victim, HuggingFaceVictim):
        raise UnfitError(
            f"{name} works for classifiers, of a function or of a pair; this model is for {victim.task.kind}"
        )
    raise UnfitError(f"{name} looks into a model's weights, and a {type(victim).__name__} has none")


def check_samples(clean: Sequence[Sample], victim: "Classifier") -> None:
    """Refuse clean samples with which nothing can be found.

    Raises:
        DataError: If they are too few, of one class, or of a class that the model does not have.
    """
    counts = Counter(sample.target for sample in clean)
    for target in counts:
        if not isinstance(target, int) or not 0 <= target < len(victim.labels):
            row = next(sample.id for sample in clean if sample.target == target)
            raise DataError(
                f"clean sample {row!r} has the target {target!r}, which the model does not know; it tells apart: "
                + ", ".join(victim.labels)
            )
    enough = [label for label, count in counts.items() if count >= FEWEST]
    if len(counts) == 1:
        only = victim.labels[next(label for label in counts if isinstance(label, int))]
        raise DataError(f"all {len(clean)} clean samples are of the class {only!r}; give some of another, too")
    if len(enough) < 2:
        told = ", ".join(f"{victim.labels[label]} {count}" for label, count in counts.items() if isinstance(label, int))
        raise DataError(f"the clean samples are too few ({told}); give at least {FEWEST} of each class, better 30")


def better_than_chance(clean: Sequence[Sample], victim: "Classifier") -> bool:
    """Whether a model's answers agree with the targets more often than answers given blindly would."""
    from scipy.stats import binomtest

    answers = [prediction.output for prediction in victim.predict(clean)]
    targets = [sample.target for sample in clean]
    right = sum(answer == target for answer, target in zip(answers, targets, strict=True))
    said, true = Counter(answers), Counter(targets)
    blind = sum(said[label] * true[label] for label in true if isinstance(label, int)) / len(clean) ** 2
    return bool(binomtest(right, len(clean), min(blind, 1.0), alternative="greater").pvalue < CHANCE)


model_defenses: Registry[ModelDefense] = Registry("model defense", "codeward.defenses.model", plural="model_defenses")
