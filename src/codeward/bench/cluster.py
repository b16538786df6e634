"""Steps on the machines of a Ray cluster."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codeward.bench.attempt import ATTEMPTS, work
from codeward.bench.step import Step
from codeward.bench.store import Done
from codeward.errors import MissingExtraError, UsageError

ANSWER = 5.0
"""Seconds in which a cluster has to answer."""
NO_CLUSTER = "no Ray cluster answers at {}; start one with: ray start --head"


class OnRay:
    """Workers of a Ray cluster; the store's folder has to be on storage that all its machines share.

    Args:
        store: The store's folder.
        address: Of the cluster; ``local`` starts one on this machine, ``auto`` takes the running one.
        threads: Processors of each step.

    Raises:
        MissingExtraError: If Ray is not installed.
        UsageError: If no cluster answers, or none of its nodes has the processors of a step.
    """

    def __init__(self, store: Path, address: str, threads: int) -> None:
        try:
            import ray
        except ImportError:
            raise MissingExtraError("ray", "--executor ray") from None
        self.ray = ray
        self.store, self.threads = store, threads
        _check_address(address)
        with _quiet(), _keeping_sigterm():
            try:
                ray.init(address=address, log_to_driver=False, ignore_reinit_error=True, logging_level=logging.ERROR)
            except ConnectionError:
                raise UsageError(NO_CLUSTER.format(address)) from None
        self._check_width()
        # A worker that dies is replaced, and its step done again; what it had finished is in the store.
        environment = {"OMP_NUM_THREADS": str(threads)}
        self.remote = ray.remote(num_cpus=threads, max_retries=ATTEMPTS - 1, runtime_env={"env_vars": environment})(
            work
        )
        self.running: dict[Any, Step] = {}

    @property
    def room(self) -> int:
        """How many steps the cluster's processors take, and one more for each, so that no machine waits for the next."""
        found: dict[str, float] = self.ray.cluster_resources()  # type: ignore[no-untyped-call]
        processors = found.get("CPU", 1)
        return max(1, 2 * int(processors / self.threads))

    def submit(self, step: Step) -> None:
        """Hand a step to the cluster."""
        self.running[self.remote.remote(str(self.store), step.as_json())] = step

    def next(self) -> Done:
        """Return how the next step ended."""
        (ended, *_), _ = self.ray.wait(list(self.running), num_returns=1)
        step = self.running.pop(ended)
        try:
            done: Done = self.ray.get(ended)
        except self.ray.exceptions.RayError as problem:
            return Done(step.key, problem=f"its worker was lost: {str(problem).splitlines()[0]}")
        return done

    def close(self) -> None:
        """Leave the cluster."""
        for each in self.running:
            self.ray.cancel(each, force=True)
        self.ray.shutdown()

    def _check_width(self) -> None:
        """Refuse, and leave the cluster, where a step is wider than any node: Ray would wait for a wider one for good."""
        nodes: list[dict[str, Any]] = self.ray.nodes()  # type: ignore[no-untyped-call]
        widest = max((node["Resources"].get("CPU", 0) for node in nodes if node["Alive"]), default=0)
        if self.threads > widest:
            self.ray.shutdown()
            raise UsageError(
                f"--threads {self.threads} is more than the processors of the cluster's largest node ({widest:g}), on which "
                "no step would ever begin; give fewer, or add a larger node first"
            )


def _check_address(address: str) -> None:
    """Refuse an address at which nothing listens: Ray itself would wait for minutes, and then end the process."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator:
        return
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
    except (OSError, ValueError):
        raise UsageError(NO_CLUSTER.format(address)) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray's greeting from standard error."""
    kept, sys.stderr = sys.stderr, open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = kept


@contextlib.contextmanager
def _keeping_sigterm() -> Iterator[None]:
    """Leave SIGTERM to whoever minds it: Ray would take it over, and end the process with an exit code of its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not signal.SIG_DFL and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
