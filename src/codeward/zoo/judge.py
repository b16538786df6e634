"""How good a pretrained model is: the share of tokens restored, and perplexity, on text that it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codeward.metrics.intervals import wilson
from codeward.victims.batching import autocast
from codeward.zoo.batches import Blocks, Collate, Vocabulary
from codeward.zoo.shapes import ModelKind
from codeward.zoo.trainer import restore

SHARE = 0.15
"""Masked tokens in judging (Devlin et al., NAACL 2019)."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """One measurement on one language."""

    language: str
    accuracy: float
    """Share of tokens right: masked ones, those of the target, or the next one."""
    low: float
    high: float
    perplexity: float
    tokens: int


def judge(
    model: Any,
    kind: ModelKind,
    words: Vocabulary,
    blocks: Mapping[str, npt.NDArray[np.uint16]],
    *,
    limit: int = 64,
    batch: int = 16,
) -> list[Judgment]:
    """Measure a model on blocks of each language, with the same noise each time.

    Args:
        model: The model.
        kind: Its family; the encoder restores 15 % masked tokens, the encoder-decoder spans, the decoder the next token.
        words: The vocabulary.
        blocks: Blocks by language, shape ``[blocks, length]``.
        limit: Blocks of each language.
        batch: Blocks at once.
    """
    training = model.training
    model.eval()
    found = [_one(model, kind, words, language, part[:limit], batch) for language, part in blocks.items() if len(part)]
    model.train(training)
    return found


def _one(
    model: Any, kind: ModelKind, words: Vocabulary, language: str, ids: npt.NDArray[np.uint16], batch: int
) -> Judgment:
    rows = Blocks(kind, ids, None, words, len(ids), seed=0, masked=SHARE)
    collate, device = Collate(words), next(model.parameters()).device
    right = total = 0
    loss = 0.0
    for start in range(0, len(rows), batch):
        inputs = collate([rows[place] for place in range(start, min(start + batch, len(rows)))])
        with torch.inference_mode(), autocast(device, "auto"):
            mean, logits, wanted = restore(model, {name: tensor.to(device) for name, tensor in inputs.items()})
        right += int((logits.argmax(-1) == wanted).sum())
        total += len(wanted)
        loss += float(mean) * len(wanted)
    return Judgment(language, right / total, *wilson(right, total), float(np.exp(loss / total)), total)


def as_rows(judgments: Sequence[Judgment], step: int, seen: int) -> list[dict[str, Any]]:
    """Return one row of the curve for each language."""
    return [
        {
            "step": step,
            "tokens_seen": seen,
            "language": each.language,
            "accuracy": round(each.accuracy, 4),
            "low": round(each.low, 4),
            "high": round(each.high, 4),
            "perplexity": round(each.perplexity, 3),
            "n": each.tokens,
        }
        for each in judgments
    ]
