"""Which of torch's ways to compute attention trains faster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from codeward.victims.device import on_gpu

SHORT = 256
"""Tokens up to which plain matrix products train faster on a processor than the fused kernel, whose backward pass is slow there
(the mini encoder, bf16, one thread: 1.36 times as fast at 64 tokens, 1.29 at 128, 1.03 at 256, 0.71 at 512)."""


@contextmanager
def fast_attention(model: Any, length: int) -> Iterator[None]:
    """Compute a model's attention in the way that trains faster, as long as the context lasts.

    Args:
        model: A ``transformers`` model.
        length: Tokens of its longest rows.
    """
    usual = model.config._attn_implementation
    if usual != "sdpa" or length > SHORT or on_gpu():
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
