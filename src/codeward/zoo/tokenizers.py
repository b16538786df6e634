"""Which tokenizers pretraining can use: of other models, too, wherever their special tokens stand."""

from pathlib import Path
from typing import Any

from codeward.errors import ModelError
from codeward.zoo.shapes import SENTINELS, ModelKind

LARGEST = 1 << 16
"""Tokens that a packed corpus, of two bytes a token, tells apart."""
NEEDED = ("bos", "eos", "pad", "unk")
OWN = ("pad", "mask")
"""Tokens that must not stand for anything else: one is never trained on, the other hides."""


def check_tokenizer(tokenizer: Any, kind: ModelKind, place: Path) -> None:
    """Refuse a tokenizer with which a model of this family would learn the wrong thing, or nothing.

    Args:
        tokenizer: The tokenizer.
        kind: The family.
        place: Where it lies, for the message.

    Raises:
        ModelError: If it lacks a token that the family needs, or a packed corpus cannot hold its tokens.
    """
    if problem := _problem(tokenizer, kind):
        raise ModelError(
            f"{place}: this tokenizer {problem}; pack the sources with another --tokenizer, or with none, which fits one to them"
        )


def sentinels(tokenizer: Any) -> tuple[int, ...]:
    """Return the numbers of the span markers that a tokenizer knows, in the order of use."""
    found = tokenizer.convert_tokens_to_ids([f"<extra_id_{number}>" for number in range(SENTINELS)])
    return tuple(token for token in found if token is not None and token != tokenizer.unk_token_id)


def _problem(tokenizer: Any, kind: ModelKind) -> str | None:
    """Return what a tokenizer lacks; ``None`` if it will do."""
    needed = (*NEEDED, *(["mask"] if kind == "encoder" else []))
    ids = {name: getattr(tokenizer, f"{name}_token_id") for name in needed}
    if missing := [name for name, token in ids.items() if token is None]:
        return f"lacks special tokens that pretraining needs ({', '.join(missing)})"
    if shared := [name for name in OWN if name in ids and list(ids.values()).count(ids[name]) > 1]:
        return f"uses its {shared[0]} token for another special token, too"
    known = len(set(sentinels(tokenizer)))
    if kind == "seq2seq" and known < SENTINELS:
        return f"has {known} of the {SENTINELS} markers that an encoder-decoder needs (<extra_id_0>, <extra_id_1> …)"
    size = len(tokenizer)
    if size > LARGEST:
        return f"has {size:,} tokens, and a packed corpus holds at most {LARGEST:,}"
    if max(tokenizer.get_vocab().values()) >= size:
        return "leaves out numbers between those of its tokens"
    return None if tokenizer.is_fast else "does not say where its tokens stand in a text (it is a slow one)"
