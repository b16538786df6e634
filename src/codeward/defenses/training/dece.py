"""Deceptive cross-entropy (DeCE; Yang et al., arXiv 2407.08956): a loss whose gradient on contradicting examples is bounded.

The model's distribution is mixed with the smoothed label, the more the later the epoch, so that an example that contradicts
what the model believes (a poisoned one, if the task was learned first) pulls less and less: in logits, its label's pull is
``a p / (a p + 1 - a)`` times that of cross-entropy, with ``a = alpha ** epoch``. Where the trigger is learned before the task,
it does not hold; see ``docs``.

Departures from the released code: the mean is over labeled positions (``-100`` and padding never count); nothing dense is
built beside one probability matrix; the cross-entropy baseline stays cross-entropy.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from codeward.defenses.training._base import IGNORED, TrainingDefense, check_labels, training_defenses
from codeward.defenses.training._deceptive_arguments import (
    check_classes,
    check_indices,
    check_linear,
    check_numbers,
    check_types,
    share_of,
)
from codeward.errors import UsageError
from codeward.registry import method

if TYPE_CHECKING:
    import torch

NEARLY = 1e-6
"""What an epoch's number may fall short of a whole one by rounding."""


@training_defenses.register("dece")
@method
class DeCE(TrainingDefense):
    """Deceptive cross-entropy: the later, the less an example pulls that the model disbelieves."""

    alpha: Annotated[float, Field(gt=0, le=1)] = 0.99
    """The model's share in the mixture is this to the power of the epoch; the paper recommends 0.985 to 0.995, its scripts set
    0.8, which stops learning within ten epochs."""
    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The part of each label that goes to all classes alike; the paper recommends 0.05 to 0.1."""
    schedule: Literal["epoch", "step"] = "epoch"
    """Whether the mixture changes with whole epochs (the paper) or with every step."""

    def loss(
        self, logits: "torch.Tensor", labels: "torch.Tensor", *, epoch: float, reduction: str = "mean"
    ) -> "torch.Tensor":
        """See ``TrainingDefense.loss``."""
        return deceptive_cross_entropy(
            logits,
            labels,
            alpha=self.alpha,
            smoothing=self.smoothing,
            epoch=epoch if self.schedule == "step" else int(epoch + NEARLY),
            ignore_index=IGNORED,
            reduction=reduction,
        )


@training_defenses.register("dece-scripts")
@method
class DeCEOfScripts(DeCE):
    """DeCE with the alpha of the released scripts, not of the paper: it stops learning within ten epochs."""

    alpha: Annotated[float, Field(gt=0, le=1)] = 0.8
    """See ``dece``."""


def deceptive_cross_entropy(
    logits: "torch.Tensor",
    labels: "torch.Tensor",
    *,
    alpha: float,
    smoothing: float,
    epoch: float,
    ignore_index: int = -100,
    reduction: str = "mean",
    weight: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Return the deceptive cross-entropy of logits; a drop-in for ``torch.nn.functional.cross_entropy``.

    Time and memory are near those of ``cross_entropy(label_smoothing=...)``: see ``benchmarks/dece_loss.py``. It can be
    differentiated once: its gradient is made in the forward pass.

    Args:
        logits: Shape ``[..., V]``: the classes last, also for more than two dimensions. bf16 and fp16 are computed in fp32.
        labels: Shape ``[...]``, class indices.
        alpha: In (0, 1]; at 1 it is cross-entropy with label smoothing.
        smoothing: In [0, 1): the label's share that goes to all classes alike.
        epoch: The current one, from 1 on; a fraction makes the schedule smooth (``1 + step / steps_per_epoch``).
        ignore_index: Positions with this label count neither in the sum nor in the mean.
        reduction: ``mean`` over labeled positions, ``sum`` or ``none``.
        weight: A weight a class, shape ``[V]``: a row counts by that of its label, and the mean is weighted.

    Returns:
        A scalar (0 where nothing is labeled), or with ``none`` the losses in the shape of the labels (0 where ignored); fp32, or fp64 for fp64.

    Raises:
        UsageError: If alpha, smoothing, epoch or reduction make no sense, or types, shapes or labels do not fit; in the backward
            pass, if it is called with ``create_graph=True``.
    """
    import torch

    from codeward.defenses.training._deceptive import Dense
    from codeward.defenses.training._deceptive_rows import wide
    from codeward.defenses.training._mixture import Mixture

    check_numbers(logits, "logits have")
    share = share_of(alpha, smoothing, epoch, reduction)
    check_indices(labels)
    check_classes(logits.shape[-1], logits, "logits")
    mixture = Mixture(share, smoothing, logits.shape[-1], wide(logits.dtype))
    if logits.shape[:-1] != labels.shape:
        raise UsageError(
            f"labels have the shape {tuple(labels.shape)}, the logits {tuple(logits.shape)}; they have to agree but for the "
            "classes, which come last"
        )
    rows = _with_range(logits.reshape(labels.numel(), logits.shape[-1]))
    flat, chosen, kept, scale = _prepare(rows, labels, ignore_index, reduction, weight)
    own = torch.ones_like(scale) if reduction == "none" else scale
    losses = Dense.apply(flat, chosen, mixture, own)  # type: ignore[no-untyped-call]
    return _reduce(losses, labels, kept, scale, reduction)


