"""Token-level access to a model: the loss of token rows, and its gradient at chosen tokens. What trigger inversion needs.

Also a model that keeps the tokens of what it has read: what an input defense needs, which shows it one text many times.

The gradient is taken at the output of the embedding layer, by a hook, so that any architecture gives it, also those that
refuse embeddings as inputs (T5's classifier).
"""

import copy
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from codeward.types import CODE, Sample
from codeward.victims.batching import Row, autocast, batches, run_batched
from codeward.victims.encode import Encoder
from codeward.victims.huggingface import Continuation, HuggingFaceVictim, Nearness, Objective

Floats = npt.NDArray[np.float32]
V = TypeVar("V", bound=HuggingFaceVictim)
GRADIENT_TOKENS = 8_192
"""Tokens a batch when gradients are taken, which need all activations."""


@dataclass(frozen=True, slots=True)
class MemoryEncoder(Encoder):
    """An encoder that keeps the tokens of every text that it has read, four bytes each."""

    known: dict[tuple[str, Any], "array[int]"] = field(default_factory=dict)

    def inputs(self, samples: Sequence[Sample], field: str = CODE) -> list[Row]:
        """See ``Encoder.inputs``."""
        keys = [(field, text) for text in self._texts(samples, field)]
        new = {key: sample for key, sample in zip(keys, samples, strict=True) if key not in self.known}
        # not super(): a class with slots is made anew, and super() still means the first
        for key, row in zip(new, Encoder.inputs(self, list(new.values()), field), strict=True):
            self.known[key] = array("i", row["input_ids"])
        return [{"input_ids": self.known[key].tolist()} for key in keys]


def with_memory(victim: V) -> V:
    """Return a copy of a victim, with the same model, that turns each text into tokens once; what it keeps goes with it."""
    _ = victim.fingerprint  # so that it is known to all copies, and asked for once
    made = copy.copy(victim)
    made.encoder = MemoryEncoder(**{each.name: getattr(victim.encoder, each.name) for each in fields(Encoder)})
    return made


def row_losses(victim: HuggingFaceVictim, rows: Sequence[Sequence[int]], goals: Sequence[Objective]) -> Floats:
    """Return how far a model is from given answers.

    Args:
        victim: The model.
        rows: Token rows with their special tokens.
        goals: For each row a class, or the tokens of a text (see ``HuggingFaceVictim.losses``).

    Returns:
        Losses in nats (one minus the cosine similarity for retrieval), shape ``[rows]``.
    """
    keyed = [_keyed(row, goal) for row, goal in zip(rows, goals, strict=True)]

    def step(indices: list[int]) -> list[float]:
        with torch.inference_mode(), autocast(victim.device, victim.precision):
            losses = victim.losses([{"input_ids": list(rows[i])} for i in indices], [goals[i] for i in indices])
        found: list[float] = losses.float().cpu().tolist()
        return found

    return np.array(run_batched(keyed, step), dtype=np.float32)


def slot_gradients(
    victim: HuggingFaceVictim,
    rows: Sequence[Sequence[int]],
    places: Sequence[int],
    length: int,
    goals: Sequence[Objective],
) -> Floats:
    """Return the gradient of each row's loss with respect to the embeddings of some of its tokens.

    Args:
        victim: The model.
        rows: Token rows.
        places: For each row the first of the tokens.
        length: How many tokens.
        goals: See ``row_losses``.

    Returns:
        Gradients, shape ``[rows, length, width]``; the width is that of ``embeddings``.
    """
    found: dict[int, Floats] = {}
    width = embeddings(victim).shape[1]
    keyed = [_keyed(row, goal) for row, goal in zip(rows, goals, strict=True)]
    for indices in batches(keyed, GRADIENT_TOKENS):
        shift = torch.zeros(len(indices), length, width, device=victim.device, requires_grad=True)
        with torch.enable_grad():
            losses = shifted_losses(
                victim, [rows[i] for i in indices], [places[i] for i in indices], shift, [goals[i] for i in indices]
            )
            (gradient,) = torch.autograd.grad(losses.sum(), shift)
        for i, part in zip(indices, gradient.float().cpu().numpy(), strict=True):
            found[i] = part
    return np.stack([found[i] for i in range(len(rows))])


