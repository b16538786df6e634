"""Where steps run: in processes of this machine, or on the machines of a Ray cluster. Both do the same work."""

import contextlib
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from codeward.bench.step import Step
from codeward.bench.store import Done, Store
from codeward.errors import CodewardError, MissingExtraError, UnknownNameError, UsageError

MEMORY = 6 << 30
"""Bytes that a worker is given: a mini encoder-decoder in training was seen to take them."""
EXECUTORS = ("local", "ray")
RUNNING = "auto"
"""The address of the cluster that is running; any other one is given by the user."""
ANSWER = 5.0
"""Seconds in which a cluster has to answer."""
NO_CLUSTER = "no Ray cluster answers at {}; start one with: ray start --head"
ATTEMPTS = 3
"""How often a step is tried whose worker is killed."""


class Executor(Protocol):
    """Runs steps; what it is told is only that they are ready."""

    @property
    def room(self) -> int:
        """How many steps it can work on at once."""

    def submit(self, step: Step) -> None:
        """Begin a step, or put it into the queue."""

    def next(self) -> Done:
        """Wait until any step ends, well or not, and return how."""


def work(folder: str, row: Mapping[str, Any]) -> Done:
    """Do a step in a worker; any problem becomes a sentence, and one that nobody foresaw leaves its traceback in the store.

    Args:
        folder: The store.
        row: The step as JSON values.
    """
    from codeward.bench.work import do

    step = Step.from_json(row)
    if not Path(folder).is_dir():
        problem = f"{folder} is not there on {socket.gethostname()}; give a folder that all machines share"
        return Done(step.key, problem=problem)
    log = Path(folder) / f"{step.key}.log"
    try:
        done = do(Store(Path(folder)), step)
        with contextlib.suppress(OSError):
            log.unlink()  # of an earlier try
        return done
    except CodewardError as problem:
        return Done(step.key, problem=str(problem))
    except Exception as problem:  # noqa: BLE001 - one step's failure is a line in the table, not the end of the grid
        with contextlib.suppress(OSError):  # a full disk may be the very problem
            log.write_text(f"{step.label}\n{traceback.format_exc()}", encoding="utf-8")
        return Done(step.key, problem=f"{type(problem).__name__}: {problem} (all of it: {log})")


class Local:
    """Processes of this machine.

    Args:
        store: The store's folder.
        workers: How many steps run side by side.
        threads: Threads of each.
    """

    def __init__(self, store: Path, workers: int, threads: int) -> None:
        self.store, self.workers, self.threads = store, workers, threads
        self.pool = self._new_pool()
        self.running: dict[Future[Done], Step] = {}
        self.attempts: dict[str, int] = {}

    @property
    def room(self) -> int:
        """How many processes there are."""
        return self.workers

    def submit(self, step: Step) -> None:
        """Put a step into the queue of the pool."""
        try:
            future = self.pool.submit(work, str(self.store), step.as_json())
        except BrokenProcessPool:
            self.pool = self._new_pool()
            future = self.pool.submit(work, str(self.store), step.as_json())
        self.running[future] = step

    def next(self) -> Done:
        """Return how the next step ended; one whose worker was killed is tried again."""
        while True:
            ended, _ = wait(self.running, return_when=FIRST_COMPLETED)
            future = next(each for each in self.running if each in ended)
            step = self.running.pop(future)
            try:
                return future.result()
            except BrokenProcessPool:
                # All steps of a broken pool end like this, so each counts as one attempt.
                self.attempts[step.key] = self.attempts.get(step.key, 0) + 1
                if self.attempts[step.key] >= ATTEMPTS:
                    return Done(step.key, problem=f"its worker was killed {ATTEMPTS} times (out of memory?)")
                self.submit(step)

    def close(self) -> None:
        """End the workers, and wait for the pool's own thread: what is left of it at exit leaves a traceback."""
        for process in list((getattr(self.pool, "_processes", None) or {}).values()):
            process.terminate()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.workers, mp_context=get_context("spawn"), initializer=_prepare, initargs=(self.threads, os.getpid())
        )


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
        with _quiet():
            try:
                ray.init(address=None if address == "local" else address, log_to_driver=False, ignore_reinit_error=True)
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


def _check_address(address: str) -> None:
    """Refuse an address at which nothing listens: Ray itself would wait for minutes, and then end the process."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator:
        return
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
    except (OSError, ValueError):
        raise UsageError(NO_CLUSTER.format(address)) from None


def fitting(threads: int) -> int:
    """Return how many workers fit into this machine's processors and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        memory = MEMORY
    return max(1, min(cores // threads, memory // MEMORY))


def _prepare(threads: int, parent: int) -> None:
    """Prepare a worker, before it imports anything that counts the processors; it ends when the bench is killed."""
    os.environ["OMP_NUM_THREADS"] = str(threads)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray's greeting from standard error."""
    kept, sys.stderr = sys.stderr, open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = kept
