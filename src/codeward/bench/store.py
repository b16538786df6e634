"""The store: the results of finished steps in a folder, each whole or not there at all."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward.bench.step import Step
from codeward.errors import DataError, RateError, UnfitError, UsageError
from codeward.files import new_folder

FILE = "step.json"
STALE = 24 * 3600.0
"""Seconds after which a folder in the making is a dead one's."""
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
        """Do a step and keep what it writes.

        Args:
            step: The step.
            work: Writes to the folder that it is given, and returns seconds, problem and host.
        """
        place = self.place(step.key)
        with new_folder(place) as folder:
            seconds, problem, host = work(folder)
            seconds = round(seconds, 3)
            about: dict[str, Any] = {
                **step.as_json(),
                "seconds": seconds,
                "problem": problem,
                "host": host,
            }
            (folder / FILE).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return Done(step.key, seconds, problem, host, refused=bool(problem))

    def sweep(self) -> None:
        """Remove what steps that were killed left behind: nothing young, since another run may share the store."""
        for folder in self.folder.glob(".*"):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > STALE:
                shutil.rmtree(folder, ignore_errors=True)
