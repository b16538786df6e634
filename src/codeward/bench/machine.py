"""What a machine has to spare: how many workers fit into its processors and its memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MEMORY = 6 << 30
"""Bytes that a worker is given: a mini encoder-decoder in training was seen to take them."""
GROUPS = Path("/sys/fs/cgroup")
"""Where Linux tells how much memory a container, or a job of a batch system, may take."""


def fitting(threads: int) -> int:
    """Return how many workers fit into this machine's processors and into the memory that is free."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores // threads, memory() // MEMORY))


def memory(groups: Path = GROUPS, system: Path = Path("/proc")) -> int:
    """Return how many bytes new processes may take: what is free, or less where this one is given less.

    Args:
        groups: Where the limits of groups of processes stand.
        system: Where the kernel tells what is free.
    """
    return min([_free(system), *_limits(groups, system)])


def _free(system: Path) -> int:
    try:
        rows = dict(line.split(":") for line in (system / "meminfo").read_text(encoding="utf-8").splitlines())
        return int(rows["MemAvailable"].split()[0]) << 10
    except (OSError, ValueError, KeyError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return MEMORY


def _limits(groups: Path, system: Path) -> Iterator[int]:
    """Return the limits of the groups that this process is in, from the innermost to that of the whole machine."""
    try:
        own = [line.split(":", 2) for line in (system / "self/cgroup").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return
    for _, controllers, path in own:
        if not controllers:
            yield from _along(groups, path, "memory.max")
        elif "memory" in controllers.split(","):  # the older kind
            yield from _along(groups / "memory", path, "memory.limit_in_bytes")


def _along(top: Path, path: str, name: str) -> Iterator[int]:
    """Return the numbers in the files of a name in a folder and in those above it."""
    place = top / path.strip("/")
    for each in [place, *place.parents][: len(place.parts) - len(top.parts) + 1]:
        with suppress(OSError, ValueError):  # there is none, or it says "max"
            yield int((each / name).read_text(encoding="utf-8"))
