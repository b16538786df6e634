"""Which of torch's ways to compute attention trains faster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

SHORT = 256
"""Tokens up to which plain matrix products train faster on a processor than the fused kernel, whose backward pass is slow there:
1.2 to 1.5 times at 64 to 192 tokens, as fast at 256, 0.7 times at 512 (``benchmarks/training_speed.py``)."""


@contextmanager
def fast_attention(model: Any, length: int) -> Iterator[None]:
    """Compute a model's attention in the way that trains faster, as long as the context lasts.

    Args:
        model: A ``transformers`` model.
        length: Tokens of its longest rows.
    """
    usual = model.config._attn_implementation
    if usual != "sdpa" or length > SHORT or torch.cuda.is_available():
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
