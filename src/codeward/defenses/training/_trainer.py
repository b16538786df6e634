"""Any training-stage defense in a ``transformers.Trainer`` of one's own."""

from typing import Any

import torch
from transformers import TrainerCallback

from codeward.defenses.training._base import TrainingDefense
from codeward.defenses.training.cross_entropy import CrossEntropy
from codeward.errors import UsageError
from codeward.victims.sifting import Sifter
from codeward.victims.trainer import checked_loss


class TrainerLoss(TrainerCallback):
    """A ``compute_loss_func`` that is its own callback, so that it knows the epoch, also after a resume.

    ::

        loss = TrainerLoss(DeCE(alpha=0.99))
        trainer = Trainer(model, args, train_dataset=rows, compute_loss_func=loss, callbacks=[loss])
        trainer.train()

    An encoder-decoder needs ``decoder_input_ids`` in its batches, as ``DataCollatorForSeq2Seq(tokenizer, model)`` gives them.

    Args:
        defense: The loss.
        shift: Whether the label of a position is for the position before, as in causal models; unset: as the model's outputs
            tell, where they are those of ``transformers``.

    Raises:
        UsageError: If the defense changes the rows or the learning rate as well; while training, if the loss was not given as a
            callback, or the outputs do not tell whether labels are to be shifted.
    """

    def __init__(self, defense: TrainingDefense, *, shift: bool | None = None) -> None:
        if isinstance(defense, Sifter):
            raise UsageError(
                "this loss changes the training rows, which a Trainer of one's own does not hand it; use codeward train, or "
                "train a scout, call sift() and apply() on the rows, and train on those by cross-entropy"
            )
        if defense.rate_factor != 1:
            raise UsageError(
                f"this loss is cross-entropy at {defense.rate_factor:g} times the learning rate, which a loss cannot lower: set "
                "it in the Trainer's arguments"
            )
        self.defense = defense
        self.shift = shift
        self.epoch = 1.0
        self._told = False

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take note of the epoch."""
        self.epoch = 1 + float(state.epoch or 0)
        self._told = True

    def __call__(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        """Return the mean loss over all labels that are accumulated to one step; in evaluation cross-entropy, whatever the epoch."""
        trains = torch.is_grad_enabled()
        if trains and not self._told:
            raise UsageError(
                "this loss is not told the epoch; give it as a callback, too: Trainer(…, compute_loss_func=loss, callbacks=[loss])"
            )
        logits = outputs["logits"]
        if _shifted(outputs) if self.shift is None else self.shift:
            logits, labels = logits[:, :-1], labels[:, 1:]
        used = self.defense if trains else CrossEntropy()
        if num_items_in_batch is None:
            return checked_loss(used, logits, labels, epoch=self.epoch)
        total = checked_loss(used, logits, labels, epoch=self.epoch, reduction="sum")
        return total / float(num_items_in_batch)


def _shifted(outputs: Any) -> bool:
    """Return whether the label of a position is for the position before, from the class of the outputs.

    Raises:
        UsageError: If it does not tell.
    """
    kind = type(outputs).__name__
    if outputs["logits"].ndim < 3 or kind.startswith(("Seq2Seq", "MaskedLM", "TokenClassifier")):
        return False
    if "CausalLM" in kind:
        return True
    raise UsageError(
        f"the model's outputs ({kind}) do not tell whether a label is for the position before it, as in causal models: give "
        "TrainerLoss(…, shift=True) or shift=False"
    )
