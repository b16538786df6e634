"""Any training-stage defense in a ``transformers.Trainer`` of one's own."""

from typing import Any

import torch
from transformers import TrainerCallback

from codeward.defenses.training._base import TrainingDefense
from codeward.errors import UsageError
from codeward.victims.sifting import Sifter


class TrainerLoss(TrainerCallback):
    """A ``compute_loss_func`` that is its own callback, so that it knows the epoch, also after a resume.

    ::

        loss = TrainerLoss(DeCE(alpha=0.99))
        trainer = Trainer(model, args, train_dataset=rows, compute_loss_func=loss, callbacks=[loss])
        trainer.train()

    An encoder-decoder needs ``decoder_input_ids`` in its batches, as ``DataCollatorForSeq2Seq(tokenizer, model)`` gives them.

    Args:
        defense: The loss.
        shift: Whether the label of a position is for the position before, as in causal models; unset: where the logits have
            one dimension more than for classes and the model has no encoder. Say ``False`` for a masked language model.

    Raises:
        UsageError: If the defense changes the rows as well.
    """

    def __init__(self, defense: TrainingDefense, *, shift: bool | None = None) -> None:
        if isinstance(defense, Sifter):
            raise UsageError(
                "this loss changes the training rows, which a Trainer of one's own does not hand it; use codeward train, or "
                "train a scout, call sift() and apply() on the rows, and train on those by cross-entropy"
            )
        self.defense = defense
        self.shift = shift
        self.epoch = 1.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take note of the epoch."""
        self.epoch = 1 + float(state.epoch or 0)

    def __call__(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        """Return the mean loss over all labels that are accumulated to one step."""
        logits = outputs["logits"]
        shift = logits.ndim == 3 and "encoder_last_hidden_state" not in outputs if self.shift is None else self.shift
        if shift:
            logits, labels = logits[:, :-1], labels[:, 1:]
        if num_items_in_batch is None:
            return self.defense.loss(logits, labels, epoch=self.epoch)
        total = self.defense.loss(logits, labels, epoch=self.epoch, reduction="sum")
        return total / float(num_items_in_batch)
