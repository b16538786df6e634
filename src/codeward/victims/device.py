"""Where models run: on the GPU if there is one, else on the processor. ``CUDA_VISIBLE_DEVICES=`` hides a GPU, as everywhere."""

import os

import torch


def on_gpu() -> bool:
    """Whether models run on a GPU."""
    return bool(torch.cuda.is_available())


def best_device() -> torch.device:
    """Return where a model is put that has been loaded to answer; a training places its own."""
    if not on_gpu():
        return torch.device("cpu")
    # torchrun tells each of its processes which GPU is its own.
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())


def device_name() -> str:
    """Return the GPU's name, or ``cpu``."""
    return str(torch.cuda.get_device_name()) if on_gpu() else "cpu"
