"""What a name can mean: roles, entities with all their occurrences, and the scopes that declare them."""

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What an identifier names."""

    FUNCTION = "function"
    """A function or method that the text declares."""
    PARAMETER = "parameter"
    VARIABLE = "variable"
    FIELD = "field"
    """A member, an attribute, a key, a keyword of a call that is defined elsewhere: all with one text are one."""
    TYPE = "type"
    OTHER = "other"
    """Names that the text does not declare (callees, globals, macros), imports, labels, packages, enumerators."""


@dataclass(slots=True, eq=False)
class Entity:
    """What several occurrences of a name have in common."""

    name: str
    role: Role
    places: list[int] = field(default_factory=list)
    """Nodes of the tree."""
    since: int = 0
    """From which character on the name is visible in its scope."""
    fixed: str = ""
    """Why it cannot be renamed without changing what the code does; empty where it can."""
    method: bool = False
    """Whether it is a function that is called on an object."""

    def fix(self, reason: str) -> None:
        """Say why it cannot be renamed, unless something else says so already."""
        self.fixed = self.fixed or reason


@dataclass(slots=True, eq=False)
class Scope:
    """A stretch of text in which names are declared."""

    kind: str
    """``module``, ``function``, ``class``, ``block``, or one that a language's rules know."""
    parent: "Scope | None"
    names: dict[str, Entity] = field(default_factory=dict)
    elsewhere: dict[str, "Scope"] = field(default_factory=dict)
    """Names that are declared here, but belong to another scope (``global``, ``nonlocal``)."""
    also: list["Scope"] = field(default_factory=list)
    """Scopes whose names count as this one's after its own: those of base classes, and of namespaces in use."""
    partial: bool = False
    """Whether it may have names that the text does not show, as a class does that inherits from elsewhere."""

    def find(self, name: str) -> Entity | None:
        """Return whom a name means in this scope, or in those that count as part of it."""
        found = self.names.get(name)
        if found is not None or not self.also:
            return found
        return next((each for scope in self.whole() if (each := scope.names.get(name)) is not None), None)

    def whole(self) -> "list[Scope]":
        """Return this scope and, nearest first, all that count as part of it."""
        found = [self]
        for scope in found:
            found += [each for each in scope.also if each not in found]
        return found

    def nearest(self, *kinds: str) -> "Scope":
        """Return the innermost scope of some kinds that encloses this one, itself included, else the outermost."""
        scope = self
        while scope.kind not in kinds and scope.parent is not None:
            scope = scope.parent
        return scope
