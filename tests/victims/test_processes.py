"""Two processes train one model, and one of them writes it."""

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from codeward.cli import main
from codeward.data import write_data
from codeward.errors import ModelError
from codeward.experiment.record import read_record
from codeward.tasks import tasks
from codeward.victims import make_config
from codeward.victims.training import train

SMALL = (
    "--model", "scratch-encoder", "--set", "hidden=16", "--set", "layers=1", "--set", "vocabulary=400", "--set", "dropout=0",
    "--set", "precision=fp32", "--max-length", "48", "--epochs", "2", "--batch-size", "8", "--learning-rate", "5e-3",
)  # fmt: skip


def launch(*arguments):
    """Run codeward in two processes, and return what they print."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "codeward"]
    command += map(str, arguments)
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def data(tmp_path, clean_rows):
    splits = {"train": clean_rows[:96], "valid": clean_rows[96:]}
    write_data(tmp_path / "d", task="defect", language="c", labels=("clean", "defective"), splits=splits)
    return tmp_path / "d"


@pytest.mark.parametrize("loss", [("ce",), ("dece", "--loss-set", "alpha=0.7")])
def test_two_processes_take_the_steps_of_one_that_adds_up_two_batches(tmp_path, data, loss):
    """The told loss shows its scale, to which Adam's steps are blind but for the clipping."""
    options = (*SMALL, "--loss", *loss)
    assert main(["train", str(data), *options, "--set", "accumulation=2", "-o", str(tmp_path / "one")]) == 0
    out = launch("train", data, *options, "-o", tmp_path / "two")
    assert out.count("holds the model") == 1
    assert not list(tmp_path.glob(".*"))
    one, two = (read_record(tmp_path / name) for name in ("one", "two"))
    assert two.counts["steps"] == one.counts["steps"]
    assert two.series[0].y == pytest.approx(one.series[0].y, rel=1e-3)
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.allclose(before[name], after[name], atol=1e-4) for name in before)


def test_two_processes_train_one_scout_and_leave_out_the_same_rows(tmp_path, data):
    poisoned = tmp_path / "p"
    assert main(["poison", str(data), "--attack", "deadcode-fixed", "--rate", "0.1", "-o", str(poisoned)]) == 0
    isolate = ("--loss", "isolate", "--watch-poison", 1)
    out = launch("train", poisoned, *SMALL, *isolate, "-o", tmp_path / "two")
    assert out.count("holds the model") == 1
    assert not list(tmp_path.glob(".*"))
    record = read_record(tmp_path / "two")
    assert record.learning.epochs == [0.0, 1.0, 2.0]
    assert {"left out", "spliced"} <= record.counts.keys()
    assert record.counts["steps"] == 2 * 96 / 8 / 2


def test_a_search_model_is_trained_in_one_process(tmp_path, clean_rows, monkeypatch):
    """Each process would have other wrong answers, and their gradients would not meet."""
    task = tasks.make("search")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ModelError, match="trained in one process only"):
        train(task, clean_rows, [], (), make_config(task, {"model": "scratch-encoder"}), tmp_path / "m")
