"""Tokenizers fitted on the training rows, for models from scratch: byte-level BPE."""

from collections.abc import Iterable, Sequence
from typing import Any

from transformers import PreTrainedTokenizerFast

from codeward.types import OTHER, PROMPT, QUERY, Sample

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


def _texts(samples: Iterable[Sample]) -> Iterable[str]:
    for sample in samples:
        yield sample.code
        for name in (OTHER, QUERY, PROMPT):
            if sample.text(name):
                yield sample.text(name)
        if isinstance(sample.target, str):
            yield sample.target
