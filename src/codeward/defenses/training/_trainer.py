"""Any training-stage defense in a ``transformers.Trainer`` of one's own."""

from collections.abc import Mapping
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
            callback, one process trains on several GPUs, a batch has no labels, or the model's outputs have no logits or do not tell
            whether labels are to be shifted.
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
        """Take note of the epoch.

        Raises:
            UsageError: If one process trains on several GPUs: there the number of labels of a step is not one number.
        """
        count = getattr(args, "n_gpu", 1)
        if count > 1:
            raise UsageError(
                f"this loss takes one process per GPU, but this one trains on {count}: start it with torchrun or accelerate launch, "
                "or show it one GPU with CUDA_VISIBLE_DEVICES"
            )
        self.epoch = 1 + float(state.epoch or 0)
        self._told = True

    def __call__(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        """Return the mean loss over all labels that are accumulated to one step, 0 where there are none.

        In evaluation it is cross-entropy, whatever the epoch.
        """
        trains = torch.is_grad_enabled()
        if trains and not self._told:
            raise UsageError(
                "this loss is not told the epoch; give it as a callback, too: Trainer(…, compute_loss_func=loss, callbacks=[loss])"
            )
        logits = _logits(outputs)
        if not isinstance(labels, torch.Tensor):
            raise UsageError(
                f"this loss needs the labels of a batch as a tensor under the name 'labels', got {type(labels).__name__}; let the "
                "data set or the data collator put them there"
            )
        if _shifted(outputs) if self.shift is None else self.shift:
            logits, labels = logits[:, :-1], labels[:, 1:]
        used = self.defense if trains else CrossEntropy()
        if num_items_in_batch is None:
            return checked_loss(used, logits, labels, epoch=self.epoch)
        total = checked_loss(used, logits, labels, epoch=self.epoch, reduction="sum")
        return total / (float(num_items_in_batch) or 1.0)


def _logits(outputs: Any) -> torch.Tensor:
    """Return the logits of a model's outputs.

    Raises:
        UsageError: If they are not there by this name.
    """
    found = outputs.get("logits") if isinstance(outputs, Mapping) else None
    if not isinstance(found, torch.Tensor):
        raise UsageError(
            f"this loss needs a model's outputs by name, with a tensor 'logits' among them, got {type(outputs).__name__}; set "
            "return_dict=True in the model's configuration, and take a model with a head"
        )
    return found


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
