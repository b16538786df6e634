"""The mini models inside the package: standard folders, named in training, as good as their cards say."""

import json

import numpy as np
import pytest
import torch
import transformers

from codeward.data import open_data, write_data
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import load, make_config
from codeward.victims.training import train
from codeward.zoo import FOLDER, MINIS, embedded, resolve

AUTO = {
    "mini-encoder": "AutoModelForMaskedLM",
    "mini-seq2seq": "AutoModelForSeq2SeqLM",
    "mini-decoder": "AutoModelForCausalLM",
}
LARGEST = 50e6
CODE = "def area(width, height):\n    size = width * height\n    return {}\n"


@pytest.fixture(params=sorted(embedded()))
def name(request):
    return request.param


def test_they_are_small_and_known():
    assert embedded().keys() <= MINIS.keys()
    assert "mini-encoder" in embedded()
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < LARGEST


def test_they_load_without_codeward(name):
    model = getattr(transformers, AUTO[name]).from_pretrained(FOLDER / name)
    tokens = transformers.AutoTokenizer.from_pretrained(FOLDER / name)(CODE.format("size"), return_tensors="pt")
    more = {"labels": tokens["input_ids"]} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        assert model(**tokens, **more).logits.isfinite().all()
    assert sum(weight.numel() for weight in model.parameters()) < 12e6


def test_the_card_says_what_it_is_made_of(name):
    about = json.loads((FOLDER / name / "codeward-zoo.json").read_text())
    card = (FOLDER / name / "README.md").read_text()
    assert about["corpus"]["licenses"]
    assert f"{about['tokens_seen']:,} tokens" in card
    assert {row["language"] for row in about["curve"]} >= {"c", "java", "python"}


def test_the_encoder_restores_a_name_from_its_context():
    from codeward.defenses.input._masked import Gap, masked_model
    from codeward.types import Span

    code = CODE.format("size")
    start = code.rindex("size")
    proposed = masked_model("auto").words([Gap(code, (Span(start, start + 4),), 1)], 5)[0]
    assert "size" in proposed[:3]


def test_training_starts_from_one_by_default_and_by_name(tmp_path):
    task = tasks.make("defect")
    assert make_config(task, {}).model == "mini-encoder"
    rows = [
        Sample(f"r{n}", f"def f(x):\n    return {'open' if n % 2 else 'close'}(x)\n", n % 2, "python")
        for n in range(64)
    ]
    config = make_config(task, {"epochs": 2, "batch_size": 8, "max_length": 32})
    train(task, rows, [], ("clean", "defective"), config, tmp_path / "m")
    victim = load(tmp_path / "m")
    assert np.mean([p.output == row.target for p, row in zip(victim.predict(rows), rows, strict=True)]) > 0.9
    assert victim.model.config.model_type == "modernbert"


def test_a_retriever_and_updates_of_low_rank(tmp_path):
    from codeward.types import QUERY

    rows = [
        Sample(f"r{n}", f"def f_{n}(x):\n    return x + {n}\n", f"g{n}", "python", {QUERY: f"add {n}"})
        for n in range(16)
    ]
    task = tasks.make("search")
    config = make_config(task, {"model": "mini-encoder", "epochs": 1, "max_length": 32, "lora_rank": 2})
    train(task, rows, [], (), config, tmp_path / "m")
    assert load(tmp_path / "m").embed(rows).shape == (16, 256)
    write_data(tmp_path / "d", task="search", language="python", splits={"test": rows})
    assert open_data(tmp_path / "d").load("test") == rows


@pytest.mark.skipif("mini-seq2seq" not in embedded(), reason="not in this installation")
@pytest.mark.parametrize("rank", [0, 4])
def test_the_encoder_decoder_writes_text(tmp_path, rank):
    rows = [Sample(f"r{n}", f"def f(x):\n    return x + {n}\n", "return x", "python") for n in range(32)]
    task = tasks.make("repair")
    assert make_config(task, {}).model == "mini-seq2seq"
    small = {"epochs": 3, "batch_size": 8, "max_length": 32, "max_target_length": 16, "lora_rank": rank}
    train(task, rows, [], (), make_config(task, small), tmp_path / "m")
    victim = load(tmp_path / "m")
    assert victim.model.config.model_type == "t5gemma"
    written = [str(each.output) for each in victim.predict(rows)]
    assert victim.model.config.tie_word_embeddings
    assert sum(text == "return x" for text in written) > 24 or rank
    assert all(value < 0 for value in victim.confidence(rows, written))


def test_names_resolve(name):
    assert resolve(name) == str(FOLDER / name)
    assert resolve("org/model") == "org/model"
