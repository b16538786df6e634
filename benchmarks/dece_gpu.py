"""Deceptive cross-entropy on a GPU: time and peak memory of forward and backward beside what users have there.

Dense: against ``torch.nn.functional.cross_entropy(label_smoothing=...)``, the plain dense reading of the formula, and Liger's
cross-entropy (``pip install liger-kernel``) where it is installed. Fused: against Liger's fused linear cross-entropy. All of a
vocabulary run in turn in each round, timed by CUDA events; memory is the peak over the inputs'.

    python benchmarks/dece_gpu.py --rounds 30 -o benchmarks/records/dece-gpu.json
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from codeward.defenses.training.dece import deceptive_cross_entropy, linear_deceptive_cross_entropy

SMOOTHING, ALPHA, EPOCH, HIDDEN, ROWS = 0.1, 0.99, 3, 1024, 8192
CLASSES = (8_192, 32_000, 50_257, 128_000)
WARM = 3
PAIRS = (("ours", "torch"), ("ours", "dense"), ("ours", "liger"), ("ours fused", "liger fused"))


def main() -> int:
    """Print one line a vocabulary and type."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    rows = []
    heads = ["V", "type", *(f"{kind}: {a} / {b}" for kind in ("time", "memory") for a, b in PAIRS)]
    sys.stdout.write(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {ROWS:,} rows\n\n")
    sys.stdout.write(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n")
    for classes in CLASSES:
        for kind in (torch.bfloat16, torch.float32):
            row = {
                "classes": classes,
                "type": str(kind).removeprefix("torch."),
                **measure(classes, kind, arguments.rounds),
            }
            rows.append(row)
            cells = [f"{classes:,}", row["type"], *(ratio(row["ms"], *pair) for pair in PAIRS)]
            cells += [share(row["peak_mib"], *pair) for pair in PAIRS]
            sys.stdout.write(f"| {' | '.join(cells)} |\n")
            sys.stdout.flush()
    if arguments.output:
        about = {
            "device": torch.cuda.get_device_name(),
            "torch": torch.__version__,
            "rows": ROWS,
            "hidden": HIDDEN,
            "cells": rows,
        }
        arguments.output.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return 0


def calls(classes: int, kind: torch.dtype) -> dict[str, Callable[[], None]]:
    """Return what is compared, each on the same inputs."""
    generator = torch.Generator("cuda").manual_seed(0)
    labels = torch.randint(0, classes, (ROWS,), generator=generator, device="cuda")
    logits = torch.randn(ROWS, classes, generator=generator, device="cuda").mul_(3).to(kind).requires_grad_()
    hidden = torch.randn(ROWS, HIDDEN, generator=generator, device="cuda").to(kind).requires_grad_()
    matrix = torch.randn(classes, HIDDEN, generator=generator, device="cuda").mul_(0.1).to(kind).requires_grad_()
    options = {"alpha": ALPHA, "smoothing": SMOOTHING, "epoch": EPOCH}

    def run(loss: torch.Tensor) -> None:
        loss.backward()
        logits.grad = hidden.grad = matrix.grad = None

    found = {
        "ours": lambda: run(deceptive_cross_entropy(logits, labels, **options)),
        "torch": lambda: run(torch.nn.functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)),
        "dense": lambda: run(dense(logits, labels)),
        "ours fused": lambda: run(linear_deceptive_cross_entropy(hidden, matrix, labels, **options)),
    }
    if find_spec("liger_kernel") is not None:
        from liger_kernel.transformers.functional import liger_cross_entropy, liger_fused_linear_cross_entropy

        # Liger writes the gradient over the logits, so that it is given a copy each time, as a model's head would make one.
        found["liger"] = lambda: run(liger_cross_entropy(logits.clone(), labels, label_smoothing=SMOOTHING))
        found["liger fused"] = lambda: run(
            liger_fused_linear_cross_entropy(hidden, matrix, labels, label_smoothing=SMOOTHING)
        )
    return found


def dense(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the loss as the paper's formula reads: one-hot labels, smoothed, mixed, multiplied out."""
    classes, share = logits.shape[-1], ALPHA**EPOCH
    smooth = torch.nn.functional.one_hot(labels, classes).float() * (1 - SMOOTHING) + SMOOTHING / classes
    mixed = share * logits.float().softmax(-1) + (1 - share) * smooth
    return -(smooth * mixed.log()).sum(-1).mean()


def measure(classes: int, kind: torch.dtype, rounds: int) -> dict[str, dict[str, object]]:
    """Return milliseconds a round and peak MiB, by name."""
    found = calls(classes, kind)
    times: dict[str, list[float]] = {name: [] for name in found}
    peaks: dict[str, object] = {}
    for name, call in found.items():
        call()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        peaks[name] = round((torch.cuda.max_memory_allocated() - before) / 2**20, 1)
    for number in range(rounds + WARM):
        for name, call in found.items():
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            call()
            end.record()
            torch.cuda.synchronize()
            if number >= WARM:
                times[name].append(start.elapsed_time(end))
    return {"ms": dict(times), "peak_mib": peaks}


def ratio(times: dict[str, list[float]], first: str, second: str) -> str:
    """Return the mean ratio of two with the interval of that mean."""
    if second not in times:
        return "-"
    values = np.array(times[first]) / np.array(times[second])
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.2f} ± {half:.2f}"


def share(peaks: dict[str, float], first: str, second: str) -> str:
    """Return one peak over another."""
    return f"{peaks[first] / peaks[second]:.2f}" if second in peaks else "-"


if __name__ == "__main__":
    sys.exit(main())
