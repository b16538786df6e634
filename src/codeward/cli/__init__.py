"""The ``codeward`` command: a thin skin, one verb a module, heavy imports inside the verbs."""

import errno
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from codeward.errors import CodewardError
from codeward.registry.plugins import PluginWarning

INTERRUPTED = 128 + signal.SIGINT
FAILED = 4
CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "64"}
"""How many kernels torch keeps on a CPU, one for each shape of a bf16 batch; by default so many that memory grows for hours."""
STREAMING = "purify"
"""The verb that this is for; a training meets the same shapes again and again, and would make them anew each time."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Exit codes: 0 done, 1 something was found, 2 wrong usage, 3 inconclusive, 4 failed, 130 interrupted.
    """
    from codeward.cli._app import app
    from codeward.cli._console import error

    given = sys.argv[1:] if argv is None else list(argv)
    for name, value in CACHES.items() if given[:1] == [STREAMING] else ():
        os.environ.setdefault(name, value)
    try:
        with _noting_plugins():
            result = app(args=None if argv is None else list(argv), standalone_mode=False, prog_name="codeward")
    except CodewardError as problem:
        error(str(problem))
        return problem.exit_code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as problem:
        error(_describe(problem))
        return FAILED
    except Exception as problem:  # noqa: BLE001 - whatever it is, exit code 1 would say that something was found
        shown = _usage_error(problem)
        return _crashed(problem) if shown is None else shown
    if result == INTERRUPTED:
        return _interrupted()
    return result if isinstance(result, int) else 0


@contextmanager
def _noting_plugins() -> Iterator[None]:
    """Tell of packages whose methods cannot be used in one plain line each."""
    from codeward.cli._console import note

    with warnings.catch_warnings():
        usual = warnings.showwarning

        def told(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, PluginWarning):
                note(f"warning: {message}")
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = told
        yield


def _crashed(problem: Exception) -> int:
    """Show what nobody foresaw with its traceback; 1 would say that something was found."""
    from codeward.cli._console import error

    traceback.print_exception(problem)
    error(f"this is a bug in Codeward ({type(problem).__name__}: {problem}); please report it with the lines above")
    return FAILED


def _interrupted() -> int:
    from codeward.cli._console import error

    error("interrupted; run the same command again to go on where it stopped")
    return INTERRUPTED


def _describe(problem: OSError) -> str:
    where = f"{problem.filename}: " if problem.filename else ""
    if problem.errno == errno.ENOSPC:
        return f"{where}the disk is full; free some space and run the same command again"
    return f"{where}{(problem.strerror or str(problem)).lower()}"


def _usage_error(problem: Exception) -> int | None:
    """Show a wrong command line as one sentence; ``None`` for anything that is not one."""
    from codeward.cli._console import error
    from codeward.report.wording import sentence

    if type(problem).__name__ == "Abort":
        return _interrupted()
    message = getattr(problem, "format_message", None)
    if message is None:
        return None
    context = getattr(problem, "ctx", None)
    hint = f" See: {context.command_path} --help" if context is not None else ""
    error(f"{sentence(message())}{hint}")
    return int(getattr(problem, "exit_code", 2))
