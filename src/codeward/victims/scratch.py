"""Small models from scratch, with a byte-level BPE tokenizer fitted on the training rows."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from transformers import (
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    T5Config,
)

from codeward.types import OTHER, PROMPT, QUERY, Sample
from codeward.victims.config import TrainConfig

HEAD = 32
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def fit_tokenizer(samples: Iterable[Sample], size: int) -> PreTrainedTokenizerFast:
    """Fit a tokenizer on all texts of the samples."""
    return fit_bpe(_texts(samples), size)


def fit_bpe(texts: Iterable[str], size: int, *, extra: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """Fit a byte-level BPE tokenizer (Sennrich et al., ACL 2016; GPT-2's bytes); digits stand alone.

    Args:
        texts: What it is fitted on.
        size: How many tokens, the special ones included.
        extra: More special tokens, numbered after the usual five.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL, *extra],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=False)
    fast: Any = PreTrainedTokenizerFast
    fitted: PreTrainedTokenizerFast = fast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        **({"extra_special_tokens": list(extra)} if extra else {}),
    )
    return fitted


def new_config(config: TrainConfig, tokenizer: PreTrainedTokenizerFast, **extra: Any) -> PreTrainedConfig:
    """Return the configuration of a small model of the family that ``config.model`` names."""
    heads = max(1, config.hidden // HEAD)
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": 0, "eos_token_id": tokenizer.eos_token_id}
    size = len(tokenizer)
    if config.model == "scratch-seq2seq":
        return T5Config(
            vocab_size=size,
            d_model=config.hidden,
            d_kv=HEAD,
            d_ff=4 * config.hidden,
            num_layers=config.layers,
            num_heads=heads,
            dropout_rate=config.dropout,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            **{"decoder_start_token_id": tokenizer.pad_token_id, **extra},
        )
    if config.model == "scratch-decoder":
        return LlamaConfig(
            vocab_size=size,
            hidden_size=config.hidden,
            intermediate_size=3 * config.hidden,
            num_hidden_layers=config.layers,
            num_attention_heads=heads,
            max_position_embeddings=config.max_length + config.max_target_length,
            tie_word_embeddings=True,
            attention_dropout=config.attention_dropout,
            **ids,
            **extra,
        )
    return RobertaConfig(
        vocab_size=size,
        hidden_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=heads,
        intermediate_size=4 * config.hidden,
        max_position_embeddings=config.max_length + tokenizer.pad_token_id + 1,
        type_vocab_size=1,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.attention_dropout,
        **ids,
        **extra,
    )


def new_model(auto: Any, settings: PreTrainedConfig, seed: int) -> torch.nn.Module:
    """Return a randomly initialized model that depends on the seed only."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: torch.nn.Module = auto.from_config(settings)
    return model


def _texts(samples: Iterable[Sample]) -> Iterable[str]:
    for sample in samples:
        yield sample.code
        for name in (OTHER, QUERY, PROMPT):
            if sample.text(name):
                yield sample.text(name)
        if isinstance(sample.target, str):
            yield sample.target
