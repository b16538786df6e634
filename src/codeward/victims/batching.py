"""Batches: sorted by length, bounded by tokens, padded to their own longest row, results in the order given."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar

import torch

from codeward.victims.device import on_gpu

T = TypeVar("T")
BUDGET = 16_384 if on_gpu() else 4_096
"""Tokens a batch, padding included; a processor is faster (by a fifth on the mini encoder) with what its caches hold."""
WRITING = 4 * BUDGET if on_gpu() else BUDGET
"""Tokens a batch of inputs to which texts are written: token after token, a small model keeps a GPU waiting, not busy."""

Row = dict[str, list[int]]


def fast_bf16() -> bool:
    """Whether bf16 matrices are multiplied in hardware."""
    if on_gpu():
        return bool(torch.cuda.is_bf16_supported())
    capability = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capability.get("avx512_bf16") or capability.get("amx_bf16") or _cpu_flag())


def _cpu_flag() -> bool:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - a device file, read up to one line
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def autocast(device: torch.device, precision: Literal["auto", "fp32", "bf16"]) -> AbstractContextManager[Any]:
    """Return the context in which a forward pass runs."""
    if precision == "bf16" or (precision == "auto" and fast_bf16()):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def batches(rows: Sequence[Row], budget: int = BUDGET) -> Iterator[list[int]]:
    """Yield the indices of each batch, longest rows first."""
    order = sorted(range(len(rows)), key=lambda index: (-len(rows[index]["input_ids"]), index))
    start = 0
    while start < len(order):
        longest = max(len(rows[order[start]]["input_ids"]), 1)
        end = min(start + max(1, budget // longest), len(order))
        yield order[start:end]
        start = end


def run_batched(rows: Sequence[Row], step: Callable[[list[int]], Sequence[T]], budget: int = BUDGET) -> list[T]:
    """Run a step on every batch, and put the results into the order of the rows; equal rows are computed once."""
    first: dict[tuple[tuple[str, tuple[int, ...]], ...], int] = {}
    owner = [first.setdefault(tuple((k, tuple(v)) for k, v in row.items()), index) for index, row in enumerate(rows)]
    unique = sorted(first.values())
    found: dict[int, T] = {}
    for batch in batches([rows[index] for index in unique], budget):
        indices = [unique[position] for position in batch]
        for index, result in zip(indices, step(indices), strict=True):
            found[index] = result
    return [found[index] for index in owner]


def pad(rows: Sequence[Sequence[int]], value: int, *, left: bool = False) -> torch.Tensor:
    """Pad rows to the longest of them, shape ``[rows, longest]``."""
    longest = max(map(len, rows))
    filled = [
        [value] * (longest - len(row)) + list(row) if left else list(row) + [value] * (longest - len(row))
        for row in rows
    ]
    return torch.tensor(filled, dtype=torch.long)
