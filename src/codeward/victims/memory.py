"""Memory that a training frees in one step is wanted again in the next; what a long run over many rows frees is not."""

import ctypes
import os
import sys
from pathlib import Path

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt`` (``malloc.h``)."""
RESIDENT = Path("/proc/self/statm")
WARM, GROWN = 10, 1.6
"""Steps in which a heap finds its size, and how many times that it may take before its holes are handed back."""


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, instead of asking the kernel for cleared pages at every step.

    glibc hands large blocks back at once; with logits over a vocabulary a fifth of a training's processor time goes into
    clearing them again. Does nothing where there is no glibc.

    Returns:
        Whether it was done.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(MMAP_MAX, 0)) and bool(mallopt(TRIM_THRESHOLD, 2**31 - 1))


def give_back_memory() -> bool:
    """Hand what is free to the kernel, in the middle of the heap, too.

    Rows of ever other lengths leave holes in glibc's heap, which grows by 5 KiB a row under ``codeward purify`` without this.

    Returns:
        Whether anything was handed back.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0))


def resident() -> int:
    """Return the bytes of memory that this process holds; 0 where the system does not say."""
    try:
        return int(RESIDENT.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


class Heap:
    """The heap of a process that keeps what it frees, over the steps of a training.

    Batches of ever other lengths leave holes: what is 3.9 GB in the first steps of a mini encoder-decoder is 5.5 GB twelve steps
    later, and was 12 GB while each tidying found the size anew, from a heap that was growing.
    """

    def __init__(self) -> None:
        self._usual = self._steps = 0

    def step(self) -> bool:
        """Take note of a step's end, and hand the holes back once the heap is much larger than it was in the first steps.

        Returns:
            Whether they were handed back.
        """
        held = resident()
        self._steps += 1
        if self._steps <= WARM:
            self._usual = max(self._usual, held)
        if held <= GROWN * self._usual:
            return False
        handed = give_back_memory()
        self._usual = max(self._usual, resident())  # what is in use by now cannot be handed back at every step
        return handed
