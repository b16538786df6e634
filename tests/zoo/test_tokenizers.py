"""Tokenizers of other models: special tokens may stand anywhere, and what cannot work is refused before any work."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from codeward.errors import ModelError
from codeward.victims.tokenizing import fit_bpe
from codeward.zoo import resolve, shapes
from codeward.zoo.batches import Blocks, Collate, Vocabulary
from codeward.zoo.packing import Document, write_corpus
from codeward.zoo.pretrain import PretrainConfig, pretrain
from codeward.zoo.tokenizers import check_tokenizer

BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
MARKERS = [f"<extra_id_{number}>" for number in range(99, -1, -1)]
ROBERTA = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
FIRST = ["<s>", "<pad>", "</s>", "<unk>"]


def built(tokens, **named):
    """Return a tokenizer of single bytes whose tokens have their places as numbers."""
    vocabulary = {token: number for number, token in enumerate(tokens)}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=named.get("unk_token")))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=core, **named)


def roberta_like():
    return built([*FIRST, *BYTES, "<mask>"], mask_token="<mask>", **ROBERTA)


def codet5_like():
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", *BYTES, *MARKERS]
    return built(tokens, mask_token="<mask>", extra_special_tokens=MARKERS, **ROBERTA)


def bert_like():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *BYTES]
    named = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return built(tokens, **{f"{name}_token": token for name, token in named.items()})


def gpt2_like(**more):
    end = "<|endoftext|>"
    return built([*BYTES, end], bos_token=end, eos_token=end, unk_token=end, **more)


def few_markers():
    markers = [f"<extra_id_{number}>" for number in range(31)]
    return built([*FIRST, *BYTES, *markers], extra_special_tokens=markers, **ROBERTA)


def too_large():
    return built([*FIRST, *BYTES, *(f"word{n}" for n in range(65_536 - 260)), "one"], **ROBERTA)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            bert_like,
            "encoder",
            r"x: this tokenizer lacks special tokens that pretraining needs \(bos, eos\); pack the sources with another",
        ),
        (gpt2_like, "decoder", r"lacks special tokens that pretraining needs \(pad\)"),
        (gpt2_like, "encoder", r"needs \(pad, mask\)"),
        (lambda: gpt2_like(pad_token="<|endoftext|>"), "decoder", "uses its pad token for another special token, too"),
        (roberta_like, "seq2seq", "has 0 of the 32 markers that an encoder-decoder needs"),
        (few_markers, "seq2seq", "has 31 of the 32 markers"),
        (few_markers, "encoder", r"needs \(mask\)"),
        (too_large, "decoder", "has 65,537 tokens, and a packed corpus holds at most 65,536"),
    ],
)
def test_a_tokenizer_that_cannot_serve_is_refused(make, kind, message):
    with pytest.raises(ModelError, match=message):
        check_tokenizer(make(), kind, Path("x"))


def test_numbers_that_are_left_out_are_refused(monkeypatch):
    tokenizer = roberta_like()
    monkeypatch.setattr(tokenizer, "get_vocab", lambda: {"<s>": 0, "far": 900})
    with pytest.raises(ModelError, match="leaves out numbers"):
        check_tokenizer(tokenizer, "encoder", Path("x"))


@pytest.mark.parametrize(
    ("make", "kind"), [(roberta_like, "encoder"), (few_markers, "decoder"), (codet5_like, "seq2seq")]
)
def test_special_tokens_may_stand_anywhere(make, kind):
    tokenizer = make()
    check_tokenizer(tokenizer, kind, Path("x"))
    words = Vocabulary.of(tokenizer)
    assert set(tokenizer.all_special_ids) == set(words.specials)
    assert [*words.specials] == sorted(words.specials)
    if kind == "seq2seq":
        assert words.sentinels == tuple(tokenizer.convert_tokens_to_ids(f"<extra_id_{n}>") for n in range(32))


@pytest.mark.parametrize("make", [roberta_like, codet5_like])
def test_only_ordinary_tokens_are_masked_and_drawn(make):
    tokenizer = make()
    words = Vocabulary.of(tokenizer)
    ids = np.random.default_rng(0).integers(0, len(tokenizer), (40, 256)).astype(np.uint16)
    rows = [Blocks("encoder", ids, None, words, 40, seed=0)[place] for place in range(40)]
    noisy, labels = (np.stack([row[name] for row in rows]) for name in ("input_ids", "labels"))
    plain = Blocks("decoder", ids, None, words, 40, seed=0)
    given = np.stack([plain[place]["input_ids"] for place in range(40)])
    assert not np.isin(labels, words.specials).any()
    drawn = noisy[(noisy != given) & (noisy != words.mask)]
    assert len(drawn) > 100
    assert not np.isin(drawn, words.specials).any()


def test_nothing_changes_for_our_own():
    """The noise of the embedded models' tokenizer, as it was while special tokens had to come first."""
    import hashlib

    words = Vocabulary.of(transformers.AutoTokenizer.from_pretrained(resolve("mini-encoder")))
    assert words.specials == tuple(range(37))
    ids = np.random.default_rng(0).integers(0, words.size, (8, 128)).astype(np.uint16)
    found = hashlib.sha256()
    for kind in ("encoder", "seq2seq", "decoder"):
        rows = Blocks(kind, ids, ids % 9, words, 16, seed=3, short=32, cut=8)
        for start in range(0, 16, 4):
            batch = Collate(words)([rows[place] for place in range(start, start + 4)])
            for name in ("input_ids", "labels"):
                found.update(batch[name].numpy().astype("<i8").tobytes())
    assert found.hexdigest() == "f38e40436a59a07e40fd2f413e954fb4f2456e75548f48027b253f712efb31aa"


def test_a_corpus_of_another_family_is_refused(tmp_path):
    texts = [f"def get_{n}(self, value):\n    return self.items[value + {n}]\n" for n in range(60)]
    found = [
        Document(f"r{n}/p/{n}.py", "python", text, "valid" if n % 9 == 0 else "train") for n, text in enumerate(texts)
    ]
    write_corpus(
        tmp_path / "c", found, vocabulary=0, length=32, seed=0, sources=["made up"], skipped=Counter(),
        tokenizer=fit_bpe(texts, 400),
    )  # fmt: skip
    config = PretrainConfig(kind="seq2seq", steps=1)
    with pytest.raises(ModelError, match=r"c/tokenizer: this tokenizer has 0 of the 32 markers"):
        pretrain(tmp_path / "c", config, tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(("make", "kind"), [(roberta_like, "encoder"), (codet5_like, "seq2seq")])
def test_another_models_tokenizer_trains(make, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("codeward.zoo.pretrain.SHAPES", {"mini": shapes.Shape(hidden=64, layers=1, positions=512)})
    found = [
        Document(
            f"r{n}/p/{n}.py", "python", f"def get_{n}(x):\n    return x + {n}\n", "valid" if n % 9 == 0 else "train"
        )
        for n in range(60)
    ]
    write_corpus(
        tmp_path / "c", found, vocabulary=0, length=32, seed=0, sources=["made up"], skipped=Counter(), tokenizer=make()
    )
    config = PretrainConfig(kind=kind, steps=8, batch_tokens=256, judge_every=4)
    first, last = pretrain(tmp_path / "c", config, tmp_path / "m").curve
    assert last["perplexity"] < first["perplexity"]
