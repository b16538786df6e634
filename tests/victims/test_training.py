import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from codeward.errors import DataError, DivergedError, ModelError, OptionError
from codeward.tasks import tasks
from codeward.types import CODE
from codeward.victims import load, make_config
from codeward.victims.feeding import Collator, encode_rows
from codeward.victims.trainer import logits_and_labels
from codeward.victims.training import train

SCRATCH = {"model": "scratch-encoder"}
TINY = {"vocabulary": 400, "layers": 1, "hidden": 32, "batch_size": 8, "max_length": 64, "max_target_length": 64}
DEFECT, REPAIR, SEARCH = tasks.make("defect"), tasks.make("repair"), tasks.make("search")
LABELS = ("clean", "defective")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, rows):
    out = tmp_path_factory.mktemp("classifier") / "model"
    config = make_config(DEFECT, {**SCRATCH, **TINY, "epochs": 15, "learning_rate": 0.003})
    return train(DEFECT, rows, rows[:8], LABELS, config, out), out


def test_it_learns_and_reloads_to_the_same_answers(classifier, rows):
    result, out = classifier
    predictions = result.victim.predict(rows)
    right = sum(prediction.output == row.target for prediction, row in zip(predictions, rows, strict=True))
    assert right / len(rows) > 0.9
    again = load(out)
    assert [p.output for p in again.predict(rows)] == [p.output for p in predictions]
    assert again.fingerprint == result.victim.fingerprint
    assert not list(out.parent.glob(".*"))
    assert {"loss", "validation loss"} <= set(result.history)


def test_confidence_is_the_probability_and_order_does_not_matter(classifier, rows):
    victim = classifier[0].victim
    forward = victim.confidence(rows, [1] * len(rows))
    backward = victim.confidence(rows[::-1], [1] * len(rows))[::-1]
    assert forward == pytest.approx(backward, abs=0.02)
    assert [p.scores[1] for p in victim.predict(rows)] == pytest.approx(forward, abs=1e-9)
    assert victim.embed(rows).shape == (len(rows), 32)


def test_reach_says_what_survives_truncation(classifier, rows):
    victim = classifier[0].victim
    long = replace(rows[0], code="x = 1\n" * 500)
    assert 5 < victim.reach([long], CODE)[0] < 2000


def test_the_folder_loads_without_codeward(classifier):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    out = str(classifier[1])
    model = AutoModelForSequenceClassification.from_pretrained(out)
    tokens = AutoTokenizer.from_pretrained(out)("def f(): pass", return_tensors="pt")
    assert model(**tokens).logits.shape == (1, 2)


@pytest.mark.parametrize("model", ["scratch-seq2seq", "scratch-decoder"])
def test_generators(model, tmp_path, rows):
    pairs = [replace(row, target="return 1") for row in rows]
    config = make_config(REPAIR, {**TINY, "model": model, "epochs": 6, "learning_rate": 0.01})
    victim = train(REPAIR, pairs, [], (), config, tmp_path / "m").victim
    again = load(tmp_path / "m")
    assert [p.output for p in again.predict(pairs[:4])] == ["return 1"] * 4
    near, far = victim.confidence(pairs[:1] * 2, ["return 1", "while True: pass"])
    assert far < near <= 0


def test_a_retriever_ranks(tmp_path, rows):
    searched = [replace(row, target=row.id) for row in rows[:16]]
    config = make_config(SEARCH, {**SCRATCH, **TINY, "epochs": 10, "learning_rate": 0.01, "batch_size": 16})
    victim = train(SEARCH, searched, [], (), config, tmp_path / "m").victim
    ranks = [prediction.output for prediction in victim.predict(searched)]
    assert sum(1 / rank for rank in ranks) / len(ranks) > 0.5
    assert load(tmp_path / "m").embed(searched).shape == (16, 32)


SCRIPT = """
import sys, pickle, time, torch
torch.set_num_threads(1)
from pathlib import Path
from codeward.tasks import tasks
from codeward.victims import make_config
from codeward.victims.training import train
rows = pickle.loads(Path(sys.argv[1]).read_bytes())
task = tasks.make("defect")
slow = sys.argv[3] == "slow"
config = make_config(task, {"model": "scratch-encoder", "vocabulary": 400, "layers": 1, "hidden": 32, "batch_size": 8, "max_length": 64,
    "epochs": 4, "checkpoint_steps": 5})
train(task, rows, [], ("clean", "defective"), config, Path(sys.argv[2]), progress=lambda *_: time.sleep(0.2 * slow))
"""


