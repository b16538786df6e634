"""A record says on which device its figures were measured, also where torch was loaded in other processes only."""

import sys

import pytest

from codeward.experiment import environment


@pytest.fixture
def cards(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "0000:06:00.0").mkdir()
    (tmp_path / "0000:06:00.0/information").write_text("Model: \t\t NVIDIA H200\nIRQ:   \t\t 45\n", encoding="utf-8")
    return tmp_path


def test_the_driver_names_the_gpu(cards):
    assert environment._device(cards) == "NVIDIA H200"


def test_a_gpu_that_is_hidden_is_none(cards, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert environment._device(cards) == "cpu"


def test_without_a_driver_it_is_the_processor(cards, tmp_path):
    assert environment._device(tmp_path / "nothing") == "cpu"
