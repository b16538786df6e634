"""Integrated gradients: how much each token of a row speaks for an answer (Sundararajan et al., ICML 2017)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from codeward.types import QUERY, Sample
from codeward.victims.attention import fast_attention
from codeward.victims.batching import batches
from codeward.victims.huggingface import HuggingFaceVictim, Objective
from codeward.victims.probing import GRADIENT_TOKENS, embeddings, shifted_losses

Floats = npt.NDArray[np.float32]


def integrated_gradients(
    victim: HuggingFaceVictim, rows: Sequence[Sequence[int]], goals: Sequence[Objective], steps: int
) -> list[Floats]:
    """Return how much each token lowers a row's loss, against the token that says nothing in its place.

    The values of a row add up to the loss of the row of such tokens minus its own loss, as far as the steps are enough.

    Args:
        victim: The model.
        rows: Token rows with their special tokens, which stay and get 0.
        goals: See ``probing.row_losses``.
        steps: Points on the way from one row to the other (the middle of each part).

    Returns:
        For each row its values in nats, shape ``[tokens]``.
    """
    table = embeddings(victim).float()
    tokenizer = victim.encoder.tokenizer
    nothing = table[tokenizer.convert_tokens_to_ids(victim.unknown)]
    special = torch.zeros(len(table), dtype=torch.bool, device=table.device)
    special[[number for number in tokenizer.all_special_ids if number < len(table)]] = True
    padding = tokenizer.pad_token_id
    found: dict[int, Floats] = {}
    for indices in batches([{"input_ids": list(row)} for row in rows], GRADIENT_TOKENS):
        part = [list(rows[at]) for at in indices]
        longest = max(map(len, part))
        ids = torch.tensor([row + [padding] * (longest - len(row)) for row in part], device=table.device)
        away = (table[ids] - nothing) * ~special[ids].unsqueeze(-1)
        total = torch.zeros_like(away)
        for step in range(steps):
            shift = (away * ((step + 0.5) / steps - 1)).requires_grad_()
            with torch.enable_grad(), fast_attention(victim.model, longest):
                losses = shifted_losses(victim, part, [0] * len(part), shift, [goals[at] for at in indices])
                (gradient,) = torch.autograd.grad(losses.sum(), shift)
            total += gradient
        values = (-(away * total).sum(-1) / steps).cpu().numpy()
        for at, row, own in zip(indices, part, values, strict=True):
            found[at] = own[: len(row)]
    return [found[at] for at in range(len(rows))]


def goals_of(victim: HuggingFaceVictim, samples: Sequence[Sample]) -> list[Objective]:
    """Return each sample's own target as what a loss is measured against; 0 where a class is unknown."""
    kind = victim.task.kind
    if kind == "generation":
        return [tuple(ids) for ids in victim.encoder.references([str(sample.target or "") for sample in samples])]
    if kind == "retrieval":
        return [tuple(row["input_ids"]) for row in victim.encoder.inputs(samples, QUERY)]
    return [sample.target if isinstance(sample.target, int) else 0 for sample in samples]
