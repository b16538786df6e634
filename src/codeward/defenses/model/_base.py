"""What a model-stage defense is: it inspects a trained model for a backdoor, or repairs it, with a few clean samples."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

from codeward.defenses.model._samples import better_than_chance, check_samples, usable
from codeward.errors import DataError, ModelError, UnfitError, UsageError
from codeward.registry import Registry, method
from codeward.registry.plugins import blaming, wrong
from codeward.types import Kind, Sample, Score
from codeward.victims.base import Victim

if TYPE_CHECKING:
    from codeward.victims.huggingface import HuggingFaceVictim

Finding = Literal["backdoored", "clean", "inconclusive"]
Place = Literal["insensitive", "function", "statement", "everywhere"]
"""Where a trigger is put: at the identifier on which the answer rests least, as the function's name, as a statement, or in copies
of the sample at each of them."""
PLACES: tuple[Place, ...] = ("insensitive", "function", "statement")
"""The single ones."""
AS_GOOD = 0.9
"""Of two triggers of a payload the shorter is shown if it has this share of the other's success."""
LOW = 0.1
"""Held-back losses below, or leads over references so far apart, in nats, are alike when the shortest trigger is chosen."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""
Memory = MutableMapping[str, Any]
"""Results of finished steps as JSON values, by the step's name; a run that is taken up again finds them there."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The best trigger of one length for one label, payload or query word."""

    tokens: tuple[int, ...]
    trigger: str
    """As text."""
    loss: float
    """Mean cross-entropy of the label, of the payload's tokens, or of the code among those of a query, on the samples of the
    search, in nats."""
    held_loss: float
    """The same on samples that were kept back."""
    success: float
    """Share of held-back samples for which the stamped text gets the label, or an answer that holds the payload; of pairs of such
    a sample and a query that holds the word, in which the stamped code is among the query's first tenth of all."""
    judged: int
    """Held-back samples that this is the share of; of a search model, pairs of such a sample and a query."""
    losses: tuple[float, ...] = ()
    """The best loss after each step of the search."""
    starts: tuple[tuple[int, ...], ...] = ()
    """The tokens that each start found, in the order of the starts."""
    rank: float | None = None
    """Of a search model: the mean normalized rank of stamped code for the queries kept back that hold the word (1: the last)."""
    place: Place | None = None
    """Of a classifier: the kind of place where it does best; ``held_loss`` and ``success`` are those there."""
    joined: bool = False
    """Whether it does best there joined to the name that it meets, instead of in its place."""
    reference: float | None = None
    """Share of the same samples for which it gets the label from a reference, the most of any, where there are some; the losses are
    then the model's own less the lowest of the references."""

    @property
    def length(self) -> int:
        """How many tokens it has."""
        return len(self.tokens)

    @property
    def where(self) -> str:
        """In words, behind a comma, where it does best; nothing where it was tried in one place only."""
        if self.place is None:
            return ""
        name = "the function's name" if self.place == "function" else "a name"
        if self.joined:
            return f", joined to {name}"
        return ", as a statement" if self.place == "statement" else f", in place of {name}"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What was found for one label, payload or query word, in one kind of place."""

    label: str
    """The label's name, the payload's text, or the word."""
    index: int
    """The class, or the number of the payload or the word."""
    place: Place
    trials: tuple[Trial, ...]
    """The shortest trigger first."""
    score: float
    """The higher, the cheaper it is to make the model give this answer."""
    untriggered: float
    """The loss of this answer on the samples kept back, as they are."""
    payload: tuple[int, ...] = ()
    """The tokens with which what a generator is made to write begins; empty for others."""
    rank: float | None = None
    """Of a search model: the mean normalized rank of the same code without a trigger."""

    @property
    def best(self) -> Trial:
        """The shortest trigger that does nearly as well as the best: by success for a payload, else by the held-back loss."""
        if self.payload:
            most = max(trial.success for trial in self.trials)
            return next(trial for trial in self.trials if trial.success >= AS_GOOD * most)
        least = min(trial.held_loss for trial in self.trials)
        bound = max(2 * least, LOW) if self.trials[0].reference is None else least + LOW
        return next(trial for trial in self.trials if trial.held_loss <= bound)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is thought of a model."""

    finding: Finding
    model: str
    """The model's fingerprint."""
    suspicions: tuple[Suspicion, ...] = ()
    """One for each label and place, the most suspicious first."""
    target: str | None = None
    """The label that the backdoor serves, the payload that it makes a generator write, or the query word that it raises code for."""
    trigger: str = ""
    tokens: tuple[int, ...] = ()
    place: Place | None = None
    joined: bool = False
    """Whether the trigger is joined to the name that stands there."""
    success: Score | None = None
    """Of the trigger on held-back clean samples of other labels, whose answers do not hold the payload, or that are not what
    the queries with the word ask for."""
    anomaly: float | None = None
    """The highest suspicion score, compared with what clean models have; of a search model how far the word lies above others."""
    p_value: float | None = None
    """Share of known clean models that are as suspicious, the judged one counted in."""
    notes: tuple[str, ...] = ()
    reason: str = ""
    """In one sentence, why."""
    finished: bool = True
    """Whether the search has ended; not where its budget was used up."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a model is repaired with."""

    clean: Sequence[Sample]
    """Samples without triggers, with their right targets."""
    unlabeled: Sequence[Sample] = ()
    """Further inputs without triggers, whose targets are not read; empty but for a defense that needs them."""
    inspection: Inspection | None = None
    """What an inspection of the model found; there is one for a defense that inspects."""
    references: "Sequence[HuggingFaceVictim]" = ()
    """Models of the same task that are trusted, and that read the same tokens."""


