"""Where steps run: in processes of this machine, or on the machines of a Ray cluster. Both do the same work."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from codeward.bench.cluster import OnRay
from codeward.bench.local import Local
from codeward.bench.machine import fitting
from codeward.bench.step import Step
from codeward.bench.store import Done
from codeward.errors import UnknownNameError, UsageError

EXECUTORS = ("local", "ray")
RUNNING = "auto"
"""The address of the cluster that is running; any other one is given by the user."""


class Executor(Protocol):
    """Runs steps; what it is told is only that they are ready."""

    @property
    def room(self) -> int:
        """How many steps it can work on at once."""

    def submit(self, step: Step) -> None:
        """Begin a step, or put it into the queue."""

    def next(self) -> Done:
        """Wait until any step ends, well or not, and return how."""


@contextlib.contextmanager
def executor(name: str, store: Path, *, workers: int, threads: int, address: str) -> Iterator[Executor]:
    """Give an executor by name, and end it.

    Args:
        name: ``local`` or ``ray``.
        store: The store's folder.
        workers: How many steps run side by side on this machine; 0: as many as fit.
        threads: Processors of each step.
        address: Of the Ray cluster.

    Raises:
        UnknownNameError: If there is none of that name.
        UsageError: If a setting would have no effect, or no cluster can do the steps.
    """
    check_executor(name, workers=workers, address=address)
    made = OnRay(store, address, threads) if name == "ray" else Local(store, workers or fitting(threads), threads)
    try:
        yield made
    finally:
        made.close()


def check_executor(name: str, *, workers: int = 0, address: str = RUNNING) -> None:
    """Refuse a name that no executor has, and settings that are another one's.

    Raises:
        UnknownNameError: If there is none of that name.
        UsageError: If a setting would have no effect.
    """
    if name not in EXECUTORS:
        raise UnknownNameError("executor", name, EXECUTORS)
    if name == "ray" and workers:
        raise UsageError(
            f"--workers {workers} has no effect on a Ray cluster, whose processors and --threads say how many steps run side by "
            "side; leave it out"
        )
    if name == "local" and address != RUNNING:
        raise UsageError(
            f"--address {address} has no effect on steps that run on this machine; leave it out, or add --executor ray"
        )
