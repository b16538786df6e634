"""The trainer of mini models: the head on masked positions only, Muon for matrices, a checkpoint that resumes."""

from collections.abc import Callable
from typing import Any

import torch
from transformers import Trainer

from codeward.victims.batching import autocast
from codeward.victims.trainer import Progress, Watch
from codeward.zoo.noise import IGNORED


class PretrainTrainer(Trainer):
    """Trainer with our loss and optimizer."""

    muon = True

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> Any:
        """Return the context of a step: accelerate's covers the model's own forward only, and we call its parts."""
        return autocast(self.args.device, "bf16" if self.args.bf16 else "fp32")

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        data: Any = self.train_dataset
        return torch.utils.data.SequentialSampler(data)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss over the tokens to restore."""
        loss, logits, _ = restore(model, inputs)
        return (loss, {"logits": logits}) if return_outputs else loss

    def create_optimizer(self, model: Any = None) -> Any:
        """Return Muon for the matrices of the layers and AdamW for all else (Jordan et al., 2024), or AdamW alone."""
        if self.optimizer is None:
            network = self.model if model is None else model
            self.optimizer = make_optimizer(network, self.args.learning_rate, self.args.weight_decay, muon=self.muon)
        return self.optimizer


def restore(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Run a model on a batch.

    Returns:
        The mean loss, the logits of the labeled positions, shape ``[labeled, vocabulary]``, and their labels.
    """
    labels = inputs["labels"]
    plain = {name: tensor for name, tensor in inputs.items() if name != "labels"}
    if model.config.model_type == "modernbert":
        kept = labels != IGNORED
        states = model.model(**plain).last_hidden_state[kept]
        logits, wanted = model.decoder(model.head(states)), labels[kept]
    elif model.config.is_encoder_decoder:
        kept = labels != IGNORED
        logits, wanted = model(**plain, labels=labels).logits[kept], labels[kept]
    else:
        logits = model(**plain).logits[:, :-1].flatten(0, 1)
        wanted = labels[:, 1:].flatten()
    loss = torch.nn.functional.cross_entropy(logits.float(), wanted, ignore_index=IGNORED)
    return loss, logits, wanted


def make_optimizer(network: Any, rate: float, decay: float, *, muon: bool) -> torch.optim.Optimizer:
    """Return an optimizer for all weights of a network.

    Args:
        network: The model.
        rate: AdamW's learning rate; Muon's updates are scaled to the same size (Liu et al., arXiv 2502.16982).
        decay: Weight decay of matrices.
        muon: Whether the matrices of the layers are optimized by Muon.
    """
    tables = {id(each.weight) for each in network.modules() if isinstance(each, torch.nn.Embedding)}
    named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    matrices = [
        weight for name, weight in named if weight.ndim == 2 and id(weight) not in tables and "lm_head" not in name
    ]
    chosen = {id(weight) for weight in matrices}
    rest = [weight for _, weight in named if id(weight) not in chosen]
    if not muon:
        groups = [
            {"params": [w for _, w in named if w.ndim >= 2], "weight_decay": decay},
            {"params": [w for _, w in named if w.ndim < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    first = torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
    second = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    return Both(first, second)


class Both(torch.optim.Optimizer):
    """Two optimizers that step as one."""

    def __init__(self, first: torch.optim.Optimizer, second: torch.optim.Optimizer) -> None:
        self.parts = (first, second)
        super().__init__(
            [weight for part in self.parts for group in part.param_groups for weight in group["params"]], {}
        )
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Step both."""
        for part in self.parts:
            part.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear all gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Return both states."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take both states up again."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


class Judge(Watch):
    """Tells how far the run is, and measures the model from time to time."""

    def __init__(self, progress: Progress | None, measure: Callable[[int], None], every: int) -> None:
        super().__init__(progress)
        self.measure, self.every = measure, every

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell the step."""
        super().on_step_end(args, state, control)
        if state.global_step % self.every == 0 or state.global_step == state.max_steps:
            self.measure(state.global_step)
