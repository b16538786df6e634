"""Which models can serve as references, and the contrast of one with a suspect."""

from collections.abc import Sequence

from codeward.defenses.model._grounds import Ground, text_losses
from codeward.defenses.model._lens import Contrast, Lens
from codeward.defenses.model._samples import better_than_chance
from codeward.errors import UnfitError
from codeward.types import Sample
from codeward.victims.base import Victim
from codeward.victims.huggingface import Classifier, HuggingFaceVictim

CHANCE = 0.05
"""A reference whose right answers are as likely as this by chance tells nothing; it may be a weaker model than the one that is judged."""


def check_reference(
    reference: Victim, victim: HuggingFaceVictim, clean: Sequence[Sample], called: str = "the reference"
) -> HuggingFaceVictim:
    """Return a reference that a model can be judged against.

    Args:
        reference: The reference.
        victim: The model.
        clean: Samples without triggers, with their right targets.
        called: What messages call it.

    Raises:
        UnfitError: If either is no classifier, their labels or tokenizers differ, they are one model, or the reference's answers
            to the clean samples are no better than chance.
    """
    remedy = "make one with: codeward repair --defense distillation, or train the same base on data that you trust"
    if not isinstance(victim, Classifier) or not isinstance(reference, Classifier):
        raise UnfitError("a reference is for classifiers of functions or of pairs; scan this model without one")
    if reference.fingerprint == victim.fingerprint:
        raise UnfitError(f"{called} is the model itself; {remedy}")
    if tuple(reference.labels) != tuple(victim.labels):
        raise UnfitError(
            f"{called} has the labels {', '.join(reference.labels)}, the model {', '.join(victim.labels)}; {remedy}"
        )
    if reference.encoder.tokenizer.get_vocab() != victim.encoder.tokenizer.get_vocab():
        raise UnfitError(f"{called} reads other tokens than the model; {remedy}")
    if not better_than_chance(clean, reference, CHANCE):
        raise UnfitError(f"{called}: its answers to the clean samples are no better than chance; {remedy}")
    return reference


def agreed(clean: Sequence[Sample], references: Sequence[HuggingFaceVictim]) -> list[Sample]:
    """Return the samples that all references answer rightly: where one errs anyway, it tells nothing of a trigger."""
    kept = list(clean)
    for reference in references:
        answers = reference.predict(kept)
        kept = [sample for sample, answer in zip(kept, answers, strict=True) if answer.output == sample.target]
    return kept


def seen(victim: HuggingFaceVictim, references: Sequence[HuggingFaceVictim], grounds: Sequence[Ground]) -> Lens:
    """Return how a search sees a model: against references if there are some, up to their losses on the samples kept back."""
    if not references:
        return Lens(victim)
    limits: dict[int, float] = {}
    for index in {ground.aim.index for ground in grounds}:
        own = [ground for ground in grounds if ground.aim.index == index]
        samples = [slot.sample for ground in own for slot in ground.held]
        goals = [goal for ground in own for goal in ground.held_goals]
        limits[index] = min(float(text_losses(each, samples, goals).mean()) for each in references)
    return Contrast(victim, references, limits)
