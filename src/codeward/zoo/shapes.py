"""The sizes of the pretrained models: one width, one tokenizer, three families."""

from collections.abc import Mapping
from typing import Any

from codeward.victims.shapes import Family, Shape, new_config, new_model

CONTEXT = 512
SENTINELS = 32
"""Span markers of the encoder-decoder: ``<extra_id_0>`` … in the order of the text."""
SHAPES: Mapping[str, Shape] = {
    "mini": Shape(hidden=256, layers=4, positions=CONTEXT),
    "base": Shape(hidden=768, layers=12, positions=CONTEXT),
}


def new_network(family: Family, shape: Shape, tokenizer: Any, seed: int) -> Any:
    """Return a randomly initialized model with the head that its pretraining needs."""
    import transformers

    heads: dict[str, Any] = {
        "encoder": transformers.AutoModelForMaskedLM,
        "seq2seq": transformers.AutoModelForSeq2SeqLM,
        "decoder": transformers.AutoModelForCausalLM,
    }
    return new_model(heads[family], new_config(family, shape, tokenizer), seed)