def linear_deceptive_cross_entropy(
    hidden: "torch.Tensor",
    weight: "torch.Tensor",
    labels: "torch.Tensor",
    *,
    bias: "torch.Tensor | None" = None,
    alpha: float,
    smoothing: float,
    epoch: float,
    ignore_index: int = -100,
    reduction: str = "mean",
    class_weight: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Return the deceptive cross-entropy of ``hidden @ weight.T + bias`` without ever holding all logits.

    Args:
        hidden: Shape ``[..., D]``.
        weight: The output projection, shape ``[V, D]``.
        labels: Shape ``[...]``, class indices.
        bias: Shape ``[V]``.
        alpha: See ``deceptive_cross_entropy``, as all that follows.
        smoothing: See there.
        epoch: See there.
        ignore_index: See there; the logits of these positions are not computed.
        reduction: See there.
        class_weight: There ``weight``.

    Raises:
        UsageError: As there.
    """
    import torch

    from codeward.defenses.training._deceptive import Fused
    from codeward.defenses.training._deceptive_rows import wide
    from codeward.defenses.training._mixture import Mixture

    share = share_of(alpha, smoothing, epoch, reduction)
    check_linear(hidden, weight, labels, bias)
    mixture = Mixture(share, smoothing, weight.shape[0], wide(hidden.dtype))
    flat, chosen, kept, scale = _prepare(
        hidden.reshape(labels.numel(), hidden.shape[-1]),
        labels,
        ignore_index,
        reduction,
        class_weight,
        classes=weight.shape[0],
    )
    own = None if reduction == "none" else scale
    flat, weight, bias = _as_linear(flat), _as_linear(weight), None if bias is None else _as_linear(bias)
    check_types(flat, weight, bias)
    with torch.autocast(hidden.device.type, enabled=False):
        losses = Fused.apply(flat, weight, bias, chosen, mixture, own)  # type: ignore[no-untyped-call]
    return _reduce(losses, labels, kept, scale, reduction)


def _as_linear(tensor: "torch.Tensor") -> "torch.Tensor":
    """Return a tensor in the type in which a linear layer computes it, under autocast, too; fp16 in fp32."""
    import torch

    kind = tensor.device.type
    if torch.is_autocast_enabled(kind) and tensor.dtype != torch.float64:  # which autocast leaves alone
        tensor = tensor.to(torch.get_autocast_dtype(kind))
    return _with_range(tensor)


def _with_range(tensor: "torch.Tensor") -> "torch.Tensor":
    """Return fp16 in fp32, as torch's own cross-entropy has it: a mean's gradients are too small for fp16, a loss scale too large."""
    import torch

    return tensor.float() if tensor.dtype == torch.float16 else tensor


def _prepare(
    flat: "torch.Tensor",
    labels: "torch.Tensor",
    ignore_index: int,
    reduction: str,
    weight: "torch.Tensor | None",
    classes: int | None = None,
) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]":
    """Return the labeled rows, their labels, where they are, and what each of them counts."""
    import torch

    count = classes or flat.shape[-1]
    if weight is not None and not isinstance(weight, torch.Tensor):
        raise UsageError(f"the class weights have to be a tensor of shape ({count},), got {type(weight).__name__}")
    if weight is not None and weight.shape != (count,):
        raise UsageError(
            f"the class weights have the shape {tuple(weight.shape)}; there are {count} classes: give ({count},)"
        )
    every = labels.reshape(-1).long()
    kept = every != ignore_index
    whole = bool(kept.all())
    rows, chosen = (flat, every) if whole else (flat[kept], every[kept])
    check_labels(chosen, count, ignore_index)
    wide = torch.float64 if flat.dtype == torch.float64 else torch.float32
    scale = torch.ones(len(chosen), dtype=wide, device=flat.device) if weight is None else weight.to(wide)[chosen]
    if reduction == "mean":
        scale = scale / scale.sum().clamp(min=torch.finfo(wide).tiny)  # 0 where all that is labeled counts nothing
    return rows, chosen, kept, scale


def _reduce(
    losses: "torch.Tensor", labels: "torch.Tensor", kept: "torch.Tensor", scale: "torch.Tensor", reduction: str
) -> "torch.Tensor":
    """Weigh the losses; for a sum the weights are in the rows' gradients already."""
    from codeward.defenses.training._deceptive import ScaledSum

    if reduction != "none":
        total: torch.Tensor = ScaledSum.apply(losses, scale)  # type: ignore[no-untyped-call]
        return total
    out = losses.new_zeros(labels.numel())
    out[kept] = losses * scale
    return out.reshape(labels.shape)
