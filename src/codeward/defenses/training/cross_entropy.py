"""Cross-entropy: no defense at all, and what every other loss is measured against."""

from typing import TYPE_CHECKING

from codeward.defenses.training._base import TrainingDefense, per_row, reduce, training_defenses
from codeward.registry import method

if TYPE_CHECKING:
    import torch


@training_defenses.register("ce")
@method
class CrossEntropy(TrainingDefense):
    """The usual loss."""

    def loss(
        self, logits: "torch.Tensor", labels: "torch.Tensor", *, epoch: float, reduction: str = "mean"
    ) -> "torch.Tensor":
        """See ``TrainingDefense.loss``."""
        import torch

        rows, wanted = per_row(logits, labels)
        return reduce(torch.nn.functional.cross_entropy(rows, wanted, reduction="none"), reduction)
