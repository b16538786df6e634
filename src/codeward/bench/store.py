"""The store: the results of finished steps in a folder, each whole or not there at all."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward.bench.step import Step
from codeward.errors import DataError, RateError, UnfitError, UsageError
from codeward.files import new_folder

FILE = "step.json"
PULSE = 60.0
"""Seconds between two signs of life in a folder in the making."""
STALE = 3600.0
"""Seconds without one after which it is a dead one's; clocks of machines that share a store may differ by minutes."""
REFUSALS = (UsageError, UnfitError, RateError)
"""Problems that lie in the step itself: they would come again, so they are kept like a result, and nothing else is."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a step ended."""

    key: str
    seconds: float = 0.0
    problem: str = ""
    """The sentence with which it was refused or failed; empty: it went well."""
    host: str = ""
    refused: bool = False
    """Whether the problem lies in the step itself, or in one that it needs, and would come again."""


class Store:
    """Results by step.

    Args:
        folder: Where they lie; one folder a step.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, key: str) -> Path:
        """Return a step's folder."""
        return self.folder / key

    def find(self, key: str) -> Done | None:
        """Return how a step ended; ``None`` where it has not.

        Raises:
            DataError: If what is kept of it cannot be read.
        """
        file = self.place(key) / FILE
        try:
            row = json.loads(file.read_text(encoding="utf-8"))
            return Done(key, row["seconds"], row["problem"], row["host"], refused=bool(row["problem"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise DataError(
                f"{file}: damaged; remove the folder {file.parent} and run the same command again"
            ) from None

    def keep(self, step: Step, work: Callable[[Path], tuple[float, str, str]]) -> Done:
        """Do a step and keep what it writes, unless another run that shares the store has kept it in the meantime.

        Args:
            step: The step.
            work: Writes to the folder that it is given, and returns seconds, problem and host.
        """
        try:
            with new_folder(self.place(step.key)) as folder, _alive(folder):
                seconds, problem, host = work(folder)
                seconds = round(seconds, 3)
                about: dict[str, Any] = {
                    **step.as_json(),
                    "seconds": seconds,
                    "problem": problem,
                    "host": host,
                }
                (folder / FILE).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
                if (known := self.find(step.key)) is not None:
                    raise _KeptError(known)
        except _KeptError as kept:
            return kept.done
        return Done(step.key, seconds, problem, host, refused=bool(problem))

    def sweep(self) -> None:
        """Remove what steps that were killed left behind: nothing young, since another run may share the store."""
        for folder in self.folder.glob(".*"):
            with suppress(OSError):  # it has just vanished
                if folder.is_dir() and time.time() - _changed(folder) > STALE:
                    shutil.rmtree(folder, ignore_errors=True)


class _KeptError(Exception):
    """Another run has kept the step: others may be reading it, so it stays, and our folder goes."""

    def __init__(self, done: Done) -> None:
        super().__init__(done.key)
        self.done = done


@contextmanager
def _alive(folder: Path) -> Iterator[None]:
    """Have a folder tell again and again, while the block lasts, that somebody works in it."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(PULSE):
            with suppress(OSError):  # the folder has taken its place
                os.utime(folder)

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _changed(folder: Path) -> float:
    """Return when a folder, or anything in it, has changed last."""
    return max(each.lstat().st_mtime for each in [folder, *folder.rglob("*")])
