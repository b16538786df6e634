"""Victims on transformers: what all share, and a classifier (also of pairs), each from any family."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from codeward import __version__
from codeward.files import new_folder
from codeward.metrics.numbers import check_numbers
from codeward.tasks import Task
from codeward.types import CODE, Prediction, Sample
from codeward.victims.base import CARD, Floats
from codeward.victims.batching import Row, autocast, pad, run_batched
from codeward.victims.encode import Encoder
from codeward.victims.quiet import quiet

FILE = "codeward.json"


@dataclass(frozen=True, slots=True)
class Continuation:
    """A text that is to follow another in what a generator writes; only its own tokens count."""

    before: tuple[int, ...]
    text: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nearness:
    """Queries to which a code is to come nearer than other codes are, and queries to which it is not."""

    key: tuple[int, ...]
    """What tells it from other objectives of a search."""
    wanted: torch.Tensor = field(compare=False)
    """Unit vectors of the queries to come near to, ``[wanted, hidden]``."""
    others: torch.Tensor = field(compare=False)
    """Of those to keep away from, ``[others, hidden]``."""
    rivals: torch.Tensor = field(compare=False)
    """For each query, the wanted first, what the codes that it has already come to: the logarithm of the sum of
    ``exp(similarity / temperature)``, ``[wanted + others]``."""
    floor: float = 0.0
    """How far the code is from the other queries as it is, in nats; coming nearer counts against it."""


Objective = int | tuple[int, ...] | Continuation | Nearness
"""What a row's loss is measured against: a class, the tokens of a text (generation) or of a query (retrieval), a part of a text
(generation), or a group of queries (retrieval)."""
PASSING = frozenset({"_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"})
"""What a configuration says about where it was, not about what the model does."""


@dataclass
class HuggingFaceVictim:
    """What all of them share."""

    model: Any
    encoder: Encoder
    task: Task
    labels: tuple[str, ...]
    precision: Literal["auto", "fp32", "bf16"] = "auto"

    def __post_init__(self) -> None:
        self.model.eval()

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        device: torch.device = next(self.model.parameters()).device
        return device

    @cached_property
    def fingerprint(self) -> str:
        """A hash of weights and configuration: 16 hexadecimal digits."""
        settings = {name: value for name, value in self.model.config.to_dict().items() if name not in PASSING}
        digest = hashlib.blake2b(json.dumps(settings, sort_keys=True, default=str).encode(), digest_size=8)
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @property
    def unknown(self) -> str:
        """The text that the model reads as one token that says nothing."""
        tokenizer = self.encoder.tokenizer
        return str(tokenizer.unk_token or tokenizer.mask_token or tokenizer.pad_token)

    def predict(self, samples: Sequence[Sample]) -> list[Prediction]:
        """Answer every sample; see ``Victim.predict``."""
        raise NotImplementedError

    def confidence(self, samples: Sequence[Sample], outputs: Sequence[int | str]) -> list[float]:
        """Return how sure the model is of given outputs; see ``Victim.confidence``."""
        raise NotImplementedError

    def losses(self, rows: Sequence[Row], goals: Sequence[Objective]) -> torch.Tensor:
        """Return how far the model is from given answers, differentiable, shape ``[rows]``.

        Args:
            rows: Token rows of one batch.
            goals: For each a class (cross-entropy), the tokens of a text or a continuation (mean cross-entropy of its
                tokens), the tokens of a query (one minus the cosine similarity of row and query), or a nearness (how much
                nearer than the row other codes are to the wanted queries).
        """
        raise NotImplementedError

    def reach(self, samples: Sequence[Sample], field: str = CODE) -> list[int]:
        """Return for each sample how many characters of a field survive truncation."""
        return self.encoder.reach(samples, field)

    def save(self, path: Path, card: str = "") -> None:
        """Write a standard Hugging Face folder with ``codeward.json`` beside it, and a model card if one is given, whole or not at all."""
        about = {
            "schema_version": 1,
            "task": self.task.name,
            "labels": list(self.labels),
            "max_length": self.encoder.max_length,
            "max_target_length": self.encoder.max_target_length,
            "codeward": __version__,
        }
        with new_folder(path) as folder, quiet():
            self.model.save_pretrained(folder)
            self.encoder.tokenizer.save_pretrained(folder)
            (folder / FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
            if card:
                (folder / CARD).write_text(card, encoding="utf-8")

    def _tensors(self, rows: Sequence[Row], *, left: bool = False) -> dict[str, torch.Tensor]:
        ids = [row["input_ids"] for row in rows]
        mask = [[1] * len(row) for row in ids]
        padding = self.encoder.tokenizer.pad_token_id
        return {
            "input_ids": pad(ids, padding, left=left).to(self.device),
            "attention_mask": pad(mask, 0, left=left).to(self.device),
        }

    def embed(self, samples: Sequence[Sample], field: str = CODE) -> Floats:
        """Return the mean of the last hidden states over each sample's tokens, shape ``[n, hidden]``."""
        rows = self.encoder.inputs(samples, field)

        def step(indices: list[int]) -> list[list[float]]:
            tensors = self._tensors([rows[index] for index in indices])
            with torch.inference_mode(), autocast(self.device, self.precision):
                vectors = pooled(self.model, tensors)
            found: list[list[float]] = vectors.double().cpu().tolist()
            return found

        return np.array(run_batched(rows, step), dtype=np.float64)


