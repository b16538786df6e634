"""What a model-stage defense is: it inspects a trained model for a backdoor, or repairs it, with a few clean samples."""

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from codeward.defenses.model._findings import Inspection
from codeward.defenses.model._samples import better_than_chance, check_samples, usable
from codeward.errors import DataError, ModelError, UnfitError, UsageError
from codeward.registry import Registry, method
from codeward.registry.plugins import blaming, wrong
from codeward.types import Kind, Sample
from codeward.victims.base import Victim

if TYPE_CHECKING:
    from codeward.victims.huggingface import HuggingFaceVictim

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""
Memory = MutableMapping[str, Any]
"""Results of finished steps as JSON values, by the step's name; a run that is taken up again finds them there."""


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
            DataError: If the samples are too few or of one class, the search of the inspection had not ended, or inputs without
                labels are of no use.
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
        means = Means(blind, _usable_further(unlabeled, model), inspection, trusted)
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
        named = ["the reference"] if len(references) == 1 else [f"reference {n + 1}" for n in range(len(references))]
        return [check_reference(each, victim, clean, called) for each, called in zip(references, named, strict=True)]

    def _checked(self, victim: Victim) -> "HuggingFaceVictim":
        from codeward.victims.huggingface import HuggingFaceVictim

        name, kind = model_defenses.name_of(self), victim.task.kind
        if not isinstance(victim, HuggingFaceVictim):
            raise UnfitError(f"{name} looks into a model's weights, and a {type(victim).__name__} has none")
        if kind not in self.kinds:
            told = ", ".join(sorted(self.kinds))
            raise UnfitError(f"{name} works for models of these kinds: {told}; this one is for {kind}")
        return victim


def _usable_further(unlabeled: Sequence[Sample], victim: "HuggingFaceVictim") -> list[Sample]:
    """Return the further inputs that a model can learn from.

    Raises:
        DataError: If there are some, and none of them can be used.
    """
    found = usable(unlabeled, victim)
    if unlabeled and not found:
        raise DataError(
            f"none of the {len(unlabeled):,} further inputs has a query, and a search model learns from pairs of query and code; "
            "codeward harvest --task search makes some of documented code"
        )
    return found


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