def shifted_losses(
    victim: HuggingFaceVictim,
    rows: Sequence[Sequence[int]],
    places: Sequence[int],
    shift: torch.Tensor,
    goals: Sequence[Objective],
) -> torch.Tensor:
    """Return the losses of one batch of rows some of whose tokens' embeddings are shifted; differentiable by the shift.

    Args:
        victim: The model.
        rows: Token rows.
        places: For each row the first of the shifted tokens.
        shift: What is added to their embeddings, shape ``[rows, length, width]``; the width is that of ``embeddings``.
        goals: See ``row_losses``.
    """
    slots = torch.tensor(places, device=victim.device)[:, None] + torch.arange(shift.shape[1], device=victim.device)
    with autocast(victim.device, victim.precision), _shifted(victim, slots, shift):
        return victim.losses([{"input_ids": list(row)} for row in rows], goals).float()


def embeddings(victim: HuggingFaceVictim) -> torch.Tensor:
    """Return what the model has for each token, shape ``[vocabulary, width]``.

    A classifier whose two halves have tables of their own (T5Gemma's) reads a token in both: they stand side by side.
    """
    return torch.cat([weight.detach() for weight in _weights(victim)], dim=1)


@contextmanager
def _shifted(victim: HuggingFaceVictim, slots: torch.Tensor, shift: torch.Tensor) -> Iterator[None]:
    """Add a shift to the embeddings of the slots.

    A classifier of the encoder-decoder family reads its input a second time, one token later, as the decoder's.
    """
    calls = 0
    parts = torch.split(shift, [weight.shape[1] for weight in _weights(victim)], dim=-1)

    def hook(_: Any, __: Any, output: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls > 1 and not _reads_twice(victim):
            return output
        part = parts[min(calls, len(parts)) - 1]
        at = slots + calls - 1
        kept = (at < output.shape[1]).unsqueeze(-1)
        wide = at.clamp(max=output.shape[1] - 1).unsqueeze(-1).expand(-1, -1, output.shape[-1])
        return output + torch.zeros_like(output).scatter_add(1, wide, (part * kept).to(output.dtype))

    handles = [table.register_forward_hook(hook) for table in _tables(victim)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _reads_twice(victim: HuggingFaceVictim) -> bool:
    """Whether the decoder reads the input, too."""
    return bool(victim.model.config.is_encoder_decoder and victim.labels)


def _weights(victim: HuggingFaceVictim) -> list[torch.Tensor]:
    """Return the tables in which the model looks up its input: the encoder's, and the decoder's where it is another."""
    first: torch.Tensor = victim.model.get_input_embeddings().weight
    if not _reads_twice(victim):
        return [first]
    second: torch.Tensor = victim.model.get_decoder().get_input_embeddings().weight
    return [first] if second is first else [first, second]


def _tables(victim: HuggingFaceVictim) -> list[torch.nn.Module]:
    """Return every module that looks up the input; of one weight there may be two, one for each half of the model."""
    known = {id(weight) for weight in _weights(victim)}
    return [
        each for each in victim.model.modules() if isinstance(each, torch.nn.Embedding) and id(each.weight) in known
    ]


def _keyed(row: Sequence[int], goal: Objective) -> Row:
    """Return what makes a row with its goal different from others."""
    if isinstance(goal, Continuation):
        return {"input_ids": list(row), "before": list(goal.before), "goal": list(goal.text)}
    if isinstance(goal, Nearness):
        return {"input_ids": list(row), "near": list(goal.key)}
    return {"input_ids": list(row), "goal": [goal] if isinstance(goal, int) else list(goal)}