def test_killed_training_goes_on_to_the_same_weights(tmp_path, rows):
    import pickle

    (tmp_path / "rows").write_bytes(pickle.dumps(rows))
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "rows")]
    subprocess.run([*command, str(tmp_path / "whole"), "fast"], check=True)
    broken = subprocess.Popen([*command, str(tmp_path / "broken"), "slow"])
    deadline = time.monotonic() + 60
    while not (tmp_path / ".broken.training/checkpoint-10/trainer_state.json").is_file():
        assert time.monotonic() < deadline
        assert broken.poll() is None
        time.sleep(0.02)
    broken.send_signal(signal.SIGKILL)
    broken.wait()
    assert not (tmp_path / "broken").exists()
    subprocess.run([*command, str(tmp_path / "broken"), "fast"], check=True)
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_checkpoints_of_other_settings_are_refused(tmp_path, rows):
    work = tmp_path / ".m.training"
    (work / "checkpoint-5").mkdir(parents=True)
    (work / "run.txt").write_text("other\n")
    with pytest.raises(DataError, match=r"other data or settings.*--fresh"):
        train(DEFECT, rows, [], LABELS, make_config(DEFECT, {**SCRATCH, **TINY}), tmp_path / "m")


def test_an_existing_folder_is_kept(tmp_path, rows):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(DataError, match="the folder exists"):
        train(DEFECT, rows, [], LABELS, make_config(DEFECT, {**SCRATCH, **TINY}), tmp_path)
    with pytest.raises(DataError, match="was not written by codeward"):
        train(DEFECT, rows, [], LABELS, make_config(DEFECT, {**SCRATCH, **TINY}), tmp_path, overwrite=True)


def test_wrong_models(tmp_path, classifier):
    with pytest.raises(ModelError, match="no such model folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"no config\.json"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no weights"):
        load(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"pickle.*--allow-pickle"):
        load(tmp_path)
    with pytest.raises(ModelError, match="made for task 'defect'"):
        load(classifier[1], task=SEARCH)


def test_a_damaged_model_gives_one_sentence(tmp_path, classifier):
    import shutil

    shutil.copytree(classifier[1], tmp_path / "m")
    (tmp_path / "m/model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="the model cannot be loaded"):
        load(tmp_path / "m")
    save_file({}, tmp_path / "m/model.safetensors")
    (tmp_path / "m/codeward.json").write_text(json.dumps({"task": "defect"}))
    with pytest.raises(ModelError, match="'labels' are missing"):
        load(tmp_path / "m")


def test_an_encoder_writes_no_text(tmp_path, rows):
    config = make_config(REPAIR, {**TINY, "model": "scratch-encoder"})
    with pytest.raises(ModelError, match="writes no text"):
        train(REPAIR, [replace(row, target="x") for row in rows], [], (), config, tmp_path / "m")


def test_unknown_options():
    with pytest.raises(OptionError, match="Did you mean 'epochs'"):
        make_config(DEFECT, {"epoch": 3})
    with pytest.raises(OptionError, match="epochs = '-1' does not fit"):
        make_config(DEFECT, {"epochs": "-1"})


def test_a_decoder_computes_only_what_is_learned(rows, tmp_path):
    """The loss and its gradient are those of all positions, though prompts of different lengths are left out."""
    given = [replace(row, target="return " + "x + " * n) for n, row in enumerate(rows[:4])]
    config = make_config(REPAIR, {**TINY, "model": "scratch-decoder", "epochs": 1})
    victim = train(REPAIR, given, [], (), config, tmp_path / "m").victim
    batch = Collator(victim)(encode_rows(victim, given).rows)
    logits, labels = logits_and_labels(victim.model, batch)
    assert logits.shape[:2] == labels.shape
    assert logits.shape[1] < batch["labels"].shape[1] - 1
    mean = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    usual = victim.model(**batch).loss
    assert mean.item() == pytest.approx(usual.item(), rel=1e-5)
    weight = victim.model.get_input_embeddings().weight
    (ours,), (theirs,) = torch.autograd.grad(mean, weight), torch.autograd.grad(usual, weight)
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_training_that_comes_apart_is_told_and_leaves_nothing(rows, tmp_path):
    config = make_config(DEFECT, {**SCRATCH, **TINY, "epochs": 4, "learning_rate": 1e25, "warmup": 0})
    with pytest.raises(
        DivergedError, match=r"the loss in step \d+ is (nan|inf): .* lower the learning rate \(it was 1e\+25\)"
    ):
        train(DEFECT, rows, [], LABELS, config, tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_weights_that_the_last_step_breaks_are_not_kept(rows, tmp_path):
    config = make_config(
        DEFECT, {**SCRATCH, **TINY, "epochs": 1, "batch_size": len(rows), "learning_rate": 1e39, "warmup": 0}
    )
    with pytest.raises(DivergedError, match="some weights are no numbers after the last step"):
        train(DEFECT, rows, [], LABELS, config, tmp_path / "m")
    assert not list(tmp_path.iterdir())
