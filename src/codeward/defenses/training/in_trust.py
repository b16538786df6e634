"""In-trust loss: cross-entropy and a term that trusts the model's own belief (Huang et al., Findings of ACL 2021, eq. 3).

``alpha CE + beta DCE`` with ``DCE = -sum p log(delta p + (1 - delta) q)`` over all classes, q the one-hot label. Outside the
label the sum is over the probabilities alone, so nothing dense but p is built.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from codeward.defenses.training._base import TrainingDefense, per_row, reduce, training_defenses
from codeward.registry import method

if TYPE_CHECKING:
    import torch


LEAST = -1e4
"""Logarithms of probabilities below are all alike: a class that is masked out has none."""


@training_defenses.register("in-trust")
@method
class InTrust(TrainingDefense):
    """Cross-entropy with a term that trusts the model."""

    alpha: Annotated[float, Field(ge=0)] = 1.0
    """Weight of cross-entropy."""
    beta: Annotated[float, Field(ge=0)] = 1.0
    """Weight of the trusting term."""
    delta: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """How much the trusting term trusts the model rather than the label."""

    def loss(
        self, logits: "torch.Tensor", labels: "torch.Tensor", *, epoch: float, reduction: str = "mean"
    ) -> "torch.Tensor":
        """See ``TrainingDefense.loss``."""
        import math

        rows, wanted = per_row(logits, labels)
        logs = rows.log_softmax(-1).clamp(min=LEAST)
        chances = logs.exp()
        index = wanted[:, None]
        label_log, label_chance = logs.gather(1, index)[:, 0], chances.gather(1, index)[:, 0]
        others = (chances * logs).sum(-1) - label_chance * label_log + math.log(self.delta) * (1 - label_chance)
        trusting = -(others + label_chance * (self.delta * label_chance + 1 - self.delta).log())
        return reduce(-self.alpha * label_log + self.beta * trusting, reduction)
