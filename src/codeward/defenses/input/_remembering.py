"""A model that reads many texts that differ in one place, some of them again and again: each is turned into tokens once."""

from codeward.victims.base import Victim


def remembering(victim: Victim) -> Victim:
    """Return the model for one examination: one on ``transformers`` turns each text into tokens once, any other is as it was."""
    if not hasattr(victim, "encoder"):
        return victim
    from codeward.victims.huggingface import HuggingFaceVictim
    from codeward.victims.probing import with_memory

    return with_memory(victim) if isinstance(victim, HuggingFaceVictim) else victim


def state_of(victim: Victim) -> tuple[object, ...]:
    """Return what a model's answers depend on: its weights, how exactly it calculates, and where it cuts off inputs."""
    encoder = getattr(victim, "encoder", None)
    lengths = tuple(getattr(encoder, name, None) for name in ("max_length", "max_target_length"))
    return victim.fingerprint, getattr(victim, "precision", None), *lengths
