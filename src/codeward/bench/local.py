"""Steps in processes of this machine: each has one of its own, so that one that is killed takes no other step with it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from codeward.bench.attempt import ATTEMPTS, work
from codeward.bench.step import Step
from codeward.bench.store import Done

Task = Callable[[str, Mapping[str, Any]], Done]
"""What a worker does with the store's folder and a step as JSON values."""
PATIENCE = 10.0
"""Seconds in which a worker has to end that is asked to: it removes what it was writing."""


class Local:
    """Processes of this machine.

    Args:
        store: The store's folder.
        workers: How many steps run side by side.
        threads: Threads of each.
        task: What is done with a step.
    """

    def __init__(self, store: Path, workers: int, threads: int, task: Task = work) -> None:
        self.store, self.room, self.threads, self.task = store, workers, threads, task
        self.workers: list[Worker] = []
        self.attempts: dict[str, int] = {}

    def submit(self, step: Step) -> None:
        """Hand a step to a process that is idle, or to a new one; there are never more steps than ``room``."""
        for worker in [each for each in self.workers if each.step is None]:
            if worker.process.is_alive():
                worker.begin(step)
                return
            self._discard(worker)
        self.workers.append(Worker(self.store, self.threads, self.task))
        self.workers[-1].begin(step)

    def next(self) -> Done:
        """Return how the next step ended; one whose worker was killed is tried again."""
        while True:
            busy = [each for each in self.workers if each.step is not None]
            ended = wait([each.pipe for each in busy])
            worker = next(each for each in busy if each.pipe in ended)
            step, done = worker.end()
            if done is not None:
                return done
            self._discard(worker)
            self.attempts[step.key] = self.attempts.get(step.key, 0) + 1
            if self.attempts[step.key] >= ATTEMPTS:
                return Done(step.key, problem=_killed(worker.process.exitcode))
            self.submit(step)

    def close(self) -> None:
        """End the workers, and wait until they have."""
        for worker in self.workers:
            worker.process.terminate()
        until = time.monotonic() + PATIENCE
        for worker in self.workers:
            worker.process.join(max(0, until - time.monotonic()))
            worker.process.kill()
        for worker in list(self.workers):
            self._discard(worker)

    def _discard(self, worker: "Worker") -> None:
        worker.process.join()
        worker.pipe.close()
        self.workers.remove(worker)


class Worker:
    """A process for one step after the other.

    Args:
        store: The store's folder.
        threads: Its threads.
        task: What it does with a step.
    """

    def __init__(self, store: Path, threads: int, task: Task) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.step: Step | None = None
        self.process = context.Process(target=_serve, args=(theirs, str(store), task, threads, os.getpid()))
        with _without_interrupts():
            self.process.start()
        theirs.close()  # so that the pipe tells when the process ends

    def begin(self, step: Step) -> None:
        """Hand over a step; where the process has just died, ``end`` tells."""
        self.step = step
        with suppress(OSError):
            self.pipe.send(step.as_json())

    def end(self) -> tuple[Step, Done | None]:
        """Return the step in its hands and how it ended; ``None``: the process was killed."""
        assert self.step is not None  # noqa: S101 - only busy ones are asked
        step, self.step = self.step, None
        try:
            done: Done = self.pipe.recv()
        except (EOFError, OSError):
            return step, None
        return step, done


def _killed(code: int | None) -> str:
    """Return the sentence for a step whose worker was killed each time."""
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return f"its worker was killed {ATTEMPTS} times ({how}; out of memory?); run the same command again with fewer --workers"


def _serve(pipe: Connection, store: str, task: Task, threads: int, parent: int) -> None:
    """Do steps until the pipe ends or the bench asks to end; what is half written is removed then."""
    _prepare(threads, parent)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(task(store, pipe.recv()))


def _prepare(threads: int, parent: int) -> None:
    """Prepare a worker, before it imports anything that counts the processors; it ends when the bench is killed."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    for name in ("SIGINT", "SIGHUP"):  # Ctrl-C and a terminal that is closed are the bench's to hear
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _end(*_: object) -> None:
    """Leave what is being done, so that it removes what it has half written."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + signal.SIGTERM)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have a process that starts in the block never hear Ctrl-C, also before it can say so itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