@method
class ModelDefense:
    """Base of all model-stage defenses; the author writes ``search``, ``mend`` or both, and says which."""

    inspects: ClassVar[bool] = False
    """Whether it judges models."""
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification", "pair"})
    """The kinds of task whose models it works for."""
    mending: ClassVar[frozenset[str]] = frozenset()
    """Options that ``search`` does not read: one inspection serves repairs that differ in no other."""
    wants_unlabeled: ClassVar[bool] = False
    """Whether it repairs with inputs without labels, too."""
    takes_references: ClassVar[bool] = False
    """Whether it can judge a classifier against others that are trusted."""

    def search(
        self, victim: "HuggingFaceVictim", clean: Sequence[Sample], memory: Memory, progress: Progress | None
    ) -> Inspection:
        """Judge a model."""
        raise NotImplementedError

    def search_against(
        self,
        victim: "HuggingFaceVictim",
        references: "Sequence[HuggingFaceVictim]",
        clean: Sequence[Sample],
        memory: Memory,
        progress: Progress | None,
    ) -> Inspection:
        """Judge a classifier against others that are trusted."""
        raise NotImplementedError

    def mend(
        self, victim: "HuggingFaceVictim", means: Means, memory: Memory, progress: Progress | None
    ) -> "HuggingFaceVictim":
        """Return a mended copy; the given model is not changed."""
        raise NotImplementedError

    @final
    def inspect(
        self,
        victim: Victim,
        clean: Sequence[Sample],
        *,
        references: Sequence[Victim] = (),
        memory: Memory | None = None,
        progress: Progress | None = None,
    ) -> Inspection:
        """Judge a model.

        Args:
            victim: The model; it is not changed.
            clean: Samples without triggers, with their right targets.
            references: Classifiers of the same task that are trusted, with the same tokenizer, for a defense that takes some.
            memory: Where finished steps are kept.
            progress: Called with what is being done.

        Raises:
            UsageError: If the defense only repairs, or takes no references.
            DataError: If the samples are too few or of one class.
            ModelError: If the model's kind or tokenizer does not suit, or a reference's.
        """
        if not self.inspects:
            raise UsageError(
                f"{model_defenses.name_of(self)} judges no model, it only repairs; choose elibadcode or dbs"
            )
        model = self._checked(victim)
        blind = usable(clean, model)
        check_samples(blind, model)
        if not better_than_chance(blind, model):
            return Inspection(
                "inconclusive",
                model.fingerprint,
                reason="the model's answers to the clean samples are no better than chance",
            )
        kept = {} if memory is None else memory
        trusted = self._checked_references(references, model, blind)
        hook = "search_against" if trusted else "search"
        with blaming(self, hook):
            found = (
                self.search_against(model, trusted, blind, kept, progress)
                if trusted
                else self.search(model, blind, kept, progress)
            )
        if not isinstance(found, Inspection):
            raise wrong(self, hook, "an Inspection", found)
        return found

    @final
    def repair(
        self,
        victim: Victim,
        clean: Sequence[Sample],
        inspection: Inspection | None = None,
        *,
        unlabeled: Sequence[Sample] = (),
        references: Sequence[Victim] = (),
        memory: Memory | None = None,
        progress: Progress | None = None,
    ) -> "HuggingFaceVictim":
        """Return a repaired copy of a model.

        Args:
            victim: The model; it is not changed.
            clean: Samples without triggers, with their right targets.
            inspection: What an inspection of this model found; unset: it is made where the defense needs one.
            unlabeled: Further inputs without triggers, for a defense that wants them; their targets are not read.
            references: See ``inspect``.
            memory: Where finished steps are kept.
            progress: Called with what is being done.

        Returns:
            The copy; the model itself where an inspection that is needed has found nothing.

        Raises:
            UsageError: If there are inputs without labels, and the defense does not want them, or the other way round.
            DataError: If the samples are too few or of one class, or the search of the inspection had not ended.
            ModelError: If the model's kind does not suit, or the inspection is of another model.
        """
        self._check_unlabeled(unlabeled)
        model, memory = self._checked(victim), {} if memory is None else memory
        if inspection is not None:
            check_inspection(inspection, model)
        blind = usable(clean, model)
        check_samples(blind, model)
        if self.inspects and inspection is None:
            inspection = self.inspect(model, blind, references=references, memory=memory, progress=progress)
        if self.inspects and inspection is not None and not inspection.suspicions:
            return model
        trusted = self._checked_references(references, model, blind)
        means = Means(blind, usable(unlabeled, model), inspection, trusted)
        with blaming(self, "mend"):
            made = self.mend(model, means, memory, progress)
        if not isinstance(made, type(model)):
            raise wrong(self, "mend", f"a {type(model).__name__}", made)
        return made

    def _check_unlabeled(self, unlabeled: Sequence[Sample]) -> None:
        name = model_defenses.name_of(self)
        if self.wants_unlabeled and not unlabeled:
            raise UsageError(
                f"{name} needs inputs without triggers beside the clean samples, with labels or without; give them with "
                "--unlabeled (unlabeled= in Python)"
            )
        if unlabeled and not self.wants_unlabeled:
            raise UsageError(f"{name} reads no inputs without labels; leave out --unlabeled, or choose distillation")

    def _checked_references(
        self, references: Sequence[Victim], victim: "HuggingFaceVictim", clean: Sequence[Sample]
    ) -> "list[HuggingFaceVictim]":
        from codeward.defenses.model._references import check_reference

        if references and not self.takes_references:
            raise UsageError(
                f"{model_defenses.name_of(self)} takes no references; leave them out, or choose elibadcode"
            )
        return [check_reference(each, victim, clean) for each in references]

    def _checked(self, victim: Victim) -> "HuggingFaceVictim":
        from codeward.victims.huggingface import HuggingFaceVictim

        name, kind = model_defenses.name_of(self), victim.task.kind
        if not isinstance(victim, HuggingFaceVictim):
            raise UnfitError(f"{name} looks into a model's weights, and a {type(victim).__name__} has none")
        if kind not in self.kinds:
            told = ", ".join(sorted(self.kinds))
            raise UnfitError(f"{name} works for models of these kinds: {told}; this one is for {kind}")
        return victim


