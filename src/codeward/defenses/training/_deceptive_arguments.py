"""What deceptive cross-entropy refuses to compute with, each in a sentence."""

from numbers import Real
from typing import TYPE_CHECKING

from codeward.errors import UsageError

if TYPE_CHECKING:
    import torch

REDUCTIONS = ("none", "sum", "mean")


def check_linear(
    hidden: "torch.Tensor", weight: "torch.Tensor", labels: "torch.Tensor", bias: "torch.Tensor | None"
) -> None:
    """Refuse hidden states, a projection and labels that do not go together.

    Raises:
        UsageError: If they do not.
    """
    check_numbers(hidden, "hidden states have")
    check_numbers(weight, "weight has")
    check_indices(labels)
    if weight.ndim != 2 or hidden.shape[:-1] != labels.shape or hidden.shape[-1] != weight.shape[-1]:
        raise UsageError(
            f"hidden states {tuple(hidden.shape)}, weight {tuple(weight.shape)} and labels {tuple(labels.shape)} do not fit: "
            "they have to be [..., D], [V, D] and [...]"
        )
    check_classes(weight.shape[0], weight, "weight")
    if bias is None:
        return
    check_numbers(bias, "bias has")
    if bias.shape != weight.shape[:1]:
        raise UsageError(f"the bias has the shape {tuple(bias.shape)}; it has to be [V], here ({weight.shape[0]},)")


def check_types(hidden: "torch.Tensor", weight: "torch.Tensor", bias: "torch.Tensor | None") -> None:
    """Refuse to multiply numbers of different types, as they are after autocast.

    Raises:
        UsageError: If they differ.
    """
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.dtype != hidden.dtype:
            raise UsageError(
                f"the hidden states are computed in {hidden.dtype}, but the {name} in {tensor.dtype}; give all of them in one type"
            )


def check_numbers(tensor: "torch.Tensor", what: str) -> None:
    """Refuse what cannot be computed with.

    Raises:
        UsageError: If it is no tensor of numbers with a point, or has no dimension.
    """
    import torch

    if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point() or tensor.ndim < 1:
        told = type(tensor).__name__
        if isinstance(tensor, torch.Tensor):
            told = "one without dimensions" if tensor.is_floating_point() else str(tensor.dtype)
        raise UsageError(f"the {what} to be a tensor of floating-point numbers, got {told}")


def check_indices(labels: "torch.Tensor") -> None:
    """Refuse labels that are no tensor of whole numbers.

    Raises:
        UsageError: If they are not.
    """
    import torch

    if not isinstance(labels, torch.Tensor):
        raise UsageError(
            f"labels have to be class indices, in whole numbers; got {type(labels).__name__}, which is no tensor"
        )
    if labels.dtype not in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
        raise UsageError(f"labels have to be class indices, in whole numbers; got {labels.dtype}")


def check_classes(count: int, tensor: "torch.Tensor", what: str) -> None:
    """Refuse to choose among no classes.

    Raises:
        UsageError: If there are none.
    """
    if not count:
        raise UsageError(f"there are no classes in the {what} of shape {tuple(tensor.shape)}; give one at least")


def share_of(alpha: float, smoothing: float, epoch: float, reduction: str) -> float:
    """Check the options and return the model's share in the mixture.

    Raises:
        UsageError: If they make no sense.
    """
    for name, value in (("alpha", alpha), ("smoothing", smoothing), ("epoch", epoch)):
        if not isinstance(value, Real):
            raise UsageError(f"{name} has to be a number, got {value!r}")
    if not 0 < alpha <= 1:
        raise UsageError(f"alpha has to be in (0, 1], got {alpha:g}; the paper recommends 0.985 to 0.995")
    if not 0 <= smoothing < 1:
        raise UsageError(f"smoothing has to be in [0, 1), got {smoothing:g}; the paper recommends 0.05 to 0.1")
    if not epoch >= 1:
        raise UsageError(f"the epoch counts from 1 on, got {epoch:g}")
    if reduction not in REDUCTIONS:
        raise UsageError(f"reduction has to be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    return float(alpha**epoch)
