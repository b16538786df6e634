"""Deceptive cross-entropy as functions that autograd knows: from logits, and from hidden states without holding all logits.

Which code computes the rows is decided in ``rows_for`` and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib.util import find_spec
from typing import Any, Protocol

import torch

from codeward.defenses.training._deceptive_rows import loss_of_rows, wide
from codeward.defenses.training._mixture import Mixture
from codeward.errors import UsageError

CHUNK = 1 << 19
"""Elements of the logits that are worked on together, so that they stay in the cache."""
FUSED_CHUNK = 1 << 22
"""The same, where the logits are computed from hidden states: larger, for the sake of the matrix products."""
KERNEL_CHUNK = 1 << 40
"""With the kernel all rows are worked on together."""
KERNEL_FUSED_CHUNK = 1 << 26
NARROW = (torch.float32, torch.bfloat16, torch.float16)
"""What the kernel reads; it sums in fp32."""


class RowsFunction(Protocol):
    """Losses and gradient of some rows: see ``_deceptive_rows.loss_of_rows``."""

    def __call__(
        self,
        logits: torch.Tensor,
        labels: torch.Tensor,
        mixture: Mixture,
        scale: torch.Tensor | None,
        *,
        overwrite: bool,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the losses, and the gradient of their scaled sum."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """What computes the rows, and how many elements it is given at once."""

    rows: RowsFunction
    chunk: int
    fused_chunk: int


def rows_for(tensor: torch.Tensor) -> Way:
    """Return the Triton kernel for a tensor on a GPU where Triton is installed, and torch's operations otherwise."""
    if tensor.is_cuda and tensor.dtype in NARROW and find_spec("triton") is not None:
        from codeward.defenses.training import _deceptive_triton as kernel

        return Way(kernel.loss_of_rows, KERNEL_CHUNK, KERNEL_FUSED_CHUNK)
    return Way(loss_of_rows, CHUNK, FUSED_CHUNK)


def once(backward: Callable[[Any, torch.Tensor], Any]) -> Callable[[Any, torch.Tensor], Any]:
    """Return a backward pass that refuses to be differentiated itself.

    What it hands out was computed in the forward pass and counts as a constant, so that a second derivative would be wrong.
    ``once_differentiable`` of torch says so only where the upstream gradient depends on something.

    Raises:
        UsageError: In the backward pass, if it is called with ``create_graph=True``.
    """

    @wraps(backward)
    def checked(ctx: Any, upstream: torch.Tensor) -> Any:
        if torch.is_grad_enabled():  # in a backward pass under create_graph=True alone
            raise UsageError(
                "deceptive cross-entropy cannot be differentiated twice: leave create_graph=True out, or compute the formula "
                "(docs/losses.md) with torch's own operations"
            )
        return backward(ctx, upstream)

    return checked


def graph_is_kept() -> bool:
    """Return whether the backward pass that runs may come again (``retain_graph=True``); also where that cannot be told."""
    told = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)
    return told is None or torch.compiler.is_compiling() or bool(told())


def times(gradient: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Return what the forward pass saved times a factor: in its place, unless it is needed again."""
    factor = factor.to(gradient.dtype)
    return gradient * factor if graph_is_kept() else gradient.mul_(factor)


class Dense(torch.autograd.Function):
    """Logits to the losses of their rows; the gradient is made in the same pass and kept."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, labels: torch.Tensor, mixture: Mixture, scale: torch.Tensor) -> Any:
        """Return the losses of all rows, shape ``[rows]``, and keep their scaled gradient."""
        way = rows_for(logits)
        rows = max(1, way.chunk // logits.shape[1])
        losses = torch.zeros(len(labels), dtype=wide(logits.dtype), device=logits.device)
        wanted = ctx.needs_input_grad[0]
        parts = [slice(start, start + rows) for start in range(0, len(labels), rows)]
        gradient = torch.empty_like(logits) if wanted and len(parts) != 1 else None
        for part in parts:
            own = scale[part] if wanted else None
            losses[part], found = way.rows(logits[part], labels[part], mixture, own, overwrite=False)
            if found is not None and gradient is not None:
                gradient[part] = found
            elif found is not None:
                gradient = found.to(logits.dtype)
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    @once
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        """Return the kept gradient; upstream is one value for all rows, or one a row."""
        (gradient,) = ctx.saved_tensors
        if graph_is_kept() or not bool((upstream == 1).all()):
            gradient = times(gradient, upstream[:, None])
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
        losses, gradients = _fused(hidden, weight, bias, labels, mixture, scale, now)
        ctx.later = scale is None
        ctx.save_for_backward(*((hidden, weight, bias, labels) if ctx.later else gradients))
        return losses

    @staticmethod
    @once
    def backward(ctx: Any, upstream: torch.Tensor) -> Any:
        """Return the gradients; with a scale, upstream is one value for all rows."""
        saved = ctx.saved_tensors  # once: checkpoints refuse to unpack them again
        if ctx.later:
            hidden, weight, bias, labels = saved
            _, found = _fused(hidden, weight, bias, labels, ctx.mixture, upstream, ctx.wants)
        else:
            factor = upstream.flatten()[:1].sum()
            found = [None if gradient is None else times(gradient, factor) for gradient in saved]
        return *found, None, None, None


class ScaledSum(torch.autograd.Function):
    """The weighted sum of losses whose gradients hold their weights already."""

    @staticmethod
    def forward(ctx: Any, losses: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Return a scalar."""
        ctx.rows = losses.shape
        return (losses * scale).sum()

    @staticmethod
    @once
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
    way = rows_for(hidden)
    rows = max(16, way.fused_chunk // weight.shape[0])
    losses = torch.zeros(len(labels), dtype=wide(hidden.dtype), device=hidden.device)
    to_hidden = torch.empty_like(hidden) if wants[0] else None
    to_weight = torch.zeros_like(weight, dtype=wide(weight.dtype)) if wants[1] else None
    to_bias = torch.zeros_like(bias, dtype=wide(bias.dtype)) if wants[2] and bias is not None else None
    for start in range(0, len(labels), rows):
        part = slice(start, start + rows)
        logits = torch.nn.functional.linear(hidden[part], weight, bias)
        own = scale[part] if scale is not None and any(wants) else None
        losses[part], found = way.rows(logits, labels[part], mixture, own, overwrite=True)
        if found is None:
            continue
        narrow = found.to(hidden.dtype)
        if to_hidden is not None:
            torch.mm(narrow, weight, out=to_hidden[part])
        if to_weight is not None and to_weight.dtype == narrow.dtype:
            to_weight.addmm_(narrow.T, hidden[part])
        elif to_weight is not None:  # chunks of a narrow type are added up in a wide one
            to_weight += narrow.T @ hidden[part]
        if to_bias is not None:
            to_bias += found.sum(0, dtype=to_bias.dtype)
    if to_weight is not None:
        to_weight = to_weight.to(weight.dtype)
    if to_bias is not None and bias is not None:
        to_bias = to_bias.to(bias.dtype)
    return losses, [to_hidden, to_weight, to_bias]
