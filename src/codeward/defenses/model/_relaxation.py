"""The search of DBS: descend on weights over all tokens at once, which a falling temperature makes choose.

Shen et al., "Constrained Optimization with Dynamic Bound-scaling for Effective NLP Backdoor Defense", ICML 2022, section 4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from codeward.defenses.model._grounds import Ground
from codeward.seeds import derive_int
from codeward.victims.huggingface import HuggingFaceVictim
from codeward.victims.probing import embeddings, row_losses, shifted_losses


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the temperature and the weights move."""

    epochs: int
    rate: float
    every: int
    """Epochs between two changes of the temperature."""
    bound: float
    """Loss below which the temperature falls."""
    cool: float
    heat: float
    noise: float
    """Deviation of what is added to the weights when the temperature rises again."""
    batch: int = 16


def relaxed(
    victim: HuggingFaceVictim,
    ground: Ground,
    length: int,
    schedule: Schedule,
    seed: int,
    step: Callable[[int, int], None] | None = None,
) -> tuple[tuple[int, ...], float, list[float]]:
    """Return the tokens at which the weights end, their loss as tokens, and the relaxed loss of each epoch.

    Args:
        victim: The model.
        ground: What the model is to answer, where the trigger is put, and of which tokens it may consist.
        length: How many.
        schedule: How to descend.
        seed: The first weights.
        step: Called with the epochs done and how many there are.
    """
    slots, goals, vocabulary = ground.search, ground.goals, ground.vocabulary
    table, device = embeddings(victim).float(), victim.device
    allowed = [torch.from_numpy(vocabulary.at(place)).to(device) for place in range(length)]
    generator = torch.Generator().manual_seed(derive_int(seed, "relaxation", str(ground.aim.index)) % 2**63)
    weights = [torch.rand(len(each), generator=generator).to(device).requires_grad_() for each in allowed]
    optimizer = torch.optim.Adam(weights, lr=schedule.rate)
    filler = [int(each[0]) for each in allowed]
    rows, places = [slot.tokens(filler) for slot in slots], [len(slot.before) for slot in slots]
    temperature, curve = 1.0, []
    best: tuple[float, tuple[int, ...]] = (float("inf"), tuple(filler))
    for epoch in range(schedule.epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(rows))
        total = 0.0
        for start in range(0, len(order), schedule.batch):
            chosen = order[start : start + schedule.batch]
            with torch.enable_grad():
                soft = torch.stack(
                    [
                        (weight / temperature).softmax(-1) @ table[each]
                        for weight, each in zip(weights, allowed, strict=True)
                    ]
                )
                shift = (soft - table[filler]).expand(len(chosen), -1, -1)
                losses = shifted_losses(
                    victim,
                    [rows[at] for at in chosen],
                    [places[at] for at in chosen],
                    shift,
                    [goals[at] for at in chosen],
                )
                gradients = torch.autograd.grad(losses.mean(), weights)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            optimizer.step()
            total += float(losses.detach().sum())
        curve.append(total / len(rows))
        if (epoch + 1) % schedule.every == 0:
            tokens = tuple(int(each[weight.argmax()]) for weight, each in zip(weights, allowed, strict=True))
            hard = float(row_losses(victim, [slot.tokens(tokens) for slot in slots], goals).mean())
            best = min(best, (hard, tokens))
            temperature = _next(temperature, curve[-1], schedule, weights, generator)
        if step is not None:
            step(epoch + 1, schedule.epochs)
    return best[1], best[0], curve


def _next(
    temperature: float,
    loss: float,
    schedule: Schedule,
    weights: Sequence[torch.Tensor],
    generator: torch.Generator,
) -> float:
    """Return the next temperature: lower where the loss is within the bound, else higher, and the weights are shaken."""
    if loss <= schedule.bound:
        return max(temperature / schedule.cool, 1e-3)
    with torch.no_grad():
        for weight in weights:
            weight += schedule.noise * torch.randn(weight.shape, generator=generator).to(weight.device)
    return min(temperature * schedule.heat, 2.0)
