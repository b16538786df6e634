"""One try at a step in a worker: whatever goes wrong becomes a sentence."""

import contextlib
import socket
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codeward.bench.step import Step
from codeward.bench.store import Done, Store
from codeward.errors import CodewardError

ATTEMPTS = 3
"""How often a step is tried whose worker is killed."""


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
        return Done(step.key, problem=_advised(str(problem), Store(Path(folder)), step))
    except Exception as problem:  # noqa: BLE001 - one step's failure is a line in the table, not the end of the grid
        with contextlib.suppress(OSError):  # a full disk may be the very problem
            log.write_text(f"{step.label}\n{traceback.format_exc()}", encoding="utf-8")
        return Done(step.key, problem=f"{type(problem).__name__}: {problem} (all of it: {log})")


def _advised(problem: str, store: Store, step: Step) -> str:
    """Add what to do where the problem lies in what an earlier step has left, which no later call would do again."""
    for key in step.inputs.values():
        place = store.place(key)
        if str(place) in problem:
            return f"{problem}; if it is damaged, remove the folder {place} and run the same command again"
    return problem
