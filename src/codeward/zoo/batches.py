"""Pretraining batches: blocks in an order drawn by seed, each with noise drawn by seed and place, so that a run resumes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codeward.seeds import derive_int
from codeward.zoo.noise import IGNORED, corrupt_spans, hide_names, mask_tokens
from codeward.zoo.shapes import ModelKind
from codeward.zoo.tokenizers import sentinels

MASKED = 0.25
"""Share of tokens that the masked language model restores in training."""
TEXTS = ("input_ids", "labels")
HIDDEN_SHARE = 0.4
"""Share of an encoder-decoder's blocks in which names are hidden; in the others spans are."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The numbers of the tokens that noise needs."""

    size: int
    specials: tuple[int, ...]
    """All special tokens, the sentinels among them, each once and in order."""
    bos: int
    eos: int
    pad: int
    mask: int | None
    """Only an encoder needs one."""
    sentinels: tuple[int, ...]
    """As many as there are; only an encoder-decoder needs them."""

    @classmethod
    def of(cls, tokenizer: Any) -> "Vocabulary":
        """Read them off a tokenizer that ``check_tokenizer`` lets pass."""
        found = sentinels(tokenizer)
        named = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.mask_token_id)
        every = {*named, *found, tokenizer.unk_token_id, *tokenizer.all_special_ids} - {None}
        return cls(len(tokenizer), tuple(sorted(every)), *named, found)


class Blocks(torch.utils.data.Dataset[dict[str, Any]]):
    """As many examples as a run needs; example ``n`` is always the same.

    Args:
        kind: The family, which says what noise there is.
        ids: Blocks of tokens, shape ``[blocks, length]``.
        names: The identifiers' numbers, same shape; needed by the encoder-decoder.
        words: The vocabulary.
        total: How many examples.
        seed: Order and noise.
        masked: Share of masked tokens (encoder).
        short: Cut the first blocks into pieces of so many tokens, for which attention costs less; 0 cuts none.
        cut: How many examples are cut.
    """

    def __init__(
        self,
        kind: ModelKind,
        ids: npt.NDArray[np.uint16],
        names: npt.NDArray[np.uint16] | None,
        words: Vocabulary,
        total: int,
        seed: int,
        masked: float = MASKED,
        short: int = 0,
        cut: int = 0,
    ) -> None:
        self.kind, self.ids, self.names, self.words = kind, ids, names, words
        self.total, self.seed, self.masked = total, seed, masked
        self.short, self.cut = short, cut if short and ids.shape[1] % short == 0 else 0
        self._orders: dict[int, npt.NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, place: int) -> dict[str, Any]:
        epoch, index = divmod(place, len(self.ids))
        if epoch not in self._orders:
            self._orders = {
                epoch: np.random.default_rng(derive_int(self.seed, "blocks", str(epoch))).permutation(len(self.ids))
            }
        block = int(self._orders[epoch][index])
        rng = np.random.default_rng([self.seed, place])
        ids, words = self.ids[block].astype(np.int64), self.words
        if self.kind != "seq2seq":
            piece = self.short if place < self.cut else len(ids)
            ids[::piece] = words.bos
            return {
                **(self._masked(ids, rng) if self.kind == "encoder" else {"input_ids": ids, "labels": ids}),
                "piece": piece,
            }
        piece = self.short if place < self.cut else len(ids)
        starts = range(0, len(ids), piece)
        names = None if self.names is None else self.names[block].astype(np.int64) - 1
        return {
            "parts": [
                self._corrupted(ids[at : at + piece], None if names is None else names[at : at + piece], rng)
                for at in starts
            ]
        }

    def _corrupted(
        self, ids: npt.NDArray[np.int64], names: npt.NDArray[np.int64] | None, rng: np.random.Generator
    ) -> dict[str, Any]:
        words = self.words
        if names is not None and rng.random() < HIDDEN_SHARE:
            noisy, target = hide_names(ids, names, rng, sentinels=words.sentinels, end=words.eos)
        else:
            noisy, target = corrupt_spans(ids, rng, sentinels=words.sentinels, end=words.eos)
        return {"input_ids": noisy, "labels": target}

    def _masked(self, ids: npt.NDArray[np.int64], rng: np.random.Generator) -> dict[str, Any]:
        words = self.words
        assert words.mask is not None  # noqa: S101 - see check_tokenizer
        noisy, labels = mask_tokens(
            ids, rng, share=self.masked, mask_id=words.mask, size=words.size, specials=words.specials
        )
        return {"input_ids": noisy, "labels": labels}


@dataclass(frozen=True, slots=True)
class Collate:
    """Makes a batch of examples; pads what noise has made of unequal length."""

    words: Vocabulary

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return ``input_ids`` and ``labels``, shape ``[rows, longest]``, and where there is padding what is none."""
        piece = rows[0].get("piece")
        if piece is not None:
            return {name: torch.from_numpy(np.stack([row[name] for row in rows]).reshape(-1, piece)) for name in TEXTS}
        parts = [part for row in rows for part in row["parts"]]
        ids = _pad([part["input_ids"] for part in parts], self.words.pad)
        labels = _pad([part["labels"] for part in parts], IGNORED)
        return {"input_ids": ids, "labels": labels, "attention_mask": (ids != self.words.pad).long()}


def _pad(rows: list[npt.NDArray[np.int64]], value: int) -> torch.Tensor:
    longest = max(map(len, rows))
    padded = np.full((len(rows), longest), value, dtype=np.int64)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return torch.from_numpy(padded)
