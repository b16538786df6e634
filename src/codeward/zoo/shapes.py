"""The shapes of the mini models: one width, one tokenizer, three families."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ModelKind = Literal["encoder", "seq2seq", "decoder"]
CONTEXT = 512
SENTINELS = 32
"""Span markers of the encoder-decoder: ``<extra_id_0>`` … in the order of the text."""
HEAD = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a model is."""

    hidden: int = 256
    layers: int = 4
    """Of encoder and decoder each."""


SHAPES: Mapping[str, Shape] = {
    "mini": Shape(),
    "base": Shape(768, 12),
}


def new_config(kind: ModelKind, shape: Shape, tokenizer: Any) -> Any:
    """Return the configuration of a new model.

    Args:
        kind: Its family: RoBERTa, T5 or Llama.
        shape: Its size.
        tokenizer: Gives the vocabulary and the special tokens.
    """
    import transformers

    heads, size = max(1, shape.hidden // HEAD), len(tokenizer)
    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    if kind == "seq2seq":
        start: Any = {"decoder_start_token_id": tokenizer.pad_token_id}
        return transformers.T5Config(
            vocab_size=size,
            d_model=shape.hidden,
            d_kv=HEAD,
            d_ff=4 * shape.hidden,
            num_layers=shape.layers,
            num_heads=heads,
            dropout_rate=0.0,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **start,
        )
    if kind == "decoder":
        return transformers.LlamaConfig(
            vocab_size=size,
            hidden_size=shape.hidden,
            intermediate_size=3 * shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=heads,
            max_position_embeddings=2 * CONTEXT,
            tie_word_embeddings=True,
            **ids,
        )
    return transformers.RobertaConfig(
        vocab_size=size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=CONTEXT + tokenizer.pad_token_id + 1,
        type_vocab_size=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **ids,
    )


def new_network(kind: ModelKind, config: Any, seed: int) -> Any:
    """Return a randomly initialized model that depends on the seed only."""
    import torch
    import transformers

    families: dict[str, Any] = {
        "encoder": transformers.AutoModelForMaskedLM,
        "seq2seq": transformers.AutoModelForSeq2SeqLM,
        "decoder": transformers.AutoModelForCausalLM,
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return families[kind].from_config(config)
