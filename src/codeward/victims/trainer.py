"""Codeward's trainer: our order of rows, the loss of a bi-encoder, and a callback that tells how far it is."""

from collections.abc import Callable
from inspect import signature
from typing import Any, Protocol

import torch
from transformers import Trainer, TrainerCallback

from codeward.errors import DivergedError
from codeward.registry.plugins import blaming, wrong
from codeward.types import Kind
from codeward.victims.batching import autocast
from codeward.victims.feeding import OrderSampler
from codeward.victims.memory import Heap, give_back_memory
from codeward.victims.retrieval import IGNORED, answers, contrasted

Progress = Callable[[int, int, float], None]


class Loss(Protocol):
    """A loss that replaces cross-entropy: a training-stage defense."""

    def loss(
        self, logits: torch.Tensor, labels: torch.Tensor, *, epoch: float, reduction: str = "mean"
    ) -> torch.Tensor:
        """Return the loss of logits, shape ``[..., V]``, and labels, shape ``[...]``, ``-100`` where there is none."""
        ...


class _CrossEntropy:
    """Cross-entropy as a loss of its own."""

    def loss(
        self, logits: torch.Tensor, labels: torch.Tensor, *, epoch: float, reduction: str = "mean"
    ) -> torch.Tensor:
        """See ``Loss``."""
        return torch.nn.functional.cross_entropy(logits.flatten(0, -2).float(), labels.flatten(), reduction=reduction)


class VictimTrainer(Trainer):
    """Trainer with the contrastive loss of a bi-encoder (in-batch negatives; Karpukhin et al., EMNLP 2020).

    Args:
        kind: What the model is for.
        defense: What replaces cross-entropy in training; validation always tells cross-entropy.
        options: Those of ``transformers.Trainer``.
    """

    def __init__(self, *, kind: Kind, defense: Loss | None = None, **options: Any) -> None:
        self.kind = kind
        # Not the model's own loss: a classifier's is the mean of its batch, which the trainer takes for a share of all batches
        # of a step, so that accumulated batches and several processes would multiply it.
        self.defense = defense or _CrossEntropy()
        # With a loss of one's own the trainer counts the labels of all batches of a step, and divides by nothing else.
        counted = None if kind == "retrieval" else self.defense.loss
        super().__init__(**options, compute_loss_func=counted)
        if kind == "retrieval":
            # Each batch has a mean of its own: the trainer divides by the number of batches of a step.
            self.model_accepts_loss_kwargs = False

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> Any:
        """Return the context of a step: accelerate's covers the model's own forward only, not that of a bi-encoder."""
        return autocast(self.args.device, "bf16" if self.args.bf16 else "fp32")

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset: Any = self.train_dataset
        lengths = [row["length"] for row in dataset.rows]
        batch = self.args.per_device_train_batch_size
        return OrderSampler(lengths, batch, self.args.seed, lambda: int(self.state.epoch or 0))

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of a batch."""
        if self.kind == "retrieval":
            logits, labels = self._similarities(model, inputs)
        else:
            logits, labels = logits_and_labels(model, inputs)
        loss = self._mean(self.defense if model.training else _CrossEntropy(), logits, labels, num_items_in_batch)
        if model.training and not bool(torch.isfinite(loss.detach())):
            raise diverged(f"the loss in step {self.state.global_step + 1} is {loss.item():g}", self.args.learning_rate)
        return (loss, {"loss": loss}) if return_outputs else loss

    def _mean(self, used: Loss, logits: torch.Tensor, labels: torch.Tensor, count: Any) -> torch.Tensor:
        """Return a loss: the mean over the labels of all batches of a step, or of the batch (retrieval, validation)."""
        epoch = 1 + float(self.state.epoch or 0)
        if self.kind == "retrieval" and not bool((labels != IGNORED).any()):
            return logits.sum() * 0  # no query of the batch is known to have an answer
        if count is None or self.kind == "retrieval":
            return checked_loss(used, logits, labels, epoch=epoch)
        # The labels of all processes are counted, and their gradients averaged: what the trainer does for its own loss.
        several = self.accelerator.num_processes if self.args.average_tokens_across_devices else 1
        return checked_loss(used, logits, labels, epoch=epoch, reduction="sum") * several / float(count)

    def _similarities(self, model: Any, inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the similarity of each query and each code of a batch, and which code answers which query."""
        groups = inputs["labels"]
        query = {name.removeprefix("query_"): tensor for name, tensor in inputs.items() if name.startswith("query_")}
        return contrasted(model, query, inputs, groups), answers(groups)


def checked_loss(
    used: Loss, logits: torch.Tensor, labels: torch.Tensor, *, epoch: float, reduction: str = "mean"
) -> torch.Tensor:
    """Return what a loss says of a batch.

    Raises:
        PluginError: If it is no scalar that a model can learn from; of another package's loss, if it raises anything.
    """
    with blaming(used, "loss"):
        found: object = used.loss(logits, labels, epoch=epoch, reduction=reduction)
    if not isinstance(found, torch.Tensor) or found.ndim:
        raise wrong(used, "loss", "a tensor without dimensions (the mean or the sum, as reduction= says)", found)
    if logits.requires_grad and not found.requires_grad:
        raise wrong(used, "loss", "a tensor that is computed from the logits throughout", found, "a detached one")
    return found


def diverged(what: str, rate: float) -> DivergedError:
    """Return the error for a training that became no numbers."""
    return DivergedError(
        f"{what}: the training has come apart, and nothing is kept of it; lower the learning rate (it was {rate:g}), and "
        "look whether the model that it starts from holds numbers only"
    )


def whole(model: Any, rate: float) -> Any:
    """Return a model of which the last step has left numbers.

    Raises:
        DivergedError: If it has not.
    """
    if not all(bool(torch.isfinite(weights).all()) for weights in model.parameters()):
        raise diverged("some weights are no numbers after the last step", rate)
    return model


def logits_and_labels(model: Any, inputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a classifier or a generator, without its own loss.

    Returns:
        Logits, shape ``[rows, V]`` or ``[rows, tokens, V]``, and the labels that they are to give, of the shape before V; for
        a decoder-only model both are shifted by one, and only positions where some row has a label are computed.
    """
    labels = inputs["labels"]
    plain = {name: tensor for name, tensor in inputs.items() if name != "labels"}
    network = getattr(model, "module", model)  # several processes wrap it
    if network.config.is_encoder_decoder and labels.ndim > 1:  # its classifiers make the decoder's input themselves
        plain["decoder_input_ids"] = network.prepare_decoder_input_ids_from_labels(labels=labels)
        return model(**plain).logits, labels
    if labels.ndim == 1:
        return model(**plain).logits, labels
    following = labels[:, 1:]
    kept = (following != IGNORED).any(0).nonzero().flatten()
    if "logits_to_keep" in signature(network.forward).parameters:  # a prompt is read, not learned
        return model(**plain, logits_to_keep=kept).logits, following[:, kept]
    return model(**plain).logits[:, kept], following[:, kept]


class Watch(TrainerCallback):
    """Tells how far the training is."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.loss = float("nan")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Keep the last loss."""
        self.loss = (logs or {}).get("loss", self.loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell the step."""
        if self.progress is not None:
            self.progress(state.global_step, state.max_steps, self.loss)


class Tidy(TrainerCallback):
    """Keeps the heap of a training from growing."""

    def __init__(self) -> None:
        self.heap = Heap()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at it."""
        self.heap.step()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Hand back what the training leaves: a worker of the bench goes on with other steps."""
        give_back_memory()
