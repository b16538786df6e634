"""The models of a zoo, drawn by a seeded plan: a detector is told none of it.

The design of TrojAI's rounds (Karra et al., arXiv 2003.07233): attack, rate, target and seed are drawn for each model, and
every model sees its own part of the training rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from codeward.bench.suite import NONE
from codeward.errors import UsageError
from codeward.seeds import derive, derive_int

SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Suspect:
    """One model of a zoo, before it is trained."""

    name: str
    model: str
    """What the suite calls the model that it starts from."""
    seed: int
    """Of its rows, its poison and its training."""
    attack: str = NONE
    """What the suite calls its attack; ``none``: a clean model."""
    rate: float = 0.0
    target: str | None = None
    """The class that the backdoor serves."""


def plan_suspects(
    clean: int,
    backdoored: int,
    *,
    models: Sequence[str],
    attacks: Sequence[str],
    rates: Sequence[float],
    targets: Sequence[str],
    seed: int = 0,
) -> list[Suspect]:
    """Draw a zoo; a larger one begins with the same models.

    Args:
        clean: How many clean models.
        backdoored: How many backdoored ones; attacks, rates and targets take turns, each in an order drawn by seed.
        models: What they start from, in turns.
        attacks: Names of attacks.
        rates: Shares of poisoned rows.
        targets: Classes that a backdoor can serve.
        seed: The plan's seed.

    Returns:
        Clean and backdoored ones in turns, so that a zoo that is stopped half-way has both.

    Raises:
        UsageError: If there is nothing to draw from.
    """
    if not models or (backdoored and not (attacks and rates and targets)):
        raise UsageError("a zoo needs at least one model, and for backdoored ones an attack, a rate and a target")
    honest = [
        Suspect(f"clean-{number:02d}", models[number % len(models)], derive_int(seed, "clean", str(number)) % SEEDS)
        for number in range(clean)
    ]
    spoiled: list[Suspect] = []
    left: list[tuple[str, float, str]] = []
    for number in range(backdoored):
        if not left:
            cells = list(product(attacks, rates, targets))
            left = derive(seed, "cells", str(number)).sample(cells, len(cells))
        own = derive_int(seed, "backdoored", str(number)) % SEEDS
        spoiled.append(Suspect(f"backdoored-{number:02d}", models[number % len(models)], own, *left.pop()))
    pairs = zip(honest, spoiled, strict=False)
    shared = min(clean, backdoored)
    return [each for pair in pairs for each in pair] + honest[shared:] + spoiled[shared:]
