"""What a training-stage defense is: a loss of logits and labels that knows how far the training is."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from codeward.errors import UsageError
from codeward.registry import Registry

if TYPE_CHECKING:
    import torch

IGNORED = -100


class TrainingDefense(ABC):
    """Base of all training-stage defenses; the author writes ``loss``."""

    rate_factor: ClassVar[float] = 1.0
    """What the learning rate is multiplied by."""

    @abstractmethod
    def loss(
        self, logits: "torch.Tensor", labels: "torch.Tensor", *, epoch: float, reduction: str = "mean"
    ) -> "torch.Tensor":
        """Return the loss of a batch.

        Args:
            logits: Shape ``[..., V]``.
            labels: Shape ``[...]``; ``-100`` marks what is not labeled.
            epoch: From 1 on, with the share of the epoch that is done: 2.5 is the middle of the second.
            reduction: ``mean`` over labeled positions, or ``sum``.

        Returns:
            A scalar tensor, computed from the logits; whatever else comes back stops the training with a sentence that names the loss.
        """


training_defenses: Registry[TrainingDefense] = Registry("loss", "codeward.defenses.training", plural="losses")


def per_row(logits: "torch.Tensor", labels: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Return the logits of labeled positions in fp32, shape ``[n, V]``, and their labels, shape ``[n]``.

    Raises:
        UsageError: If a label is out of range.
    """
    kept = labels != IGNORED
    chosen = labels[kept]
    check_labels(chosen, logits.shape[-1], IGNORED)
    return logits[kept].float(), chosen


def check_labels(labels: "torch.Tensor", classes: int, ignored: int) -> None:
    """Refuse labels that are no classes.

    Raises:
        UsageError: If there are such.
    """
    if not len(labels):
        return
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= classes:
        raise UsageError(
            f"a label is {least if least < 0 else most}, but there are {classes} classes (0 to {classes - 1}); mark what is "
            f"not labeled with {ignored}"
        )


def reduce(losses: "torch.Tensor", reduction: str) -> "torch.Tensor":
    """Return the mean (0 of nothing) or the sum of the losses of rows."""
    return losses.sum() if reduction == "sum" else losses.sum() / max(len(losses), 1)
