"""What does not go together: a model without a head, without a vocabulary, with another tokenizer's tokens, with other classes."""

import json
import logging

import pytest
import torch
import transformers

from codeward.errors import ModelError, UnfitError
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import load, make_config
from codeward.victims.loading import OFFER, auto_class, check_folder, load_parts, wrap
from codeward.victims.shapes import Shape, new_config, new_model
from codeward.victims.suiting import check_writes, fitting, is_decoder_only
from codeward.victims.training import new_victim, train

DEFECT, REPAIR, SEARCH = tasks.make("defect"), tasks.make("repair"), tasks.make("search")
LABELS = ("clean", "defective")
SHAPE = Shape(hidden=32, layers=1, positions=128, head=16)
ROWS = [Sample(f"r{n}", f"int f{n}(int a) {{ return a{' + a' * n}; }}", n % 2, "c") for n in range(6)]


@pytest.fixture
def tokenizer(tiny_zoo):
    return transformers.AutoTokenizer.from_pretrained(tiny_zoo / "mini-encoder")


@pytest.fixture
def kept(tmp_path, tokenizer):
    """Write a model with its tokenizer to a folder, as anybody would."""

    def keep(network, own=tokenizer):
        network.save_pretrained(tmp_path / "m")
        if own is not None:
            own.save_pretrained(tmp_path / "m")
        return tmp_path / "m"

    return keep


def classifier(tokenizer, family="encoder", **extra):
    return new_model(transformers.AutoModelForSequenceClassification, new_config(family, SHAPE, tokenizer, **extra), 0)


def test_a_model_without_a_trained_head_is_not_measured(kept, tokenizer, tmp_path, capfd, caplog):
    folder = kept(new_model(transformers.AutoModelForMaskedLM, new_config("encoder", SHAPE, tokenizer), 0))
    before = transformers.utils.logging.get_verbosity()
    with pytest.raises(
        ModelError, match=r"lack weights that AutoModelForSequenceClassification needs \(classifier.* and 3 more\)"
    ):
        load(folder, task=DEFECT, labels=LABELS)
    assert (
        new_victim(DEFECT, ROWS, LABELS, make_config(DEFECT, {"model": str(folder), "max_length": 64})).labels == LABELS
    )
    assert load(folder, task=SEARCH).embed(ROWS).shape == (6, 32)  # what would pool the states is not used
    assert transformers.utils.logging.get_verbosity() == before
    assert "LOAD REPORT" not in capfd.readouterr().err + caplog.text
    assert logging.getLogger("transformers").level


def test_a_folder_without_a_vocabulary_is_refused(kept, tokenizer):
    folder = kept(new_model(transformers.AutoModelForMaskedLM, new_config("encoder", SHAPE, tokenizer), 0), None)
    config = make_config(DEFECT, {"model": str(folder), "max_length": 64})
    with pytest.raises(ModelError, match="the tokenizer reads nothing, since there is no vocabulary in the folder"):
        new_victim(DEFECT, ROWS, LABELS, config)


@pytest.mark.parametrize("family", ["encoder", "decoder"])
def test_a_tokenizer_of_more_tokens_than_the_model_has_is_refused(family, tokenizer):
    settings = new_config(family, SHAPE, tokenizer)
    settings.vocab_size = 200
    network = new_model(transformers.AutoModelForSequenceClassification, settings, 0)
    with pytest.raises(ModelError, match=f"here: the tokenizer has {len(tokenizer)} tokens, .* vectors for 200 only"):
        wrap(network, tokenizer, DEFECT, LABELS, 64, 32, where="here: ")


@pytest.mark.parametrize("told", [None, 0])
def test_a_decoder_only_classifier_answers_at_its_last_token_whatever_stands_beside_it(told, tokenizer):
    """The configuration names no pad token, or another one than the tokenizer."""
    network = classifier(tokenizer, "decoder")
    network.config.pad_token_id = told
    victim = wrap(network, tokenizer, DEFECT, LABELS, 64, 32)
    assert network.config.pad_token_id == tokenizer.pad_token_id
    victim.precision = "fp32"
    alone, beside = victim.predict(ROWS[:1])[0], victim.predict(ROWS)[0]
    assert beside.scores == pytest.approx(alone.scores, abs=1e-6)


def test_an_encoder_keeps_the_pad_token_of_its_positions(tokenizer):
    network = classifier(tokenizer)
    network.config.pad_token_id = 3
    assert wrap(network, tokenizer, DEFECT, LABELS, 64, 32).model.config.pad_token_id == 3


