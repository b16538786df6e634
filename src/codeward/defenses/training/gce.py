"""Generalized cross-entropy: between cross-entropy and mean absolute error (Zhang and Sabuncu, NeurIPS 2018, eq. 6)."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from codeward.defenses.training._base import TrainingDefense, per_row, reduce, training_defenses
from codeward.registry import method

if TYPE_CHECKING:
    import torch


@training_defenses.register("gce")
@method
class GeneralizedCrossEntropy(TrainingDefense):
    """The loss ``(1 - p ** q) / q`` of the label's probability."""

    q: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Towards 0 it is cross-entropy, at 1 the mean absolute error."""

    def loss(
        self, logits: "torch.Tensor", labels: "torch.Tensor", *, epoch: float, reduction: str = "mean"
    ) -> "torch.Tensor":
        """See ``TrainingDefense.loss``."""
        import torch

        rows, wanted = per_row(logits, labels)
        logs = -torch.nn.functional.cross_entropy(rows, wanted, reduction="none")
        return reduce(-torch.expm1(self.q * logs) / self.q, reduction)
