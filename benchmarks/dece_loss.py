"""Deceptive cross-entropy: time and peak memory of forward and backward, as ratios to what users have today.

Dense: against ``torch.nn.functional.cross_entropy(label_smoothing=...)`` and against the plain dense reading of the formula.
Fused: against ``torch.nn.functional.linear_cross_entropy`` of the installed torch, without smoothing, since only then does
it compute in chunks. Each pair runs in turn, in one process;
memory is the peak of resident memory over the inputs' in a process of its own.

    python benchmarks/dece_loss.py --rounds 7
    python benchmarks/dece_loss.py --only fused --classes 32000
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from codeward.defenses.training.dece import deceptive_cross_entropy, linear_deceptive_cross_entropy

SMOOTHING, ALPHA, EPOCH, HIDDEN = 0.1, 0.99, 3, 256
ROWS = {8_192: 2048, 32_000: 1024, 50_257: 512, 128_000: 256}
PARTS = {
    "time": (("ours", "torch"), "time / cross_entropy"),
    "dense": (("ours", "dense"), "time / dense reading"),
    "memory": (("ours", "torch"), "memory / cross_entropy"),
    "fused": (("ours fused", "torch fused"), "fused: time / linear_cross_entropy"),
    "fused-memory": (("ours fused", "torch fused"), "fused: memory"),
}
"""What can be measured alone: the two that are compared, and the column's head."""


def main() -> int:
    """Print one line a vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="Measure only these parts.")
    parser.add_argument("--classes", nargs="+", type=int, choices=list(ROWS), default=list(ROWS), help="Only these V.")
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        sys.stdout.write(f"{peak(arguments.memory_of[0], int(arguments.memory_of[1]))}\n")
        return 0
    parts = [part for part in PARTS if part in arguments.only]
    heads = ["V", "rows", *(PARTS[part][1] for part in parts)]
    sys.stdout.write(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n")
    for classes in arguments.classes:
        cells = [f"{classes:,}", str(ROWS[classes]), *row(classes, parts, arguments.rounds)]
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
        sys.stdout.flush()
    return 0


def row(classes: int, parts: list[str], rounds: int) -> list[str]:
    """Return a cell for each part; only what they compare is run."""
    timed = [part for part in parts if not part.endswith("memory")]
    wanted = {name for part in timed for name in PARTS[part][0]}
    times = measure(classes, rounds, wanted) if wanted else {}
    cells = []
    for part in parts:
        ours, theirs = PARTS[part][0]
        if part in timed:
            cells.append(ratio(times, ours, theirs))
        else:
            cells.append(f"{memory_of(ours, classes) / memory_of(theirs, classes):.2f}")
    return cells


def calls(classes: int) -> dict[str, Callable[[], None]]:
    """Return what is compared, each on the same inputs."""
    rows = ROWS[classes]
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    logits = torch.randn(rows, classes, generator=generator).mul_(3).requires_grad_()
    hidden = torch.randn(rows, HIDDEN, generator=generator).requires_grad_()
    matrix = torch.randn(classes, HIDDEN, generator=generator).mul_(0.2).requires_grad_()
    options = {"alpha": ALPHA, "smoothing": SMOOTHING, "epoch": EPOCH}

    def run(loss: torch.Tensor) -> None:
        loss.backward()
        logits.grad = hidden.grad = matrix.grad = None

    return {
        "ours": lambda: run(deceptive_cross_entropy(logits, labels, **options)),
        "torch": lambda: run(torch.nn.functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)),
        "dense": lambda: run(dense(logits, labels)),
        "ours fused": lambda: run(linear_deceptive_cross_entropy(hidden, matrix, labels, **options)),
        "torch fused": lambda: run(
            torch.nn.functional.linear_cross_entropy(
                hidden, matrix, labels, options=torch.nn.LinearCrossEntropyOptions()
            )
        ),
    }


def dense(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the loss as the paper's formula reads: one-hot labels, smoothed, mixed, multiplied out."""
    classes = logits.shape[-1]
    share = ALPHA**EPOCH
    smooth = torch.nn.functional.one_hot(labels, classes).float() * (1 - SMOOTHING) + SMOOTHING / classes
    mixed = share * logits.softmax(-1) + (1 - share) * smooth
    return -(smooth * mixed.log()).sum(-1).mean()


def measure(classes: int, rounds: int, wanted: set[str]) -> dict[str, list[float]]:
    """Return seconds by name, one value a round, all that are wanted in turn in each."""
    found = {name: call for name, call in calls(classes).items() if name in wanted}
    times: dict[str, list[float]] = {name: [] for name in found}
    for number in range(rounds + 1):
        for name, call in found.items():
            start = time.perf_counter()
            call()
            if number:
                times[name].append(time.perf_counter() - start)
    return times


def ratio(times: dict[str, list[float]], first: str, second: str) -> str:
    """Return the mean ratio of two with the interval of that mean."""
    values = np.array(times[first]) / np.array(times[second])
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.2f} ± {half:.2f} (n = {len(values)})"


def memory_of(name: str, classes: int) -> float:
    """Return the peak of another process, in MB over its inputs."""
    command = [sys.executable, __file__, "--memory-of", name, str(classes)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def peak(name: str, classes: int) -> float:
    """Return by how much this process's resident memory rises in a call."""
    found = calls(classes)
    warm = torch.randn(64, 64, requires_grad=True)
    (warm @ warm).sum().backward()
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    found[name]()
    return (status("VmHWM") - before) / 1024


def status(field: str) -> int:
    """Return a figure of this process in kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


if __name__ == "__main__":
    sys.exit(main())
