"""Moderate fitting: learn slowly, so that the task is learned and the trigger is not yet (Zhu et al., NeurIPS 2022).

The paper lowers the capacity (LoRA: ``--set lora_rank=...``), the epochs or the learning rate; this is the last, with which
DeCE (arXiv 2407.08956, section 5.1) compares.
"""

from typing import ClassVar

from codeward.defenses.training._base import training_defenses
from codeward.defenses.training.cross_entropy import CrossEntropy
from codeward.registry import method


@training_defenses.register("moderate")
@method
class ModerateFitting(CrossEntropy):
    """Cross-entropy at a tenth of the learning rate."""

    rate_factor: ClassVar[float] = 0.1
