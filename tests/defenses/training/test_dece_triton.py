"""The Triton kernel against the dense float64 reading, in a process of its own, in Triton's interpreter (compiled: tests/gpu).

The interpreter has to be chosen before Triton is imported, and Triton is no dependency (``pip install triton``, Linux).
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from codeward.defenses.training import _deceptive
from codeward.defenses.training._deceptive_rows import loss_of_rows

CASES = Path(__file__).with_name("kernel_cases.py")


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_the_kernel_gives_the_numbers_of_the_formula():
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    done = subprocess.run([sys.executable, str(CASES)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "cases agree" in done.stdout


def on(cuda, dtype):
    return SimpleNamespace(is_cuda=cuda, dtype=dtype)


def test_without_a_gpu_or_without_triton_torch_computes_the_rows(monkeypatch):
    assert _deceptive.rows_for(torch.ones(1)).rows is loss_of_rows
    monkeypatch.setattr(_deceptive, "find_spec", lambda name: None)
    assert _deceptive.rows_for(on(True, torch.float32)).rows is loss_of_rows


def test_double_precision_stays_with_torch(monkeypatch):
    monkeypatch.setattr(_deceptive, "find_spec", lambda name: object())
    assert _deceptive.rows_for(on(True, torch.float64)).rows is loss_of_rows


def test_a_gpu_with_triton_gets_the_kernel(monkeypatch):
    """The kernel's module is a stand-in: it cannot be imported everywhere."""
    kernel = SimpleNamespace(loss_of_rows=object())
    name = "codeward.defenses.training._deceptive_triton"
    monkeypatch.setitem(sys.modules, name, kernel)
    monkeypatch.setattr("codeward.defenses.training._deceptive_triton", kernel, raising=False)
    monkeypatch.setattr(_deceptive, "find_spec", lambda name: object())
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        assert _deceptive.rows_for(on(True, dtype)).rows is kernel.loss_of_rows