class Classifier(HuggingFaceVictim):
    """Classification of one function or of a pair."""

    def predict(self, samples: Sequence[Sample]) -> list[Prediction]:
        """Return the most probable class of each sample, and all probabilities."""
        rows = self.probabilities(samples)
        return [
            Prediction(sample.id, int(np.argmax(row)), tuple(row)) for sample, row in zip(samples, rows, strict=True)
        ]

    def confidence(self, samples: Sequence[Sample], outputs: Sequence[int | str]) -> list[float]:
        """Return the probabilities of given classes."""
        rows = self.probabilities(samples)
        return [row[int(output)] for row, output in zip(rows, outputs, strict=True)]

    def probabilities(self, samples: Sequence[Sample]) -> list[list[float]]:
        """Return the probability of each class, one row a sample.

        Raises:
            ModelError: If the model answers with no numbers.
        """
        rows = self.encoder.inputs(samples)

        def step(indices: list[int]) -> list[list[float]]:
            tensors = self._tensors([rows[index] for index in indices])
            with torch.inference_mode(), autocast(self.device, self.precision):
                logits = self.model(**tensors).logits
            found: list[list[float]] = logits.double().softmax(-1).cpu().tolist()
            return found

        found = run_batched(rows, step)
        check_numbers(found, samples)
        return found

    def losses(self, rows: Sequence[Row], goals: Sequence[Objective]) -> torch.Tensor:
        """Return the cross-entropy against given classes."""
        labels = torch.tensor(goals, device=self.device)
        return -self.log_probabilities(rows).gather(-1, labels[:, None])[:, 0]

    def log_probabilities(self, rows: Sequence[Row]) -> torch.Tensor:
        """Return the logarithm of each class's probability for the token rows of one batch, differentiable, ``[rows, C]``."""
        found: torch.Tensor = self.model(**self._tensors(rows)).logits.float().log_softmax(-1)
        return found


def pooled(model: Any, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the mean of the last hidden states over the tokens that are no padding, shape ``[rows, hidden]``."""
    base = getattr(model, "base_model", model)
    encoder = base.get_encoder() if model.config.is_encoder_decoder else base
    states = encoder(input_ids=tensors["input_ids"], attention_mask=tensors["attention_mask"]).last_hidden_state
    mask = tensors["attention_mask"].unsqueeze(-1)
    means: torch.Tensor = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
    return means
