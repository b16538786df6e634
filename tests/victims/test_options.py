"""Options of training beyond the plain run: LoRA, early stopping, reporters."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from codeward.errors import DataError, ModelError, OptionError
from codeward.tasks import tasks
from codeward.victims import load, make_config
from codeward.victims.training import train

SCRATCH = {"model": "scratch-encoder"}
TINY = {"vocabulary": 400, "layers": 1, "hidden": 32, "batch_size": 8, "max_length": 64, "max_target_length": 64}
FAST = {"batch_size": 8, "max_length": 64, "max_target_length": 64, "learning_rate": 0.01}
DEFECT, REPAIR, SEARCH = tasks.make("defect"), tasks.make("repair"), tasks.make("search")
LABELS = ("clean", "defective")
HEAD = ("classifier", "lm_head")


def base(task, rows, labels, out, model):
    train(task, rows, [], labels, make_config(task, {**TINY, "model": model, "epochs": 1}), out)
    return load_file(out / "model.safetensors")


def test_lora_trains_updates_and_writes_a_standard_folder(tmp_path, rows):
    before = base(DEFECT, rows, LABELS, tmp_path / "base", "scratch-encoder")
    config = make_config(DEFECT, {**FAST, "model": str(tmp_path / "base"), "lora_rank": 4, "epochs": 30})
    result = train(DEFECT, rows, [], LABELS, config, tmp_path / "tuned")
    after = load_file(tmp_path / "tuned/model.safetensors")
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("query" in name for name in changed)
    assert not any("embeddings" in name or "LayerNorm" in name for name in changed)
    for name in changed:
        if before[name].dim() == 2 and not name.startswith(HEAD):
            difference = (after[name] - before[name]).double()
            assert torch.linalg.matrix_rank(difference, tol=1e-4) <= 4, name
    predictions = load(tmp_path / "tuned").predict(rows)
    assert [p.output for p in predictions] == [p.output for p in result.victim.predict(rows)]
    right = sum(p.output == row.target for p, row in zip(predictions, rows, strict=True))
    assert right / len(rows) > 0.9


@pytest.mark.parametrize("model", ["scratch-seq2seq", "scratch-decoder"])
def test_lora_of_generators(model, tmp_path, rows):
    pairs = [replace(row, target="return 1") for row in rows]
    before = base(REPAIR, pairs, (), tmp_path / "base", model)
    config = make_config(REPAIR, {**FAST, "model": str(tmp_path / "base"), "lora_rank": 8, "epochs": 4})
    train(REPAIR, pairs, [], (), config, tmp_path / "tuned")
    after = load_file(tmp_path / "tuned/model.safetensors")
    assert after.keys() == before.keys()
    assert load(tmp_path / "tuned").predict(pairs[:1])[0].output


def test_lora_of_a_retriever(tmp_path, rows):
    searched = [replace(row, target=row.id) for row in rows[:16]]
    before = base(SEARCH, searched, (), tmp_path / "base", "scratch-encoder")
    config = make_config(SEARCH, {**FAST, "model": str(tmp_path / "base"), "lora_rank": 4, "epochs": 1})
    train(SEARCH, searched, [], (), config, tmp_path / "tuned")
    assert load_file(tmp_path / "tuned/model.safetensors").keys() == before.keys()


def test_lora_needs_a_pretrained_model():
    with pytest.raises(OptionError, match="lora_rank updates a pretrained model"):
        make_config(DEFECT, {**SCRATCH, "lora_rank": 8})


def test_early_stopping_keeps_the_best(tmp_path, rows):
    wrong = [replace(row, target=1 - row.target) for row in rows[:16]]
    config = make_config(DEFECT, {**SCRATCH, **TINY, "epochs": 20, "patience": 2, "learning_rate": 0.01})
    result = train(DEFECT, rows, wrong, LABELS, config, tmp_path / "m")
    steps, losses = result.history["validation loss"]
    assert len(losses) < 20
    assert len(losses) == losses.index(min(losses)) + 3
    assert result.steps == steps[-1]


def test_a_reporter_that_is_not_installed():
    with pytest.raises(OptionError, match=r"mlflow.*pip install mlflow"):
        make_config(DEFECT, {"reporter": "mlflow"})
    with pytest.raises(OptionError, match="reporter = 'log' does not fit"):
        make_config(DEFECT, {"reporter": "log"})


def test_a_disk_that_fills_in_training(tmp_path, rows, monkeypatch):
    from safetensors import SafetensorError
    from transformers import Trainer

    def full(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(Trainer, "_save_checkpoint", full)
    with pytest.raises(DataError, match="the disk is full"):
        train(DEFECT, rows, [], LABELS, make_config(DEFECT, {**SCRATCH, **TINY, "checkpoint_steps": 1}), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_start_that_failed_does_not_stand_in_the_way(tmp_path, rows):
    with pytest.raises(ModelError, match=r"no built-in model has this name; there are: .*scratch-encoder"):
        train(DEFECT, rows, [], LABELS, make_config(DEFECT, {**FAST, "model": "mini-coder"}), tmp_path / "m")
    assert not list(tmp_path.iterdir())
    train(DEFECT, rows, [], LABELS, make_config(DEFECT, {**SCRATCH, **TINY, "epochs": 1}), tmp_path / "m")


def test_batches_of_a_step_count_once_in_retrieval(tmp_path, rows, monkeypatch):
    """The loss that is logged is a mean over the batches of a step, not their sum."""
    searched = [replace(row, target=row.id) for row in rows[:16]]
    seen = {}
    for name, batch, steps in (("whole", 4, 1), ("halves", 4, 4)):
        options = {
            **SCRATCH,
            **TINY,
            "batch_size": batch,
            "accumulation": steps,
            "epochs": 1,
            "learning_rate": 1e-9,
            "dropout": 0.0,
        }
        config = make_config(SEARCH, options)
        monkeypatch.setattr("codeward.victims.training.LOGGING_STEPS", 1)
        result = train(SEARCH, searched, [], (), config, tmp_path / name)
        losses = result.history["loss"][1]
        seen[name] = sum(losses) / len(losses)
    assert seen["whole"] == pytest.approx(seen["halves"], rel=1e-3)
