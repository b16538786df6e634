r"""Deceptive cross-entropy, computed in chunks of rows that stay in the cache; loss and gradient in one pass.

With V classes, p = softmax(z), a = alpha ** epoch, w_y = 1 - eps + eps / V and w_o = eps / V, the loss of a row is

    L = -[w_y log(a p_y + (1 - a) w_y) + w_o sum over v != y of log(a p_v + (1 - a) w_o)]        (arXiv 2407.08956, eq. 4-6)

Nothing dense but p is built from it. With c = (1 - a) w_o and u_v = 1 + a p_v / c the sum of logarithms is that of the u_v
plus (V - 1) log c, and since u_v >= 1 while their product over a few columns cannot overflow, one logarithm does for several
of them. The gradient is, with t = w_y a p_y / (a p_y + (1 - a) w_y) and k = t + w_o sum over v != y of (1 - 1 / u_v),

    dL / dz_v = k p_v - w_o (1 - 1 / u_v)   for v != y,        dL / dz_y = k p_y - t,

so both need one reciprocal an element. Where eps = 0 it is cross-entropy's gradient times t; where a = 1 it is that of label
smoothing.
"""

import torch

from codeward.defenses.training._mixture import Mixture


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which logits of a type are computed."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def loss_of_rows(
    logits: torch.Tensor, labels: torch.Tensor, mixture: Mixture, scale: torch.Tensor | None, *, overwrite: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the losses of some rows, and the gradient of their scaled sum.

    Args:
        logits: Shape ``[rows, V]``.
        labels: Shape ``[rows]``, all of them classes.
        mixture: The epoch's constants.
        scale: What each row's gradient is multiplied by, shape ``[rows]``; ``None`` for no gradient.
        overwrite: Whether the logits may be overwritten.

    Returns:
        Losses, shape ``[rows]``, and the gradient, shape ``[rows, V]``, or ``None``; fp32, or fp64 for fp64.
    """
    index = labels[:, None]
    logits = logits.to(wide(logits.dtype), copy=not overwrite)
    if mixture.smoothing == 0 or mixture.share == 1:
        return _simple(logits, index, mixture, scale)
    probability = torch.softmax(logits, -1)
    at_label = probability.gather(1, index)
    ratio = torch.mul(probability, mixture.share / mixture.floor_other, out=logits).add_(1)
    ratio_at_label = ratio.gather(1, index)
    logs = _sum_of_logs(ratio, mixture.columns(ratio.dtype))[:, None] - ratio_at_label.log()
    classes = logits.shape[1]
    floor = torch.tensor(mixture.floor_other, dtype=logits.dtype).log()
    mixed = at_label * mixture.share + mixture.floor_label
    losses = -(mixture.label * mixed.log() + mixture.other * (logs + (classes - 1) * floor))
    if scale is None:
        return losses[:, 0], None
    inverse = ratio.reciprocal_()
    pull = mixture.label * mixture.share * at_label / mixed
    moved = (classes - 1) - (inverse.sum(-1, keepdim=True) - 1 / ratio_at_label)
    push = pull + mixture.other * moved
    each = scale[:, None]
    other = mixture.other * each
    gradient = probability.mul_(push * each).add_(inverse.sub_(1).mul_(other))
    gradient.scatter_(1, index, (push * at_label - pull) * each)
    return losses[:, 0], gradient


def _simple(
    logits: torch.Tensor, index: torch.Tensor, mixture: Mixture, scale: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Without smoothing, or with the model's distribution alone."""
    norm = logits.logsumexp(-1, keepdim=True)
    at_label = logits.gather(1, index)
    if mixture.share == 1:
        mean = logits.sum(-1, keepdim=True) * mixture.other if mixture.other else 0.0  # a sum may be infinite
        losses = norm - (1 - mixture.smoothing) * at_label - mean
        pull = torch.full_like(norm, 1 - mixture.smoothing)
    else:
        mixed = (at_label - norm).exp() * mixture.share
        losses = -(mixed + mixture.floor_label).log()
        pull = mixed / (mixed + mixture.floor_label)
    if scale is None:
        return losses[:, 0], None
    each = scale[:, None]
    whole = pull if mixture.share != 1 else torch.ones_like(pull)
    gradient = logits.sub_(norm).exp_().mul_(whole * each)
    if mixture.share == 1 and mixture.other:
        gradient.sub_(mixture.other * each)
    gradient.scatter_add_(1, index, -pull * each)
    return losses[:, 0], gradient


def _sum_of_logs(ratio: torch.Tensor, columns: int) -> torch.Tensor:
    """Return the sum of the logarithms of each row; all values are at least one, and so many multiplied do not overflow."""
    width = ratio.shape[1] // columns
    if width == 0 or columns == 1:
        return ratio.log().sum(-1)
    product = ratio[:, :width] * ratio[:, width : 2 * width]
    for part in range(2, columns):
        product.mul_(ratio[:, part * width : (part + 1) * width])
    total = product.log_().sum(-1)
    rest = ratio[:, columns * width :]
    return total + rest.log().sum(-1) if rest.shape[1] else total
