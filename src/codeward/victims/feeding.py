"""What the trainer reads: encoded rows, batches padded to their own longest row, an order by seed and epoch only."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from codeward.seeds import derive
from codeward.types import QUERY, Sample
from codeward.victims.batching import Row, pad
from codeward.victims.generation import generation_tensors
from codeward.victims.groups import group_of, numbered
from codeward.victims.huggingface import HuggingFaceVictim

POOL = 50
"""Batches that are sorted by length together."""


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Encoded rows; each knows its length."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def encode_rows(victim: HuggingFaceVictim, samples: Sequence[Sample]) -> Rows:
    """Turn samples into rows of token ids with what the model is to answer."""
    rows: list[dict[str, Any]] = [dict(row) for row in victim.encoder.inputs(samples)]
    if victim.task.kind == "generation":
        for row, labels in zip(rows, victim.encoder.references([str(s.target) for s in samples]), strict=True):
            row["labels"] = labels
    elif victim.task.kind == "retrieval":
        for row, query, sample in zip(rows, victim.encoder.inputs(samples, QUERY), samples, strict=True):
            row |= {"query": query["input_ids"], "group": group_of(sample)}
    else:
        for row, sample in zip(rows, samples, strict=True):
            row["label"] = sample.target
    for row in rows:
        row["length"] = len(row["input_ids"])
    return Rows(rows)


class Collator:
    """Pads a batch to its own longest row."""

    def __init__(self, victim: HuggingFaceVictim) -> None:
        self.kind = victim.task.kind
        self.padding = victim.encoder.tokenizer.pad_token_id
        self.causal = victim.encoder.causal

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Make one batch of rows."""
        if self.kind == "generation":
            kept: list[Row] = [{"input_ids": row["input_ids"], "labels": row["labels"]} for row in rows]
            return generation_tensors(kept, self.padding, self.causal)
        tensors = self._padded([row["input_ids"] for row in rows])
        if self.kind != "retrieval":
            return {**tensors, "labels": torch.tensor([row["label"] for row in rows])}
        query = self._padded([row["query"] for row in rows])
        labels = torch.tensor(numbered([row["group"] for row in rows]))
        return {**tensors, **{f"query_{name}": tensor for name, tensor in query.items()}, "labels": labels}

    def _padded(self, ids: list[list[int]]) -> dict[str, torch.Tensor]:
        return {"input_ids": pad(ids, self.padding), "attention_mask": pad([[1] * len(row) for row in ids], 0)}


class OrderSampler(torch.utils.data.Sampler[int]):
    """Shuffles by seed and epoch only, so that a resumed epoch has the same order; near rows are of near length."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int, epoch: Callable[[], int]) -> None:
        self.lengths = lengths
        self.batch = batch
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = derive(self.seed, "order", str(self.epoch()))
        order = list(range(len(self.lengths)))
        rng.shuffle(order)
        size = POOL * self.batch
        pools = [sorted(order[start : start + size], key=self._length) for start in range(0, len(order), size)]
        chunks = [pool[start : start + self.batch] for pool in pools for start in range(0, len(pool), self.batch)]
        last = [chunk for chunk in chunks if len(chunk) < self.batch]
        full = [chunk for chunk in chunks if len(chunk) == self.batch]
        rng.shuffle(full)
        return iter([index for chunk in full + last for index in chunk])

    def _length(self, index: int) -> int:
        return self.lengths[index]
