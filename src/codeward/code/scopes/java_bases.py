"""What a class of Java inherits: the members of bases that stand in the text are found, of others nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeward.code._table import words
from codeward.code.scopes.model import Role, Scope

if TYPE_CHECKING:
    from codeward.code.scopes.java import JavaWalk

CALL = "()"
"""The name space of methods."""
_PLAIN = words("Object Runnable Callable Serializable Cloneable Comparable Supplier Function Consumer ActionListener")
"""Classes and interfaces from which nothing is inherited that code calls without an object."""
_HEADS = frozenset({"superclass", "super_interfaces", "extends_interfaces"})


class Bases:
    """The classes of a text, and from what they inherit.

    Args:
        walk: The walk.
    """

    def __init__(self, walk: JavaWalk) -> None:
        self._walk = walk
        self._classes: dict[str, Scope] = {}
        self._bases: list[tuple[Scope, int]] = []
        """The scope of each class, and the name's node of each class or interface that it inherits from."""
        self._supers: list[tuple[int, Scope]] = []

    def add(self, node: int, name: int | None, scope: Scope) -> None:
        """Note a class with a name, and its bases."""
        tree = self._walk.tree
        if name is not None:
            self._classes[tree.words(name)] = scope
        for each in tree.children(node):
            if tree.kinds[each] in _HEADS:
                self._inherit(each, scope)

    def add_made(self, body: int, scope: Scope) -> None:
        """Note the base of a class without a name, if a body is one's."""
        tree = self._walk.tree
        made = tree.parents[body]
        base = tree.child(made, "type") if tree.kinds[made] == "object_creation_expression" else None
        if base is not None:
            self._inherit(base, scope)

    def call(self, name: int) -> None:
        """Note a method that is called by ``super``."""
        if self._walk.claim(name):
            self._supers.append((name, self._walk.scope(name).nearest("class")))

    def join(self) -> None:
        """Join classes with their bases."""
        for scope, node in self._bases:
            name = self._walk.name(node)
            base = self._classes.get(name)
            if base is not None and base is not scope:
                scope.also.append(base)
            elif name not in _PLAIN:
                scope.partial = True

    def resolve(self) -> None:
        """Find the methods that are called by ``super``."""
        for node, scope in self._supers:
            name = self._walk.name(node)
            found = next((each for base in scope.also if (each := base.find(name + CALL)) is not None), None)
            if found is None:
                found = self._walk.common(Role.FIELD, name, "super")
            self._walk.attach(node, found)

    def _inherit(self, node: int, scope: Scope) -> None:
        """Note the class or interface that a type names, or those of a list."""
        tree, kind = self._walk.tree, self._walk.tree.kinds[node]
        names = [each for each in tree.children(node) if tree.kinds[each] == "type_identifier"]
        if kind == "type_identifier":
            self._bases.append((scope, node))
        elif kind == "scoped_type_identifier" and names:
            self._bases.append((scope, names[-1]))
        else:
            for each in tree.kids(node)[: 1 if kind == "generic_type" else None]:
                self._inherit(each, scope)
