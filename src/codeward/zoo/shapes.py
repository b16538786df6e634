"""The sizes of the pretrained models: one width, one tokenizer, three families."""

from collections.abc import Mapping
from typing import Any, Literal

import torch

from codeward.victims.shapes import Family, Shape, new_config, new_model

ModelKind = Literal["encoder", "seq2seq", "decoder"]
CONTEXT = 512
SENTINELS = 32
"""Span markers of the encoder-decoder: ``<extra_id_0>`` … in the order of the text."""
TABLE = 0.0025
"""Standard deviation of the encoder-decoder's embeddings before training."""
SHAPES: Mapping[str, Shape] = {
    "mini": Shape(hidden=256, layers=4, positions=CONTEXT),
    "base": Shape(hidden=768, layers=12, positions=CONTEXT),
}


def new_network(kind: ModelKind, shape: Shape, tokenizer: Any, seed: int) -> Any:
    """Return a randomly initialized model with the head that its pretraining needs.

    The encoder has rotary positions: with learned ones (RoBERTa) the same budget teaches it next to nothing, since each
    position has to learn on its own what "the token before" is. After 1.5 M tokens on one core it restores 35 % of masked
    Python tokens, RoBERTa's shape 16 %. The encoder-decoder's embeddings start small, and its outputs are not scaled: T5's own
    start (deviation 1) hardly moves under Adam. With slow queries (``make_optimizer``) it is after 0.4 M tokens where T5's start
    is after 0.8 M (perplexity on C 655 and 682).
    """
    import transformers

    families: dict[str, Family] = {"encoder": "rotary-encoder", "seq2seq": "seq2seq", "decoder": "decoder"}
    heads: dict[str, Any] = {
        "encoder": transformers.AutoModelForMaskedLM,
        "seq2seq": transformers.AutoModelForSeq2SeqLM,
        "decoder": transformers.AutoModelForCausalLM,
    }
    # What transformers makes of it: the table stays one, and the decoder's outputs are not scaled down before it (T5 1.1).
    extra = {"tie_word_embeddings": False} if kind == "seq2seq" else {}
    network = new_model(heads[kind], new_config(families[kind], shape, tokenizer, **extra), seed)
    if kind == "seq2seq":
        with torch.no_grad():
            network.shared.weight.mul_(TABLE)
    return network
