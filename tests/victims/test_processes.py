"""Two processes train one model, and one of them writes it."""

import os
import subprocess
import sys

from codeward.cli import main
from codeward.data import write_data
from codeward.experiment.record import read_record
from codeward.victims import load

SMALL = ("--model", "scratch-encoder", "--set", "hidden=16", "--set", "layers=1", "--set", "vocabulary=400")
MORE = ("--max-length", "48", "--epochs", "4", "--batch-size", "8", "--learning-rate", "5e-3")


def test_two_processes_train_one_model(tmp_path, clean_rows):
    splits = {"train": clean_rows[:96], "valid": clean_rows[96:]}
    write_data(tmp_path / "d", task="defect", language="c", labels=("clean", "defective"), splits=splits)
    assert main(["train", str(tmp_path / "d"), *SMALL, *MORE, "-o", str(tmp_path / "one")]) == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m", "codeward"]
    command += ["train", str(tmp_path / "d"), *SMALL, *MORE, "-o", str(tmp_path / "two")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("holds the model") == 1
    assert not (tmp_path / ".two.training").exists()
    one, two = (read_record(tmp_path / name) for name in ("one", "two"))
    assert two.counts["steps"] == one.counts["steps"] / 2
    answers = load(tmp_path / "two").predict(clean_rows)
    assert {answer.output for answer in answers} <= {0, 1}
