"""What runs on a GPU gives what the processor gives: ``CODEWARD_TEST_GPU=1 pytest tests/gpu`` on a machine that has one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.conftest import small_function, train_writer

from codeward.victims import load

pytestmark = pytest.mark.skipif(
    not (os.environ.get("CODEWARD_TEST_GPU") == "1" and torch.cuda.is_available()),
    reason="needs CODEWARD_TEST_GPU=1 and a GPU",
)
CASES = Path(__file__).parents[1] / "defenses/training/kernel_cases.py"


@pytest.fixture
def classifier(suspects):
    return suspects / "backdoored"


def test_deceptive_cross_entropy_compiled_gives_the_numbers_of_the_formula():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    done = subprocess.run([sys.executable, str(CASES)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "cases agree" in done.stdout


def test_a_classifier_is_loaded_to_the_gpu_and_answers_as_on_the_processor(classifier, clean_rows):
    there, here = load(str(classifier)), load(str(classifier))
    assert there.device.type == "cuda"
    here.model.cpu()
    there.precision = here.precision = "fp32"
    assert there.fingerprint == here.fingerprint
    ours = torch.tensor(there.probabilities(clean_rows))
    assert torch.allclose(ours, torch.tensor(here.probabilities(clean_rows)), atol=1e-4)
    assert (ours.argmax(1) == torch.tensor([row.target for row in clean_rows])).double().mean() > 0.8


@pytest.mark.parametrize("model", ["scratch-seq2seq", "scratch-decoder"])
def test_a_generator_writes_on_the_gpu_what_it_writes_on_the_processor(model, tmp_path, text_rows):
    train_writer(tmp_path / "writer", backdoored=False, model=model)
    there, here = load(str(tmp_path / "writer")), load(str(tmp_path / "writer"))
    assert there.device.type == "cuda"
    here.model.cpu()
    there.precision = here.precision = "fp32"
    ours, theirs = ([answer.output for answer in each.predict(text_rows[:20])] for each in (there, here))
    assert sum(a == b for a, b in zip(ours, theirs, strict=True)) >= 19


def test_a_scan_and_a_repair_run_on_the_gpu(classifier, clean_rows):
    from codeward.experiment.repairing import repair
    from codeward.experiment.scanning import scan

    found = scan(load(str(classifier)), clean_rows, "elibadcode", {})
    assert found.suspicions
    made = repair(load(str(classifier)), clean_rows, "elibadcode", {}, inspection=found)
    assert made.model.device.type == "cuda"


def test_a_guard_runs_on_the_gpu(classifier, clean_rows):
    import codeward
    from codeward.experiment.guard import Guarded

    guard = codeward.guard(load(str(classifier)), clean=clean_rows)
    answer = guard(small_function(3, 1, "zqx_init"))
    assert isinstance(answer, Guarded)
