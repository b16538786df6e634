"""Memory that a training frees in one step is wanted again in the next; what a long run over many rows frees is not."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt`` (``malloc.h``)."""


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
