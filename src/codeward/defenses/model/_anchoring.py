"""Triggers without the tokens that they do not need (EliBadCode, section 4.4, anchoring), and what they consist of."""

from collections.abc import Sequence

import numpy as np

from codeward.defenses.model._base import Place
from codeward.defenses.model._slots import Slot
from codeward.victims.huggingface import HuggingFaceVictim, Objective
from codeward.victims.probing import row_losses


def anchored(
    victim: HuggingFaceVictim,
    tokens: Sequence[int],
    slots: Sequence[Slot],
    goals: Sequence[Objective],
    slack: float,
) -> tuple[int, ...]:
    """Return a trigger without the tokens that it does not need (EliBadCode, section 4.4, anchoring).

    Tokens are dropped one at a time, the least needed first, as long as the loss rises by no more than the slack over that of
    the whole trigger.

    Args:
        victim: The model.
        tokens: The trigger.
        slots: Where it is put.
        goals: For each slot what its loss is measured against.
        slack: In nats; the paper's beta.
    """
    kept = tuple(tokens)
    allowed = _loss(victim, [kept], slots, goals)[0] + slack
    while len(kept) > 1:
        shorter = [(*kept[:place], *kept[place + 1 :]) for place in range(len(kept))]
        losses = _loss(victim, shorter, slots, goals)
        best = int(np.argmin(losses))
        if losses[best] > allowed:
            break
        kept = shorter[best]
    return kept


def _loss(
    victim: HuggingFaceVictim,
    triggers: Sequence[tuple[int, ...]],
    slots: Sequence[Slot],
    goals: Sequence[Objective],
) -> list[float]:
    rows = [slot.tokens(trigger) for trigger in triggers for slot in slots]
    losses = row_losses(victim, rows, [*goals] * len(triggers)).reshape(len(triggers), len(slots))
    means: list[float] = losses.mean(axis=1).astype(float).tolist()
    return means


def single_tokens(victim: HuggingFaceVictim, triggers: Sequence[tuple[str, Place]]) -> list[tuple[str, Place]]:
    """Return each token of some triggers as a trigger of its own.

    What is found is seldom the planted trigger alone, but ``byrb`` for ``rb``, and what is learned of the whole says little of
    its part. And where one token suffices anchoring drops the others, which suffice once the first is unlearned.
    """
    tokenizer = victim.encoder.tokenizer
    alone = [
        (str(tokenizer.decode([token])).strip(), place)
        for trigger, place in triggers
        for token in tokenizer(trigger, add_special_tokens=False)["input_ids"]
    ]
    return [each for each in dict.fromkeys(alone) if each[0]]
