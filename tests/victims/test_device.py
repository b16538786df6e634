"""Models that are loaded to answer run on the GPU where there is one; on a machine with a GPU this is looked at for real."""

import pytest
import torch
from tests.conftest import train_suspect

from codeward.victims.device import best_device, on_gpu


def fake_gpus(monkeypatch, count):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_without_a_gpu_models_stay_on_the_processor(monkeypatch):
    fake_gpus(monkeypatch, 0)
    assert best_device() == torch.device("cpu")


@pytest.mark.parametrize(("rank", "own"), [(None, 0), ("0", 0), ("1", 1), ("2", 0)])
def test_each_process_of_torchrun_has_a_gpu_of_its_own(monkeypatch, rank, own):
    fake_gpus(monkeypatch, 2)
    if rank is None:
        monkeypatch.delenv("LOCAL_RANK", raising=False)
    else:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert best_device() == torch.device("cuda", own)


def test_a_loaded_model_is_where_models_run(tmp_path, clean_rows):
    from codeward.victims import load

    folder = tmp_path / "model"
    train_suspect(folder, backdoored=False, epochs=1)
    victim = load(str(folder))
    assert victim.device.type == ("cuda" if on_gpu() else "cpu")
    assert len(victim.predict(clean_rows[:3])) == 3
