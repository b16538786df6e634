"""Methods of other packages: which can be used, and whose fault it is where one behaves otherwise than its base class says."""

import inspect
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar, get_origin

from codeward.errors import CodewardError

OWN = __name__.partition(".")[0]

_titles: dict[type, str] = {}
"""What a registered class is called, such as ``attack 'comment-fixed'``."""


class PluginWarning(UserWarning):
    """A method of another package is left out, since it cannot be used."""


class PluginError(CodewardError):
    """A method behaves otherwise than its base class says; the message names it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A method of another package that cannot be used."""

    noun: str
    """Of which family it is, such as ``attack``."""
    point: EntryPoint
    problem: str
    """Why not, in half a sentence."""

    @property
    def package(self) -> str:
        """The distribution that it comes from."""
        found = getattr(self.point, "dist", None)
        return str(found.name) if found else "an unknown package"

    def __str__(self) -> str:
        where = getattr(self.point, "value", "")
        return (
            f"the {self.noun} {self.point.name!r} of the package {self.package!r} ({where}) is left out: {self.problem}; "
            "correct the package, or uninstall it"
        )


def load_point(point: EntryPoint) -> tuple[object, str]:
    """Import what an entry point names.

    Returns:
        What was found, and why nothing was (empty: something was).
    """
    try:
        return point.load(), ""
    except Exception as problem:  # noqa: BLE001 - whatever a package raises while it is imported, it must not stop the rest
        return None, f"it cannot be imported ({_told(problem)})"


def flaw(found: object, base: type) -> str:
    """Say why a class cannot be a method of a family.

    Args:
        found: What an entry point names.
        base: The family's base class.

    Returns:
        Half a sentence; empty where it can.
    """
    if not isinstance(found, type):
        return f"it is no class, but a value of type {type(found).__name__}"
    if not issubclass(found, base):
        return f"the class does not derive from {base.__module__.replace('._base', '')}.{base.__name__}"
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        return f"the class does not write {' and '.join(missing)}"
    if "__pydantic_fields__" not in vars(found):
        return "the class is not under @method (codeward.registry.method)"
    unset = [name for name in _facts(base) if not hasattr(found, name)]
    return f"the class does not set {' and '.join(unset)}" if unset else ""


def _facts(base: type) -> list[str]:
    """Return the class variables that a base names and its methods have to set."""
    every = [inspect.get_annotations(each) for each in base.__mro__ if each is not object]
    named = [name for own in every for name, hint in own.items() if ClassVar in (hint, get_origin(hint))]
    return [name for name in dict.fromkeys(named) if not hasattr(base, name)]


def entitle(cls: type, title: str) -> None:
    """Keep what a class is called in messages."""
    _titles[cls] = title


def title_of(method: object) -> str:
    """Return what a method is called in messages: its name, and where it comes from unless that is Codeward."""
    cls = type(method)
    title = _titles.get(cls, cls.__qualname__)
    return title if _is_own(cls) else f"{title} (of {cls.__module__})"


@contextmanager
def blaming(method: object, hook: str) -> Iterator[None]:
    """Tell what a method of another package raises, in what its author wrote, under the method's name.

    Args:
        method: The method.
        hook: Which part of it runs in the block.

    Raises:
        PluginError: If it raises what is not one of Codeward's own errors.
    """
    try:
        yield
    except CodewardError:
        raise
    except Exception as problem:
        if _is_own(type(method)):
            raise
        at = traceback.extract_tb(problem.__traceback__)[-1]
        raise PluginError(
            f"{title_of(method)}: {hook} raised {_told(problem)} in {at.filename}, line {at.lineno}; correct the method"
        ) from problem


def wrong(method: object, hook: str, wanted: str, got: object, told: str = "") -> PluginError:
    """Return the error for a method that returned what its base class does not ask for.

    Args:
        method: The method.
        hook: Which part of it returned it.
        wanted: What it should have returned.
        got: What it did.
        told: What that is, where its type does not say it.
    """
    return PluginError(
        f"{title_of(method)}: {hook} has to return {wanted}, not {told or _kind_of(got)}; correct the method"
    )


def _kind_of(got: object) -> str:
    """Return in words what kind of value a method returned."""
    if got is None:
        return "None"
    name = type(got).__name__
    if isinstance(got, list | tuple):
        inside = ", ".join(sorted({type(each).__name__ for each in got})[:3])
        return f"a {name} of {len(got)}" + (f" ({inside})" if inside else "")
    shape = getattr(got, "shape", None)
    return f"a value of type {name}" if shape is None else f"a {name} of shape {list(shape)}"


def _is_own(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == OWN


def _told(problem: BaseException) -> str:
    first = str(problem).strip().split("\n", 1)[0]
    return f"{type(problem).__name__}: {first}" if first else type(problem).__name__
