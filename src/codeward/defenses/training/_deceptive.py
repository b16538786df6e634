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

import math
from typing import Any

import torch
from torch.autograd.function import once_differentiable

CHUNK = 1 << 19
"""Elements of the logits that are worked on together."""
FUSED_CHUNK = 1 << 22
"""The same, where the logits are computed from hidden states: larger, for the sake of the matrix products."""
COLUMNS = 4
"""Columns whose u are multiplied before the logarithm is taken, at most."""


class Mixture:
    """The constants of an epoch: see the module's formulas."""

    def __init__(self, share: float, smoothing: float, classes: int) -> None:
        self.share, self.smoothing = share, smoothing
        self.other = smoothing / classes
        self.label = 1 - smoothing + self.other
        self.floor_other = (1 - share) * self.other
        self.floor_label = (1 - share) * self.label

    def columns(self, dtype: torch.dtype) -> int:
        """Return how many u of a row may be multiplied without overflow: it is largest where they share the probability."""
        largest = math.log(torch.finfo(dtype).max) - 1
        peak = self.share / self.floor_other
        return max(n for n in range(1, COLUMNS + 1) if n == 1 or n * math.log1p(peak / n) < largest)


def loss_of_rows(logits: torch.Tensor, labels: torch.Tensor, mixture: Mixture, scale: torch.Tensor | None) -> Any:
    """Return the losses of some rows, and the gradient of their scaled sum.

    Args:
        logits: Shape ``[rows, V]``, float32 or float64; may be overwritten.
        labels: Shape ``[rows]``, all of them classes.
        mixture: The epoch's constants.
        scale: What each row's gradient is multiplied by, shape ``[rows]``; ``None`` for no gradient.

    Returns:
        Losses, shape ``[rows]``, and the gradient, shape ``[rows, V]``, or ``None``.
    """
    index = labels[:, None]
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


def _simple(logits: torch.Tensor, index: torch.Tensor, mixture: Mixture, scale: torch.Tensor | None) -> Any:
    """Without smoothing, or with the model's distribution alone."""
    norm = logits.logsumexp(-1, keepdim=True)
    at_label = logits.gather(1, index)
    if mixture.share == 1:
        mean = logits.sum(-1, keepdim=True) * mixture.other
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


class Dense(torch.autograd.Function):
    """Logits to the losses of their rows; the gradient is made in the same pass and kept."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, labels: torch.Tensor, mixture: Mixture, scale: torch.Tensor) -> Any:
        """Return the losses of all rows, shape ``[rows]``, and keep their scaled gradient."""
        wide = torch.float64 if logits.dtype == torch.float64 else torch.float32
        rows = max(1, CHUNK // logits.shape[1])
        losses = torch.zeros(len(labels), dtype=wide, device=logits.device)
        wanted = ctx.needs_input_grad[0]
        gradient = torch.empty_like(logits) if wanted else None
        for start in range(0, len(labels), rows):
            part = slice(start, start + rows)
            chunk = logits[part].to(wide, copy=True)
            losses[part], found = loss_of_rows(chunk, labels[part], mixture, scale[part] if wanted else None)
            if gradient is not None:
                gradient[part] = found
        ctx.gradient = gradient
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        """Return the kept gradient; upstream is one value for all rows, or one a row."""
        gradient = ctx.gradient
        if not bool((upstream == 1).all()):
            gradient = gradient * upstream[:, None].to(gradient.dtype)
        return gradient, None, None, None


class Fused(torch.autograd.Function):
    """Hidden states and the output projection to the losses, without all logits at once."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        labels: torch.Tensor,
        mixture: Mixture,
        scale: torch.Tensor | None,
    ) -> Any:
        """Return the losses of all rows, shape ``[rows]``; with a scale, keep the scaled gradients of the three inputs.

        Without a scale the gradients are computed in the backward pass, when each row's share in them is known.
        """
        wants = ctx.needs_input_grad[:3]
        ctx.mixture, ctx.wants = mixture, wants
        now = wants if scale is not None else (False, False, False)
        losses, ctx.gradients = _fused(hidden, weight, bias, labels, mixture, scale, now)
        ctx.save_for_backward(*(() if scale is not None else (hidden, weight, bias, labels)))
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        """Return the gradients; with a scale, upstream is one value for all rows."""
        if ctx.saved_tensors:
            hidden, weight, bias, labels = ctx.saved_tensors
            _, found = _fused(hidden, weight, bias, labels, ctx.mixture, upstream, ctx.wants)
        else:
            factor = upstream.flatten()[:1].sum()
            found = [None if gradient is None else gradient * factor.to(gradient.dtype) for gradient in ctx.gradients]
        return *found, None, None, None


class ScaledSum(torch.autograd.Function):
    """The weighted sum of losses whose gradients hold their weights already."""

    @staticmethod
    def forward(ctx: Any, losses: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Return a scalar."""
        ctx.rows = losses.shape
        return (losses * scale).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        """Pass the same value to all rows."""
        return upstream.expand(ctx.rows), None


def _fused(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    labels: torch.Tensor,
    mixture: Mixture,
    scale: torch.Tensor | None,
    wants: tuple[bool, ...],
) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
    """Return the losses of all rows and those gradients that are wanted."""
    wide = torch.float64 if hidden.dtype == torch.float64 else torch.float32
    rows = max(16, FUSED_CHUNK // weight.shape[0])
    losses = torch.zeros(len(labels), dtype=wide, device=hidden.device)
    to_hidden = torch.empty_like(hidden) if wants[0] else None
    to_weight = torch.zeros_like(weight) if wants[1] else None
    to_bias = torch.zeros_like(bias) if wants[2] and bias is not None else None
    for start in range(0, len(labels), rows):
        part = slice(start, start + rows)
        logits = torch.nn.functional.linear(hidden[part], weight, bias).to(wide)
        own = scale[part] if scale is not None and any(wants) else None
        losses[part], found = loss_of_rows(logits, labels[part], mixture, own)
        if found is None:
            continue
        narrow = found.to(hidden.dtype)
        if to_hidden is not None:
            torch.mm(narrow, weight, out=to_hidden[part])
        if to_weight is not None:
            to_weight.addmm_(narrow.T, hidden[part])
        if to_bias is not None:
            to_bias += found.sum(0).to(to_bias.dtype)
    return losses, [to_hidden, to_weight, to_bias]
