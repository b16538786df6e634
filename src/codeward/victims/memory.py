"""Memory that a training frees in one step is wanted again in the next."""

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
