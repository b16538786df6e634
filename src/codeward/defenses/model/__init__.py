"""Model-stage defenses: they look into a trained model for a backdoor, and take it out."""

from collections.abc import Sequence

from codeward.defenses.model._base import Means, Memory, ModelDefense, Progress, model_defenses
from codeward.defenses.model._findings import Inspection, Place, Suspicion, Trial
from codeward.defenses.model._samples import FEWEST, better_than_chance, usable
from codeward.errors import UnfitError
from codeward.types import Sample, Span
from codeward.victims.base import Victim


def stamp_trigger(
    samples: Sequence[Sample], victim: Victim, trigger: str, place: Place, *, joined: bool = False
) -> list[tuple[Sample, Span]]:
    """Put a trigger into samples; see ``codeward.defenses.model._slots.stamp_trigger``."""
    from codeward.defenses.model._slots import stamp_trigger as stamp
    from codeward.victims.huggingface import HuggingFaceVictim

    if not isinstance(victim, HuggingFaceVictim):
        raise UnfitError(f"a {type(victim).__name__} has no tokens into which a trigger could be put")
    return stamp(samples, victim, trigger, place, joined=joined)


__all__ = [
    "FEWEST",
    "Inspection",
    "Means",
    "Memory",
    "ModelDefense",
    "Place",
    "Progress",
    "Suspicion",
    "Trial",
    "better_than_chance",
    "model_defenses",
    "stamp_trigger",
    "usable",
]
