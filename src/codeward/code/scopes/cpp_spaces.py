"""Namespaces and classes of C++ as scopes: joined where they are opened again, and found by the names before ``::``."""

from codeward.code.scopes.model import Scope


class Spaces:
    """The named scopes of a text.

    Args:
        root: The scope that ``::x`` means.
    """

    def __init__(self, root: Scope) -> None:
        self._root = root
        self._inner: dict[tuple[Scope, str], Scope] = {}
        self.classes: dict[str, Scope] = {}
        """The scopes of structures and classes by their names."""

    def open(self, outer: Scope, name: str, *, inline: bool = False) -> Scope:
        """Return the scope of a namespace within another; the names of an inline one belong to the outer one."""
        return self._inner.setdefault((outer, name), outer if inline else Scope("namespace", outer))

    def alias(self, outer: Scope, name: str, target: Scope) -> None:
        """Give a namespace another name."""
        self._inner[outer, name] = target

    def namespace(self, path: list[str], scope: Scope) -> Scope | None:
        """Return the namespace that some names mean in a scope; an empty first name means the outermost."""
        if not path[0]:
            return self._down(path[1:], self._root)
        current: Scope | None = scope
        while current is not None:
            if (current, path[0]) in self._inner:
                return self._down(path, current)
            current = current.parent
        return None

    def find(self, path: list[str], scope: Scope) -> Scope | None:
        """Return the namespace or class that some names mean in a scope."""
        found = self.namespace(path, scope)
        return self.classes.get(path[-1]) if found is None else found

    def is_library(self, path: list[str], scope: Scope) -> bool:
        """Whether some names begin with ``std``, and the text adds nothing to that."""
        return next((name for name in path if name), "") == "std" and self.namespace(["std"], scope) is None

    def _down(self, path: list[str], scope: Scope) -> Scope | None:
        current: Scope | None = scope
        for name in path:
            current = None if current is None else self._inner.get((current, name))
        return current


def inside(scope: Scope, owner: Scope) -> Scope:
    """Return the scope around a member's definition that stands outside of its class: what its templates declare, in the class."""
    if scope.kind != "template":
        return Scope("template", owner)
    outermost, above = scope, owner
    while outermost.parent is not None and outermost.parent.kind == "template":
        outermost = outermost.parent
    while above is not outermost and above.parent is not None:
        above = above.parent
    if above is not outermost:
        outermost.parent = owner
    return scope