def test_marks_that_are_missing_are_told(tokenizer):
    network = new_model(transformers.AutoModelForCausalLM, new_config("decoder", SHAPE, tokenizer), 0)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no end mark"):
        wrap(network, tokenizer, REPAIR, (), 64, 32)
    tokenizer.pad_token = None
    with pytest.raises(ModelError, match="neither a pad token nor an end mark"):
        wrap(network, tokenizer, REPAIR, (), 64, 32)


def test_a_decoder_has_to_begin_with_something(tokenizer):
    settings = new_config("seq2seq", SHAPE, tokenizer)
    network = new_model(transformers.AutoModelForSeq2SeqLM, settings, 0)
    wrap(network, tokenizer, REPAIR, (), 64, 32)
    network.config.decoder_start_token_id = None
    with pytest.raises(ModelError, match=r"decoder_start_token_id\); add it to config.json: for T5 .* here 1"):
        wrap(network, tokenizer, REPAIR, (), 64, 32)
    wrap(network, tokenizer, SEARCH, (), 64, 32)


def test_encoders_write_no_text():
    for name in ("Roberta", "XLMRoberta", "Camembert", "Electra", "Bert", "DistilBert", "ModernBert"):
        settings = getattr(transformers, f"{name}Config")()
        assert not is_decoder_only(settings)
        with pytest.raises(UnfitError, match=rf"here: an encoder \({settings.model_type}\) writes no text"):
            check_writes(settings, "here: ")
    assert is_decoder_only(transformers.BertConfig(is_decoder=True))
    for name in ("GPT2", "Llama", "Qwen2", "CodeGen", "T5"):
        check_writes(getattr(transformers, f"{name}Config")(), "")


def test_the_class_that_loads_a_writer_is_told_by_its_configuration(tmp_path):
    transformers.XLMRobertaConfig().save_pretrained(tmp_path)
    with pytest.raises(UnfitError, match="writes no text"):
        auto_class(REPAIR, str(tmp_path))
    transformers.GPT2Config().save_pretrained(tmp_path)
    assert auto_class(REPAIR, str(tmp_path)) is transformers.AutoModelForCausalLM
    transformers.T5Config().save_pretrained(tmp_path)
    assert auto_class(REPAIR, str(tmp_path)) is transformers.AutoModelForSeq2SeqLM


@pytest.mark.parametrize(
    ("names", "right"),
    [
        (("LABEL_0", "LABEL_1"), True),
        (("clean", "defective"), True),
        (("safe", "unsafe"), True),
        (("defective", "clean"), False),
        (("Defective", "Clean"), False),
    ],
)
def test_the_classes_of_a_foreign_model_in_another_order_are_refused(names, right, kept, tokenizer):
    folder = kept(classifier(tokenizer, id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)}))
    if right:
        assert load(folder, task=DEFECT, labels=LABELS).labels == LABELS
        assert load(folder, task=DEFECT).labels == names
    else:
        with pytest.raises(ModelError, match=f"classes are {', '.join(names)}, the data set's clean, defective"):
            load(folder, task=DEFECT, labels=LABELS)


def test_an_adapter_is_no_model(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").touch()
    for _ in range(2):  # some folders hold the configuration of the whole model, too
        with pytest.raises(ModelError, match=r"this is an adapter \(LoRA\), not a whole model; merge it"):
            check_folder(str(tmp_path), allow_pickle=False)
        (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").touch()
    check_folder(str(tmp_path), allow_pickle=False)


def test_only_who_can_allow_a_pickle_is_offered_it(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "roberta"}))
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match=r"convert them to safetensors$"):
        train(DEFECT, ROWS, [], LABELS, make_config(DEFECT, {"model": str(tmp_path)}), tmp_path / "out")
    with pytest.raises(ModelError, match=r"convert them to safetensors, or give --allow-pickle"):
        check_folder(str(tmp_path), False, OFFER)


def test_positions_that_a_family_counts_from_behind_its_pad_token_are_left_out():
    for kind in (transformers.RobertaConfig, transformers.XLMRobertaConfig, transformers.CamembertConfig):
        assert (
            fitting(kind(max_position_embeddings=130, pad_token_id=1), 256, 64, "classification", causal=False)[0]
            == 128
        )


def test_a_whole_model_is_loaded_without_a_word(kept, tokenizer):
    folder = kept(classifier(tokenizer))
    own, network = load_parts(str(folder), transformers.AutoModelForSequenceClassification, {})
    assert len(own) == len(tokenizer)
    assert network.config.num_labels == 2
    assert torch.isfinite(network.classifier.dense.weight).all()
