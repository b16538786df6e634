"""The errors a user can cause: each is one sentence with what, where and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class CodewardError(Exception):
    """Base of every error that Codeward raises on purpose; the command line prints it without a traceback."""

    exit_code = 4


class UsageError(CodewardError):
    """The request itself is wrong: a name, an option or a combination that does not exist."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that no registry, folder or table holds.

    Args:
        noun: What was looked for, such as ``attack``.
        name: What was given.
        allowed: The names that would have been right.
    """

    def __init__(self, noun: str, name: str, allowed: Iterable[str]) -> None:
        known = sorted(allowed)
        close = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"unknown {noun} {name!r}.{hint} It has to be one of: {', '.join(known) or 'none'}.")


class OtherTaskError(UsageError):
    """A data set that serves another task than the one that is asked for.

    Args:
        place: The data set.
        allowed: The tasks that it serves.
        task: What was asked for.
    """

    def __init__(self, place: object, allowed: Iterable[str], task: str) -> None:
        serves = " or ".join(map(repr, allowed))
        super().__init__(f"{place}: the data set is for task {serves}, not {task!r}")


class OptionError(UsageError):
    """An option that a method does not have, or a value that it does not take."""


class DataError(CodewardError):
    """A file or row that cannot be used; the message names the file and the line."""


class CodeError(CodewardError):
    """Source text that cannot be parsed or edited as asked."""


class RateError(CodewardError):
    """A poison rate that asks for more rows than the trigger fits."""


class ModelError(CodewardError):
    """A model folder that cannot be loaded, or that does not suit the task."""


class DivergedError(ModelError):
    """A training whose loss or weights became infinite or no numbers; it is lost, whatever checkpoints there are."""


class NonFiniteError(ModelError):
    """A model whose answers are NaN or infinite."""


class UnfitError(ModelError):
    """A method and a model that do not go together, whatever one tries."""


class MissingExtraError(CodewardError):
    """An optional dependency is needed and not installed.

    Args:
        package: The missing package.
        purpose: What it is needed for.
    """

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}, which is not installed: pip install {package}")
