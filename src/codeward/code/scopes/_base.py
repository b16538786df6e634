"""Who is meant by a name: one walk over the tree notes declarations and uses, then each use finds its declaration.

What a node means is said by the walk of its language (one file each): a table from node types to methods that note
what is declared and used there. Declarations take effect once the walk is over, so that a name may be used before it is
declared where the language allows that (``since``).
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from codeward.code._table import Language
from codeward.code.scopes.caution import settle
from codeward.code.scopes.model import Entity, Role, Scope
from codeward.code.tree import Tree

OPEN = frozenset({"module", "namespace", "class"})
"""The kinds of scopes whose names can be meant from elsewhere."""


@dataclass(frozen=True, slots=True)
class _Declaration:
    node: int
    name: str
    role: Role
    scope: Scope
    since: int
    fixed: str
    method: bool


Handlers = Mapping[str, Callable[[Any, int], object]]


class Walk:
    """One pass over a tree, and what it found; the author writes ``handlers`` and the methods that they name.

    Args:
        tree: The tree.
        table: Its language.
    """

    handlers: ClassVar[Handlers]
    """What is done at a node of each type, before its children are visited."""
    members_in_scope: ClassVar[bool]
    """Whether the names declared in a class can be used as they are in its methods."""

    def __init__(self, tree: Tree, table: Language) -> None:
        self.tree = tree
        self.table = table
        self.reserved = table.reserved
        self.root = Scope("module", None)
        self.scopes: list[Scope | None] = [None] * len(tree.kinds)
        self.entity_of: dict[int, Entity] = {}
        self.around: dict[int, tuple[str, str]] = {}
        """What a new name at a node needs before and after it, as in ``{x: new}``."""
        self.groups: dict[tuple[Role, str, str], Entity] = {}
        self._shared: set[int] = set()
        self._claimed: set[int] = set()
        self._declarations: list[_Declaration] = []
        self.uses: list[tuple[int, str, Scope, Role]] = []
        self._members: list[tuple[int, Scope | None, str]] = []
        self.frozen: list[tuple[int, str]] = []
        self.unresolved: set[str] = set()
        """Names that are used where no declaration of the text is seen, with their name space."""
        self.outside: dict[str, str] = {}
        """Names by which something that no function holds may be meant from elsewhere, with their name space, and how."""
        self.misfits: set[int] = set()
        """Where calls stand that no declaration in sight fits, so that they certainly mean something else."""
        self.unsure: set[Entity] = set()
        """Whom names mean unless a class between has inherited a namesake from elsewhere."""
        self.dynamic: dict[Scope, str] = {}
        """The scopes in which variables are read by their names, and how."""

    def run(self) -> None:
        """Visit all nodes in the order of the text, then resolve every use."""
        kinds, parents, scopes, handlers = self.tree.kinds, self.tree.parents, self.scopes, self.handlers
        scopes[0] = self.root
        for node in range(1, len(kinds)):
            if scopes[node] is None:
                scopes[node] = scopes[parents[node]]
            handler = handlers.get(kinds[node])
            if handler is not None and node not in self._claimed:
                handler(self, node)
        self.before_resolution()
        self._resolve()
        self.after_resolution()
        settle(self)

    def before_resolution(self) -> None:
        """Do what has to be done once all declarations are known."""

    def after_resolution(self) -> None:
        """Do what has to be done once all names are resolved."""

    def scope(self, node: int) -> Scope:
        """Return the scope in which a node stands: where it was placed, else that of its parent."""
        while (scope := self.scopes[node]) is None:
            node = self.tree.parents[node]
        return scope

    def open(self, node: int, kind: str = "block") -> Scope:
        """Open a scope for a node and all within, unless ``share`` has given it one."""
        scope = self.scope(node)
        if node not in self._shared:
            scope = Scope(kind, scope)
            self.scopes[node] = scope
        return scope

    def place(self, node: int | None, scope: Scope) -> None:
        """Say in which scope a node further on stands."""
        if node is not None:
            self.scopes[node] = scope

    def share(self, node: int | None, scope: Scope) -> None:
        """Say that a node further on, a block, opens no scope of its own but continues one."""
        if node is not None:
            self.scopes[node] = scope
            self._shared.add(node)

    def is_shared(self, node: int) -> bool:
        """Whether ``share`` was called for a node."""
        return node in self._shared

    def claim(self, node: int) -> bool:
        """Say that a node is done with, and return whether it was not yet."""
        fresh = node not in self._claimed
        self._claimed.add(node)
        return fresh

    def declare(
        self,
        node: int,
        role: Role,
        scope: Scope | None = None,
        *,
        since: int = 0,
        fixed: str = "",
        space: str = "",
        method: bool = False,
    ) -> None:
        """Note that a name is declared at a node.

        Args:
            node: The name's node.
            role: What it names.
            scope: Where it is declared; unset: where the node stands.
            since: From which character on it is visible.
            fixed: Why it cannot be renamed.
            space: The name space, for languages in which a function and a variable may have one name.
            method: Whether it is called on an object.
        """
        name = self.name(node)
        if node in self._claimed or not name or name in self.reserved:
            return
        self._claimed.add(node)
        owner = self.scope(node) if scope is None else scope
        self._declarations.append(_Declaration(node, name + space, role, owner, since, fixed, method))

    def use(self, node: int, space: str = "", otherwise: Role = Role.OTHER) -> None:
        """Note that a name is used at a node."""
        name = self.name(node)
        if name and node not in self._claimed and name not in self.reserved:
            self._claimed.add(node)
            self.uses.append((node, name + space, self.scope(node), otherwise))

    def member(self, node: int, owner: Scope | None = None, space: str = "") -> None:
        """Note that a member is used at a node, of the class with a scope if that is known."""
        if node not in self._claimed and self.name(node):
            self._claimed.add(node)
            self._members.append((node, owner, space))

    def group(self, node: int, role: Role, space: str = "") -> None:
        """Note a name that means the same wherever it stands in the text."""
        name = self.name(node)
        if name and node not in self._claimed:
            self._claimed.add(node)
            self.attach(node, self.common(role, name, space))

    def label(self, node: int) -> None:
        """Note a label."""
        self.group(node, Role.OTHER, "label")

    def freeze(self, node: int, reason: str) -> None:
        """Say that whatever is used within a node cannot be renamed."""
        self.frozen.append((node, reason))

    def freeze_chain(self, node: int, reason: str) -> None:
        """Say that no variable that can be seen from a node can be renamed."""
        self.dynamic[self.scope(node)] = reason

    def name(self, node: int) -> str:
        """Return the name that stands at a node."""
        text = self.tree.words(node)
        return unicodedata.normalize("NFKC", text) if self.table.folds_names and not text.isascii() else text

    def attach(self, node: int, entity: Entity) -> None:
        """Say whom a node means."""
        before = self.entity_of.get(node)
        if before is not None:
            before.places.remove(node)
        entity.places.append(node)
        self.entity_of[node] = entity

    def lookup(self, name: str, scope: Scope, place: int) -> Entity | None:
        """Return whom a name means at a place."""
        first, passed, sent = scope, False, False
        current: Scope | None = scope
        while current is not None:
            if not sent and name in current.elsewhere:
                current, sent = current.elsewhere[name], True
            if current.kind != "class" or current is first or self.members_in_scope:
                entity = current.find(name) if current.also else current.names.get(name)
                if entity is not None and entity.since <= place:
                    if passed and current.kind in OPEN:
                        self.unsure.add(entity)
                    return entity
                passed = passed or current.partial
            current = current.parent
        return None

    def declared(self) -> dict[Scope, set[str]]:
        """Return the names that each scope declares itself."""
        found: dict[Scope, set[str]] = {}
        for each in self._declarations:
            found.setdefault(each.scope, set()).add(each.name)
        return found

    def doubtful_declarations(self) -> Iterator[tuple[Entity, str]]:
        """Yield what has a name by which something else of the text or from elsewhere may be meant, and why."""
        for each in self._declarations:
            if each.name in self.unresolved:
                yield self.entity_of[each.node], "the name is also used where its declaration is not seen"
            elif each.name in self.outside and each.scope.kind in OPEN:
                yield self.entity_of[each.node], self.outside[each.name]

    def declared_within(self, node: int) -> list[int]:
        """Return the nodes of the names that were declared within a node so far."""
        return [each.node for each in self._declarations if node < each.node < self.tree.nexts[node]]

    def declared_in(self) -> Iterator[tuple[Entity, Scope]]:
        """Yield what each declaration declares, and in which scope."""
        for each in self._declarations:
            yield self.entity_of[each.node], each.scope

    def declarations(self) -> Iterator[tuple[str, Role, int, bool]]:
        """Yield the name, role and node of every declaration, and whether it stands outside of all scopes."""
        for each in self._declarations:
            yield self.name(each.node), each.role, each.node, each.scope is self.root

    def common(self, role: Role, name: str, space: str = "") -> Entity:
        """Return whom all names have in common that mean the same wherever they stand in the text."""
        key = (role, name, space)
        if key not in self.groups:
            self.groups[key] = Entity(name, role)
        return self.groups[key]

    def _resolve(self) -> None:
        redirected = [each for each in self._declarations if each.name in each.scope.elsewhere]
        for each in self._declarations:
            if each.name not in each.scope.elsewhere:
                self._enter(each, each.scope)
        for each in redirected:
            target = each.scope.elsewhere[each.name]
            if each.name in target.names:
                self._enter(each, target)
            else:
                self.attach(each.node, self.common(Role.OTHER, each.name))
        types = {name for role, name, _ in self.groups if role is Role.TYPE}
        for node, name, scope, otherwise in self.uses:
            entity = self.lookup(name, scope, self.tree.starts[node])
            if entity is None:
                plain = self.name(node)
                entity = self.common(Role.TYPE if plain in types else otherwise, plain)
                if entity.role is Role.OTHER and self.tree.starts[node] not in self.misfits:
                    self.unresolved.add(name)
            self.attach(node, entity)
        for node, owner, space in self._members:
            self.attach_member(node, owner, space)

    def attach_member(self, node: int, owner: Scope | None, space: str = "") -> None:
        """Say that a node means a member, of the class with a scope if that is known."""
        name = self.name(node)
        found = None if owner is None else owner.find(name + space)
        self.attach(node, found or self.common(Role.FIELD, name))

    def _enter(self, declaration: _Declaration, scope: Scope) -> None:
        entity = scope.names.get(declaration.name)
        if entity is None:
            name = self.name(declaration.node)
            fresh = Entity(name, declaration.role, [], declaration.since, declaration.fixed, declaration.method)
            entity = self.common(Role.FIELD, name) if declaration.role is Role.FIELD else fresh
            scope.names[declaration.name] = entity
        entity.since = min(entity.since, declaration.since)
        entity.fix(declaration.fixed)
        self.attach(declaration.node, entity)
