"""Deceptive cross-entropy as a Triton kernel: loss and gradient of a row in one launch, nothing kept beside the gradient.

A program works on one row, in blocks of columns, and reads it three times (the second and third time from the cache): for the
norm of the softmax, for the sums over ``u`` (see ``_deceptive_rows``), and for the gradient, which it writes over the logits or
elsewhere. All sums are in fp32, whatever the logits are. Where nothing is mixed or smoothed the second reading is left out.

It is tested in Triton's interpreter on a CPU (``tests/defenses/training/test_dece_triton.py``) and compiled on a GPU (``tests/gpu``).
"""

import math
from typing import Any

import torch
import triton
import triton.language as tl

from codeward.defenses.training._mixture import Mixture

BLOCK = 4096
"""Columns that are worked on together, at most."""
MIXED, UNSMOOTHED, ALONE = 0, 1, 2
"""Both mixed and smoothed; no smoothing; the model's distribution alone."""


@triton.jit  # type: ignore[untyped-decorator]
def _rows(  # type: ignore[no-untyped-def]
    logits,
    labels,
    scales,
    losses,
    gradient,
    stride_logits,
    stride_gradient,
    classes,
    share,
    at_label,
    at_other,
    floor_label,
    log_floor_other,
    ratio,
    mode: tl.constexpr,
    wanted: tl.constexpr,
    block: tl.constexpr,
):
    """Write the loss of one row, and its scaled gradient if it is wanted."""
    row = tl.program_id(0).to(tl.int64)
    source = logits + row * stride_logits
    columns = tl.arange(0, block)
    label = tl.load(labels + row)

    top = tl.full((), float("-inf"), tl.float32)
    norm = tl.zeros((), tl.float32)
    total = tl.zeros((), tl.float32)
    for start in range(0, classes, block):
        inside = start + columns < classes
        z = tl.load(source + start + columns, mask=inside, other=float("-inf")).to(tl.float32)
        higher = tl.maximum(top, tl.max(z, 0))
        base = tl.where(higher == float("-inf"), 0.0, higher)  # so far all have no probability
        norm = norm * tl.exp(top - base) + tl.sum(tl.exp(z - base), 0)
        top = higher
        if mode == 2:
            total += tl.sum(tl.where(inside, z, 0.0), 0)

    z_label = tl.load(source + label).to(tl.float32)
    log_label = z_label - top - tl.log(norm)
    p_label = tl.exp(log_label)
    mixed = share * p_label + floor_label
    push = tl.full((), 1.0, tl.float32)
    if mode == 0:
        logs = tl.zeros((block,), tl.float32)
        moved = tl.zeros((block,), tl.float32)
        for start in range(0, classes, block):
            inside = start + columns < classes
            z = tl.load(source + start + columns, mask=inside, other=float("-inf")).to(tl.float32)
            rise = ratio * tl.exp(z - top) / norm
            logs += tl.where(inside, tl.log(1.0 + rise), 0.0)
            moved += tl.where(inside, rise / (1.0 + rise), 0.0)
        rise_label = ratio * p_label
        others = tl.sum(logs, 0) - tl.log(1.0 + rise_label) + (classes - 1) * log_floor_other
        loss = -(at_label * tl.log(mixed) + at_other * others)
        pull = at_label * share * p_label / mixed
        push = pull + at_other * (tl.sum(moved, 0) - rise_label / (1.0 + rise_label))
    elif mode == 1:
        loss = -tl.log(mixed)
        pull = share * p_label / mixed
        push = pull
    else:
        pull = at_label - at_other
        loss = -pull * log_label - at_other * (total - classes * (top + tl.log(norm)))
    tl.store(losses + row, loss)

    if wanted:
        scale = tl.load(scales + row).to(tl.float32)
        sink = gradient + row * stride_gradient
        for start in range(0, classes, block):
            inside = start + columns < classes
            z = tl.load(source + start + columns, mask=inside, other=float("-inf")).to(tl.float32)
            p = tl.exp(z - top) / norm
            each = push * p
            if mode == 0:
                each = tl.where(start + columns == label, each - pull, each - at_other * ratio * p / (1.0 + ratio * p))
            elif mode == 1:
                each = tl.where(start + columns == label, each - pull, each)
            else:
                each = tl.where(start + columns == label, each - pull, each) - at_other
            tl.store(sink + start + columns, (each * scale).to(sink.dtype.element_ty), mask=inside)


def loss_of_rows(
    logits: torch.Tensor, labels: torch.Tensor, mixture: Mixture, scale: torch.Tensor | None, *, overwrite: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the losses of some rows, and the gradient of their scaled sum.

    Args:
        logits: Shape ``[rows, V]``, float32, bfloat16 or float16.
        labels: Shape ``[rows]``, all of them classes.
        mixture: The epoch's constants.
        scale: What each row's gradient is multiplied by, shape ``[rows]``; ``None`` for no gradient.
        overwrite: Whether the gradient may take the place of the logits.

    Returns:
        Losses, shape ``[rows]``, fp32, and the gradient in the type of the logits, or ``None``.
    """
    rows, classes = logits.shape
    source = logits if logits.stride(1) == 1 else logits.contiguous()
    losses = torch.empty(rows, dtype=torch.float32, device=logits.device)
    gradient = None if scale is None else (source if overwrite else torch.empty_like(source))
    if rows == 0:
        return losses, gradient
    mode = ALONE if mixture.share == 1 else UNSMOOTHED if mixture.smoothing == 0 else MIXED
    width = min(BLOCK, 1 << (classes - 1).bit_length())
    constants: dict[str, Any] = {"mode": mode, "wanted": scale is not None, "block": width, "num_warps": 8}
    _rows[(rows,)](
        source,
        labels.contiguous(),
        losses if scale is None else scale.contiguous(),
        losses,
        losses if gradient is None else gradient,
        source.stride(0),
        0 if gradient is None else gradient.stride(0),
        classes,
        mixture.share,
        mixture.label,
        mixture.other,
        mixture.floor_label,
        math.log(mixture.floor_other) if mode == MIXED else 0.0,
        mixture.share / mixture.floor_other if mode == MIXED else 0.0,
        **constants,
    )
    return losses, gradient
