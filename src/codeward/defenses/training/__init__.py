"""Training-stage defenses: losses that do not learn triggers; one file each. Importing this package loads no torch."""

from typing import TYPE_CHECKING

from codeward.defenses.training._base import TrainingDefense, training_defenses

if TYPE_CHECKING:
    from codeward.defenses.training._trainer import TrainerLoss

__all__ = ["TrainerLoss", "TrainingDefense", "training_defenses"]


def __getattr__(name: str) -> object:
    if name == "TrainerLoss":
        from codeward.defenses.training._trainer import TrainerLoss

        return TrainerLoss
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
