"""Pretraining runs: they learn, resume to the same weights, and leave folders that load without Codeward."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from codeward.errors import DataError, ModelError, UsageError
from codeward.zoo import shapes
from codeward.zoo.adapt import adapt
from codeward.zoo.batches import Blocks, Collate, Vocabulary
from codeward.zoo.packing import Document, write_corpus
from codeward.zoo.pretrain import PretrainConfig, figures, pretrain
from codeward.zoo.trainer import make_optimizer, restore

AUTO = {"encoder": "AutoModelForMaskedLM", "seq2seq": "AutoModelForSeq2SeqLM", "decoder": "AutoModelForCausalLM"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpus") / "packed"
    found = [
        Document(
            f"r{n}/p/{n}.py",
            "python",
            f"def get_{n % 9}(self, value):\n    total = value + {n % 5}\n    return self.items[total]\n",
            split="valid" if n % 10 == 0 else "train",
        )
        for n in range(400)
    ]
    write_corpus(out, found, vocabulary=400, length=32, seed=0, sources=["made up"], skipped=Counter())
    return out


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("codeward.zoo.pretrain.SHAPES", {"mini": shapes.Shape(hidden=64, layers=1, positions=512)})


def config(kind, **options):
    return PretrainConfig(kind=kind, **{"steps": 60, "batch_tokens": 512, "judge_every": 30, **options})


@pytest.mark.parametrize("kind", AUTO)
def test_each_family_learns_and_loads_without_codeward(kind, corpus, tmp_path):
    import transformers

    result = pretrain(corpus, config(kind), tmp_path / "m")
    first, last = result.curve[0], figures(result.curve)["python"]
    assert [row["step"] for row in result.curve] == [30, 60]
    assert last["perplexity"] < first["perplexity"]
    assert last["tokens_seen"] == 60 * 512
    model = getattr(transformers, AUTO[kind]).from_pretrained(tmp_path / "m")
    tokens = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")("def f(x):", return_tensors="pt")
    assert model.config.vocab_size > 300
    assert tokens["input_ids"][0, 0] == 0
    assert load_file(tmp_path / "m/model.safetensors")[next(iter(model.state_dict()))].dtype == torch.float16
    card = (tmp_path / "m/README.md").read_text()
    assert f"| python | {100 * last['accuracy']:.1f} |" in card
    assert not list(tmp_path.glob(".*"))


def test_a_broken_run_goes_on_to_the_same_weights(corpus, tmp_path):
    pretrain(corpus, config("encoder"), tmp_path / "whole")

    def stop(step, total, loss):
        if step == 45:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(corpus, config("encoder"), tmp_path / "broken", progress=stop)
    assert not (tmp_path / "broken").exists()
    steps = []
    result = pretrain(corpus, config("encoder"), tmp_path / "broken", progress=lambda step, *_: steps.append(step))
    assert steps[0] == 31
    assert [row["step"] for row in result.curve] == [30, 60]
    whole, broken = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_what_a_run_left_that_was_killed_while_it_wrote_goes_with_the_next_one(corpus, tmp_path):
    (tmp_path / ".m.making/.m.ize33qe7").mkdir(parents=True)
    pretrain(corpus, config("decoder", steps=2), tmp_path / "m")
    (tmp_path / ".m.pretraining").mkdir()
    (tmp_path / ".m.making").mkdir()
    pretrain(corpus, config("decoder", steps=2), tmp_path / "m")  # killed after its model stood
    assert [each.name for each in tmp_path.iterdir()] == ["m"]


def stopped(corpus, out, at):
    def stop(step, *_):
        if step == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(corpus, config("decoder", judge_every=2), out, progress=stop)


def test_checkpoints_of_other_settings_are_refused(corpus, tmp_path):
    stopped(corpus, tmp_path / "m", 3)
    with pytest.raises(DataError, match=r"other settings.*--fresh"):
        pretrain(corpus, config("decoder", steps=20), tmp_path / "m")


def test_checkpoints_of_another_corpus_are_refused(corpus, tmp_path):
    stopped(corpus, tmp_path / "m", 3)
    other = tmp_path / "other"
    shutil.copytree(corpus, other)
    card = json.loads((other / "corpus.json").read_text())
    (other / "corpus.json").write_text(json.dumps({**card, "seed": 5}))
    with pytest.raises(DataError, match=r"another corpus.*--fresh"):
        pretrain(other, config("decoder", judge_every=2), tmp_path / "m")


def test_a_start_without_checkpoints_does_not_stand_in_the_way(corpus, tmp_path):
    stopped(corpus, tmp_path / "m", 1)
    pretrain(corpus, config("decoder", steps=2), tmp_path / "m")


def test_minutes_set_the_number_of_steps(corpus, tmp_path):
    result = pretrain(corpus, config("decoder", steps=0, minutes=0.02), tmp_path / "m")
    assert result.tokens >= 10 * 512


def test_a_run_that_cannot_begin_is_refused(corpus, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("")
    cases = [
        (UsageError, "give minutes or steps", config("decoder", steps=0), "n"),
        (UsageError, "give one of them", config("decoder", minutes=1), "n"),
        (UsageError, "neither a folder nor a built-in model", config("seq2seq", start="nowhere"), "n"),
        (UsageError, "a name of its own", config("decoder"), ".."),
        (DataError, "this is a file", config("decoder"), "file"),
        (DataError, "not empty", config("decoder"), "full"),
        (DataError, "cannot be written", config("decoder"), "file/n"),
    ]
    for error, message, asked, out in cases:
        with pytest.raises(error, match=message):
            pretrain(corpus, asked, tmp_path / out)


def test_a_start_that_is_no_decoder(corpus, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"start = '.*empty': no causal model can be loaded"):
        pretrain(corpus, config("seq2seq", start=str(tmp_path / "empty")), tmp_path / "m")


def test_the_card_says_what_was_not_measured_and_on_what(tmp_path):
    found = [
        Document(f"one/pack/{n}.py", "python", f"def get_{n}(self, value):\n    return self.items[{n}]\n" * 4)
        for n in range(60)
    ]
    found.append(Document("one/pack/A.java", "java", "class A { int f(int x) { return x; } }\n" * 9))
    write_corpus(tmp_path / "c", found, vocabulary=400, length=32, seed=0, sources=["one"], skipped=Counter())
    result = pretrain(tmp_path / "c", config("decoder", steps=2), tmp_path / "m")
    card = (tmp_path / "m/README.md").read_text()
    assert result.unmeasured == ["java"]
    assert "| java | not measured |" in card
    assert f"| python | {100 * figures(result.curve)['python']['accuracy']:.1f} |" in card
    assert "On files (of the same repository) that were not trained on" in card
    assert "context 32," in card
    assert " seconds on " in card


def test_the_head_on_masked_positions_gives_the_loss_of_the_whole(corpus):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(corpus / "tokenizer")
    words = Vocabulary.of(tokenizer)
    model = shapes.new_network("encoder", shapes.Shape(hidden=64, layers=1, positions=512), tokenizer, 0).eval()
    rows = Blocks("encoder", np.load(corpus / "train.npy"), None, words, 8, seed=0)
    batch = Collate(words)([rows[place] for place in range(8)])
    with torch.inference_mode():
        ours, logits, wanted = restore(model, batch)
        theirs = model(**batch).loss
    assert ours == pytest.approx(float(theirs), abs=1e-5)
    assert logits.shape == (len(wanted), len(tokenizer))


def test_rows_are_short_until_the_rate_falls(corpus):
    import transformers

    words = Vocabulary.of(transformers.AutoTokenizer.from_pretrained(corpus / "tokenizer"))
    rows = Blocks("decoder", np.load(corpus / "train.npy"), None, words, 8, seed=0, short=8, cut=4)
    first, second = (Collate(words)([rows[place] for place in places])["input_ids"] for places in ((0, 1), (4, 5)))
    assert first.shape == (8, 8)
    assert second.shape == (2, 32)
    assert (first[:, 0] == words.bos).all()


def test_every_weight_has_one_optimizer(corpus):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(corpus / "tokenizer")
    for kind in AUTO:
        model = shapes.new_network(kind, shapes.Shape(hidden=64, layers=1, positions=512), tokenizer, 0)
        for muon in (True, False):
            groups = make_optimizer(model, 1e-3, 0.1, muon=muon).param_groups
            ids = [id(weight) for group in groups for weight in group["params"]]
            assert sorted(ids) == sorted(id(weight) for weight in model.parameters())


def test_an_encoder_decoder_starts_from_a_decoder(corpus, tmp_path):
    import torch
    import transformers

    pretrain(corpus, config("decoder", steps=3), tmp_path / "decoder")
    decoder = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "decoder").float()
    tokenizer = transformers.AutoTokenizer.from_pretrained(corpus / "tokenizer")
    words = Vocabulary.of(tokenizer)
    network = shapes.new_network("seq2seq", shapes.Shape(hidden=64, layers=1, positions=512), tokenizer, 0).eval()
    ids = np.load(corpus / "train.npy")[:8].astype(np.int64)
    adapt(network, decoder, ids, list(words.sentinels), 0)
    with torch.no_grad():
        for layer in network.model.decoder.layers:
            layer.post_cross_attn_layernorm.weight.fill_(-1)
        rows = torch.from_numpy(ids)
        ours = network(input_ids=rows, decoder_input_ids=rows).logits.softmax(-1)
        theirs = decoder(rows).logits.softmax(-1)
    others = [token for token in range(len(tokenizer)) if token not in words.sentinels]
    assert float((ours - theirs)[..., others].abs().sum(-1).mean()) < 0.4
    taken = network.model.encoder.embed_tokens.weight[list(words.sentinels)]
    assert torch.equal(taken, network.model.decoder.embed_tokens.weight[list(words.sentinels)])
    assert float(taken.detach().std()) > 0


def test_only_an_encoder_decoder_starts_from_a_decoder(corpus, tmp_path):
    with pytest.raises(UsageError, match="only an encoder-decoder"):
        pretrain(corpus, config("encoder", start="mini-decoder"), tmp_path / "m")