def check_inspection(inspection: Inspection, victim: "HuggingFaceVictim") -> None:
    """Refuse an inspection by which a model cannot be repaired.

    Raises:
        ModelError: If it is of another model, or has labels or tokens that this one has not.
        DataError: If its search had not ended.
    """
    if inspection.model != victim.fingerprint:
        raise ModelError(
            f"the inspection is of another model ({inspection.model}, this one is {victim.fingerprint}); scan this one"
        )
    if not inspection.finished:
        raise DataError("the inspection's search had not ended when its budget was used up; scan again, with more")
    classes = len(victim.labels) if victim.task.kind in ("classification", "pair") else None
    known = len(victim.encoder.tokenizer)
    for each in inspection.suspicions:
        odd = not each.trials or (classes is not None and not 0 <= each.index < classes)
        if odd or any(not 0 <= token < known for trial in each.trials for token in trial.tokens):
            raise ModelError(f"the inspection's {each.label!r} is nothing that this model has; scan it anew")
    if inspection.finding == "backdoored" and not inspection.suspicions:
        raise DataError("the inspection says that the model is backdoored, and by what it does not say; scan it anew")


def telling(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    """Return what tells how much of one thing is done; none, where nobody listens."""
    return None if progress is None else lambda done, total: progress(what, done, total)


model_defenses: Registry[ModelDefense] = Registry("model defense", "codeward.defenses.model", plural="model_defenses")
