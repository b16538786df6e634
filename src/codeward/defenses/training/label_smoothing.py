"""Label smoothing: a part of each label goes to all classes alike (Szegedy et al., CVPR 2016)."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from codeward.defenses.training._base import TrainingDefense, per_row, reduce, training_defenses
from codeward.registry import method

if TYPE_CHECKING:
    import torch


@training_defenses.register("label-smoothing")
@method
class LabelSmoothing(TrainingDefense):
    """Cross-entropy with smoothed labels."""

    smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The part of each label that goes to all classes alike."""

    def loss(
        self, logits: "torch.Tensor", labels: "torch.Tensor", *, epoch: float, reduction: str = "mean"
    ) -> "torch.Tensor":
        """See ``TrainingDefense.loss``."""
        import torch

        rows, wanted = per_row(logits, labels)
        losses = torch.nn.functional.cross_entropy(rows, wanted, reduction="none", label_smoothing=self.smoothing)
        return reduce(losses, reduction)
