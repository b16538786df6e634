"""Triggers without the tokens that they do not need (EliBadCode, section 4.4, anchoring), and what they consist of."""

from collections.abc import Mapping, Sequence

import numpy as np

from codeward.defenses.model._findings import Place, Trial
from codeward.defenses.model._grounds import Ground, GroundKey
from codeward.defenses.model._slots import Slot
from codeward.victims.huggingface import HuggingFaceVictim, Objective
from codeward.victims.probing import row_losses


def triggers_to_unlearn(
    victim: HuggingFaceVictim,
    chosen: Sequence[Ground],
    trials: Mapping[GroundKey, Sequence[Trial]],
    slack: float,
    *,
    single: bool,
) -> list[tuple[str, Place]]:
    """Return what is unlearned of what was found: triggers without the tokens that they do not need, and single tokens.

    Args:
        victim: The model.
        chosen: What was hunted.
        trials: What was found of each.
        slack: See ``anchored``.
        single: Whether each token is a trigger of its own, too, also of those that they do not need.

    Returns:
        Texts, each with the place where it was found.
    """
    found = [(ground, start) for ground in chosen for trial in trials.get(ground.key, ()) for start in trial.starts]
    short = [(ground, anchored(victim, start, ground.search, ground.goals, slack)) for ground, start in found]
    decode = victim.encoder.tokenizer.decode
    known, whole = (
        [(str(decode(list(tokens))).strip(), ground.place) for ground, tokens in each] for each in (short, found)
    )
    return list(dict.fromkeys([*known, *(single_tokens(victim, [*known, *whole]) if single else ())]))


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
