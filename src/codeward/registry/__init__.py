"""Registries: a method is a frozen keyword-only dataclass, its fields are its options, and one decorator lists it.

A registry finds its package's modules by itself, takes third-party methods from entry points (group
``codeward.<noun>s``), builds a method from options given as text or values, and answers an unknown name or option
with what is allowed and the nearest match. A third-party method that cannot be used is set aside with a warning; what one does wrong
later is told under its name (``plugins``).
"""

import dataclasses
import importlib
import inspect
import pkgutil
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, cast, dataclass_transform, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from codeward.errors import OptionError, UnknownNameError, UsageError
from codeward.registry.plugins import Broken, PluginWarning, entitle, flaw, load_point

T = TypeVar("T")
C = TypeVar("C", bound=type)

_DISCOVERING = threading.RLock()
"""Held while a registry looks for its methods: one lock for all, as the modules of one family may ask another one."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
def method(cls: type[T]) -> type[T]:
    """Make a class a method: a frozen, keyword-only dataclass whose options are validated and documented.

    The docstring under a field becomes the option's description.
    """
    config = ConfigDict(extra="forbid", use_attribute_docstrings=True, arbitrary_types_allowed=True)
    decorated: Any = pydantic_dataclass(cls, frozen=True, kw_only=True, config=config)
    return cast("type[T]", decorated)


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One option of a method."""

    name: str
    type: str
    default: object
    description: str


class Registry(Generic[T]):
    """The methods of one family, by name.

    Args:
        noun: What one of them is called, such as ``attack``.
        package: The package whose public modules define them.
        plural: What several are called; unset: the noun with an s.
    """

    def __init__(self, noun: str, package: str, *, plural: str | None = None) -> None:
        self.noun = noun
        self.plural = plural or f"{noun}s"
        self.package = package
        self._methods: dict[str, type[T]] = {}
        self._names: dict[type[T], str] = {}
        self._broken: list[Broken] = []
        self._discovered = False
        self._discovering = False

    def register(self, name: str) -> Callable[[C], C]:
        """Return the decorator that lists a class under a name.

        Raises:
            UsageError: If another class already has the name.
        """

        def decorate(cls: C) -> C:
            known = self._methods.get(name)
            if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise UsageError(f"two {self.plural} are called {name!r}: {known.__module__} and {cls.__module__}")
            self._methods[name] = cls
            self._names[cls] = name
            entitle(cls, f"{self.noun} {name!r}")
            return cls

        return decorate

    def names(self) -> list[str]:
        """Return every registered name, sorted."""
        self._discover()
        return sorted(self._methods)

    def broken(self) -> list[Broken]:
        """Return the third-party methods that cannot be used, and why."""
        self._discover()
        return list(self._broken)

    def get(self, name: str) -> type[T]:
        """Return the class of a name.

        Raises:
            UnknownNameError: If nothing has that name.
        """
        self._discover()
        if name not in self._methods:
            raise UnknownNameError(self.noun, name, self._methods)
        return self._methods[name]

    def name_of(self, method: T | type[T]) -> str:
        """Return the name under which a method, or its class, is registered; its class's own where nobody has registered it."""
        cls = method if isinstance(method, type) else type(method)
        return self._names.get(cls, cls.__name__)

    def make(self, name: str, options: Mapping[str, object] | None = None) -> T:
        """Build a method from its name and options; texts are converted to the option's type.

        Raises:
            UnknownNameError: If nothing has that name.
            OptionError: If the method has no such option or does not take the value.
        """
        cls = self.get(name)
        given = dict(options or {})
        known = [option.name for option in self.options(name)]
        for key in given:
            if key not in known:
                close = get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise OptionError(
                    f"{self.noun} {name!r} has no option {key!r}.{hint} It takes: {', '.join(known) or 'none'}."
                )
        try:
            return TypeAdapter(cls).validate_python(given)
        except ValidationError as error:
            raise OptionError(f"{self.noun} {name!r}: {_first_problem(error)}") from None

    def options(self, name: str) -> list[Option]:
        """Return a method's options with type, default and description."""
        cls: Any = self.get(name)
        described = getattr(cls, "__pydantic_fields__", {})
        return [
            Option(
                field.name,
                _type_name(field.type),
                None
                if described[field.name].default is dataclasses.MISSING
                else described[field.name].get_default(call_default_factory=True),
                _description(cls, field.name),
            )
            for field in dataclasses.fields(cls)
        ]

    def settings(self, method: T) -> dict[str, object]:
        """Return a method's resolved options, defaults included, as JSON values."""
        dumped: dict[str, object] = TypeAdapter(type(method)).dump_python(method, mode="json")
        return dumped

    def summary(self, name: str) -> str:
        """Return the first line of a method's documentation (its file's; its class's where a file holds several)."""
        cls = self.get(name)
        shares_file = sum(each.__module__ == cls.__module__ for each in self._methods.values()) > 1
        text = inspect.cleandoc(cls.__doc__ or "") if shares_file else self.documentation(name)
        return text.split("\n", 1)[0]

    def documentation(self, name: str) -> str:
        """Return a method's documentation: its file's docstring, which holds the citation and the departures."""
        cls = self.get(name)
        module = inspect.getmodule(cls)
        return inspect.cleandoc(module.__doc__ if module and module.__doc__ else cls.__doc__ or "")

    def _discover(self) -> None:
        """Find all methods, once; other threads wait until that is done, and after an error the next use tries again."""
        if self._discovered:
            return
        with _DISCOVERING:
            if self._discovered or self._discovering:  # a module that is being imported may ask what there is so far
                return
            self._discovering = True
            try:
                self._find()
                self._discovered = True
            finally:
                self._discovering = False

    def _find(self) -> None:
        """Import the package's modules, and take what other packages name."""
        self._broken.clear()
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_") and not module.ispkg:
                importlib.import_module(f"{self.package}.{module.name}")
        for point in entry_points(group=f"codeward.{self.plural}"):
            self._take(point)

    def _take(self, point: EntryPoint) -> None:
        """List a third-party method; one that cannot be used is set aside with a warning, and stops nothing else."""
        found, problem = load_point(point)
        problem = problem or flaw(found, self._base())
        if not problem:
            try:
                self.register(point.name)(cast("type[T]", found))
            except UsageError as taken:
                problem = str(taken)
        if problem:
            self._broken.append(Broken(self.noun, point, problem))
            warnings.warn(str(self._broken[-1]), PluginWarning, stacklevel=2)

    def _base(self) -> type:
        """Return the class that all methods derive from: that for which the registry is declared in the family's ``_base``."""
        module = sys.modules.get(f"{self.package}._base")
        declared = inspect.get_annotations(module) if module else {}
        mine = [hint for name, hint in declared.items() if getattr(module, name, None) is self]
        base: type = get_args(mine[0])[0] if mine else object
        return base


def _description(cls: type, option: str) -> str:
    """Return the docstring under a field, which stands in the class that declares it: maybe a base."""
    for owner in cls.__mro__:
        field = vars(owner).get("__pydantic_fields__", {}).get(option)
        if field is not None and field.description:
            return inspect.cleandoc(field.description)
    return ""


def _type_name(annotation: object) -> str:
    """Return a type as a reader would write it: constraints left out, choices as ``a | b``."""
    if get_origin(annotation) is Annotated:
        return _type_name(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return " | ".join(str(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return " | ".join(_type_name(part) for part in get_args(annotation))
    if annotation is NoneType:
        return "None"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"]) or "options"
    return f"option {where} = {problem['input']!r} does not fit: {problem['msg']}"
