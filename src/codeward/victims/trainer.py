"""Codeward's trainer: our order of rows, the loss of a bi-encoder, and a callback that tells how far it is."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import Trainer, TrainerCallback

from codeward.victims.feeding import OrderSampler
from codeward.victims.huggingface import pooled

Progress = Callable[[int, int, float], None]
TEMPERATURE = 0.05


class VictimTrainer(Trainer):
    """Trainer with the contrastive loss of a bi-encoder (in-batch negatives; Karpukhin et al., EMNLP 2020)."""

    kind = ""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset: Any = self.train_dataset
        lengths = [row["length"] for row in dataset.rows]
        batch = self.args.per_device_train_batch_size
        return OrderSampler(lengths, batch, self.args.seed, lambda: int(self.state.epoch or 0))

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of a batch."""
        if self.kind != "retrieval":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        groups = inputs["labels"]
        query = {name.removeprefix("query_"): tensor for name, tensor in inputs.items() if name.startswith("query_")}
        left = torch.nn.functional.normalize(pooled(model, query), dim=-1)
        right = torch.nn.functional.normalize(pooled(model, inputs), dim=-1)
        scores = left @ right.T / TEMPERATURE
        same = (groups[:, None] == groups[None, :]) & ~torch.eye(len(groups), dtype=torch.bool, device=groups.device)
        loss = torch.nn.functional.cross_entropy(
            scores.float().masked_fill(same, float("-inf")), torch.arange(len(groups), device=groups.device)
        )
        return (loss, {"loss": loss}) if return_outputs else loss


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
