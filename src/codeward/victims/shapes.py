"""The shapes of models that start from random weights: RoBERTa, ModernBERT, T5, T5Gemma and Llama, of one width and vocabulary."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import LlamaConfig, ModernBertConfig, PreTrainedConfig, RobertaConfig, T5Config, T5GemmaConfig
from transformers.models.t5gemma import T5GemmaModuleConfig

Family = Literal["encoder", "rotary-encoder", "seq2seq", "rotary-seq2seq", "decoder"]
"""``encoder`` is RoBERTa's shape (learned positions), ``rotary-encoder`` ModernBERT's (rotary positions, normed inputs);
``seq2seq`` is T5's (relative positions), ``rotary-seq2seq`` T5Gemma's (rotary positions, gated layers, normed twice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large a model is, and what it drops in training."""

    hidden: int
    layers: int
    """Of encoder and decoder each."""
    positions: int
    """Tokens that it reads at most; T5 has no bound."""
    head: int = 64
    """Width of an attention head."""
    dropout: float = 0.0
    attention_dropout: float = 0.0


def new_config(family: Family, shape: Shape, tokenizer: Any, **extra: Any) -> PreTrainedConfig:
    """Return the configuration of a new model.

    Args:
        family: Which shape it has.
        shape: Its size.
        tokenizer: Gives the vocabulary and the special tokens.
        extra: More fields of the configuration.
    """
    heads, size = max(1, shape.hidden // shape.head), len(tokenizer)
    ids = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    if family == "seq2seq":
        return T5Config(
            vocab_size=size,
            d_model=shape.hidden,
            d_kv=shape.head,
            d_ff=4 * shape.hidden,
            num_layers=shape.layers,
            num_heads=heads,
            dropout_rate=shape.dropout,
            pad_token_id=ids["pad_token_id"],
            eos_token_id=ids["eos_token_id"],
            **{"decoder_start_token_id": ids["pad_token_id"], **extra},
        )
    if family == "rotary-seq2seq":
        return _t5gemma(shape, heads, size, ids, **extra)
    if family == "decoder":
        return LlamaConfig(
            vocab_size=size,
            hidden_size=shape.hidden,
            intermediate_size=3 * shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=heads,
            max_position_embeddings=shape.positions,
            tie_word_embeddings=True,
            attention_dropout=shape.attention_dropout,
            **ids,
            **extra,
        )
    if family == "rotary-encoder":
        return ModernBertConfig(
            vocab_size=size,
            hidden_size=shape.hidden,
            intermediate_size=5 * shape.hidden // 2,
            num_hidden_layers=shape.layers,
            num_attention_heads=heads,
            max_position_embeddings=shape.positions,
            layer_types=["full_attention"] * shape.layers,
            classifier_pooling="mean",
            embedding_dropout=shape.dropout,
            mlp_dropout=shape.dropout,
            classifier_dropout=shape.dropout,
            attention_dropout=shape.attention_dropout,
            tie_word_embeddings=True,
            cls_token_id=ids["bos_token_id"],
            sep_token_id=ids["eos_token_id"],
            **ids,
            **extra,
        )
    return RobertaConfig(
        vocab_size=size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=shape.positions + tokenizer.pad_token_id + 1,
        type_vocab_size=1,
        hidden_dropout_prob=shape.dropout,
        attention_probs_dropout_prob=shape.attention_dropout,
        **ids,
        **extra,
    )


def _t5gemma(shape: Shape, heads: int, size: int, ids: dict[str, Any], **extra: Any) -> T5GemmaConfig:
    """Return T5Gemma's configuration; the decoder has a Llama's layers, so that it can start from one.

    The encoder's gated layers are a little narrower, which leaves room for the second table of tokens.
    """

    def half(width: int) -> T5GemmaModuleConfig:
        return T5GemmaModuleConfig(
            vocab_size=size,
            hidden_size=shape.hidden,
            intermediate_size=width,
            num_hidden_layers=shape.layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            head_dim=shape.head,
            query_pre_attn_scalar=shape.head,
            hidden_activation="silu",
            max_position_embeddings=shape.positions,
            sliding_window=shape.positions,
            layer_types=["full_attention"] * shape.layers,
            attn_logit_softcapping=None,
            final_logit_softcapping=None,
            attention_dropout=shape.attention_dropout,
            **ids,
        )

    return T5GemmaConfig(
        encoder=half(11 * shape.hidden // 4),
        decoder=half(3 * shape.hidden),
        dropout_rate=shape.dropout,
        attention_dropout=shape.attention_dropout,
        classifier_dropout_rate=shape.dropout,
        vocab_size=size,
        tie_word_embeddings=True,
        **{"decoder_start_token_id": ids["bos_token_id"], **ids, **extra},
    )


def new_model(auto: Any, settings: PreTrainedConfig, seed: int) -> Any:
    """Return a randomly initialized model that depends on the seed only."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return auto.from_config(settings)
