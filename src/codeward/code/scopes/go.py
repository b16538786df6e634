"""Whom a name means in Go: blocks, ``:=``, the clauses of ``switch`` and ``select``, methods, keys of literals.

A local name is visible from the end of its declaration on. A key of a literal is the name of a field unless the type of
the literal, where the text shows it, is a map, array or slice.
"""

from typing import ClassVar

from codeward.code._table import Language, words
from codeward.code.scopes._base import Handlers, Walk
from codeward.code.scopes.model import Role, Scope
from codeward.code.tree import Tree

_KEYED = frozenset({"map_type", "array_type", "slice_type", "implicit_length_array_type"})


class GoWalk(Walk):
    """One pass over a Go tree."""

    members_in_scope = False

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self.methods: dict[str, Scope] = {}
        """The methods of each type."""
        self.receivers: list[tuple[int, str]] = []
        self.selectors: list[tuple[int, int]] = []
        """The operand and the name of each ``operand.name``."""
        self.types: list[tuple[int, Scope]] = []
        self.type_nodes: dict[str, int] = {}
        """What each type of the text is."""

    def after_resolution(self) -> None:
        """Find the methods of receivers, and tell variables from types."""
        owners = {self.entity_of[node]: name for node, name in self.receivers if node in self.entity_of}
        for operand, name in self.selectors:
            entity = self.entity_of.get(operand)
            owner = None if entity is None else self.methods.get(owners.get(entity, ""))
            self.attach_member(name, owner)
        for node, scope in self.types:
            entity = self.lookup(self.name(node), scope, self.tree.starts[node])
            if entity is not None and entity.role in (Role.VARIABLE, Role.PARAMETER):
                self.attach(node, entity)

    def _bind(self, node: int | None, role: Role, since: int, scope: Scope) -> None:
        """Declare a name, or each of a list; the blank one declares nothing."""
        if node is None:
            return
        names = [node] if self.tree.kinds[node] == "identifier" else self.tree.kids(node)
        for each in names:
            if self.tree.kinds[each] != "identifier":
                continue
            if self.tree.words(each) == "_":
                self.group(each, Role.OTHER)
            else:
                self.declare(each, role, scope, since=since)

    def _function(self, node: int) -> None:
        tree, outer = self.tree, self.scope(node)
        name, receiver = tree.child(node, "name"), tree.child(node, "receiver")
        inner = self.open(node, "function")
        self.share(tree.child(node, "body"), inner)
        for each in (receiver, tree.child(node, "parameters"), tree.child(node, "result")):
            if each is not None:
                self._parameters(each, inner)
        if receiver is not None and name is not None:
            self._receiver(receiver, name)
        elif name is not None:
            self.declare(name, Role.FUNCTION, outer)

    def _receiver(self, receiver: int, name: int) -> None:
        tree = self.tree
        type_name = next(
            (tree.words(each) for each in tree.within(receiver) if tree.kinds[each] == "type_identifier"), ""
        )
        owner = self.methods.setdefault(type_name, Scope("class", self.root))
        self.declare(name, Role.FUNCTION, owner, method=True)
        for each in tree.children(receiver):
            variable = tree.child(each, "name")
            if variable is not None:
                self.receivers.append((variable, type_name))

    def _parameters(self, parameters: int, scope: Scope) -> None:
        for each in self.tree.children(parameters):
            for name in self.tree.children(each):
                if self.tree.fields[name] == "name":
                    self._bind(name, Role.PARAMETER, 0, scope)

    def _signature(self, node: int) -> None:
        """Give the parameters of a function's type a scope of their own."""
        scope = Scope("prototype", self.scope(node))
        for each in self.tree.children(node):
            if self.tree.kinds[each] == "parameter_list":
                self._parameters(each, scope)

    def _short(self, node: int) -> None:
        self._bind(self.tree.child(node, "left"), Role.VARIABLE, self.tree.ends[node], self.scope(node))

    def _maybe_short(self, node: int) -> None:
        """Declare the names of a ``range`` clause or of what is received, if it declares any."""
        left, right = self.tree.child(node, "left"), self.tree.child(node, "right")
        if left is not None and right is not None:
            between = self.tree.text[self.tree.ends[left] : self.tree.starts[right]]
            if ":=" in between:
                self._bind(left, Role.VARIABLE, self.tree.ends[node], self.scope(node))

    def _specification(self, node: int) -> None:
        scope = self.scope(node)
        since = 0 if scope is self.root else self.tree.ends[node]
        for each in self.tree.children(node):
            if self.tree.fields[each] == "name":
                self._bind(each, Role.VARIABLE, since, scope)

    def _type_switch(self, node: int) -> None:
        scope = self.open(node)
        value = self.tree.child(node, "value")
        since = self.tree.ends[node if value is None else value]
        self._bind(self.tree.child(node, "alias"), Role.VARIABLE, since, scope)

    def _type_name(self, node: int) -> None:
        name, value = self.tree.child(node, "name"), self.tree.child(node, "type")
        if name is not None:
            self.group(name, Role.TYPE)
            if value is not None:
                self.type_nodes[self.tree.words(name)] = value

    def _type_parameter(self, node: int) -> None:
        for each in self.tree.children(node):
            if self.tree.fields[each] == "name":
                self.group(each, Role.TYPE)

    def _type(self, node: int) -> None:
        self.group(node, Role.TYPE)
        self.types.append((node, self.scope(node)))

    def _package(self, node: int) -> None:
        self.group(node, Role.OTHER)

    def _selector(self, node: int) -> None:
        operand, name = self.tree.child(node, "operand"), self.tree.child(node, "field")
        if operand is not None and name is not None and self.claim(name):
            self.selectors.append((operand, name))

    def _keyed(self, node: int) -> None:
        """Read the key of a literal's element: a field of a struct, or a value."""
        tree = self.tree
        key = tree.child(node, "key")
        name = None if key is None else next(tree.children(key), None)
        if name is None or tree.kinds[name] != "identifier" or tree.nexts[key or 0] != name + 1:
            return
        value = self._literal_type(tree.parents[node])
        if value is None or tree.kinds[value] not in _KEYED:
            self.member(name)

    def _literal_type(self, value: int) -> int | None:
        """Return the node of a literal's type; where it is left out, that of the elements of the one around."""
        tree, depth = self.tree, 0
        is_key = []
        while tree.kinds[tree.parents[value]] != "composite_literal":
            parent = tree.parents[value]
            if tree.kinds[parent] == "literal_element":
                is_key.append(tree.fields[parent] == "key")
                parent = tree.parents[parent]
                parent = tree.parents[parent] if tree.kinds[parent] == "keyed_element" else parent
            if tree.kinds[parent] != "literal_value" or depth > 50:
                return None
            value, depth = parent, depth + 1
        found = self._known(tree.child(tree.parents[value], "type"))
        for key in reversed(is_key):
            if found is None or tree.kinds[found] not in _KEYED:
                return None
            found = self._known(tree.child(found, "key") if key else tree.child(found, "element", "value"))
        return found

    def _known(self, node: int | None) -> int | None:
        """Return what a type is, where its name is one of the text's."""
        if node is not None and self.tree.kinds[node] == "pointer_type":
            node = next(self.tree.children(node), None)
        return node if node is None else self.type_nodes.get(self.tree.words(node), node)

    def _blank(self, node: int) -> None:
        if self.tree.words(node) == "_":
            self.group(node, Role.OTHER)
        else:
            self.use(node)

    handlers: ClassVar[Handlers] = {
        "identifier": _blank,
        "field_identifier": Walk.member,
        "type_identifier": _type,
        "package_identifier": _package,
        "label_name": Walk.label,
        "function_declaration": _function,
        "method_declaration": _function,
        "func_literal": _function,
        "function_type": _signature,
        "method_elem": _signature,
        "short_var_declaration": _short,
        "range_clause": _maybe_short,
        "receive_statement": _maybe_short,
        "var_spec": _specification,
        "const_spec": _specification,
        "type_switch_statement": _type_switch,
        "type_spec": _type_name,
        "type_alias": _type_name,
        "type_parameter_declaration": _type_parameter,
        "selector_expression": _selector,
        "keyed_element": _keyed,
        **dict.fromkeys(
            words(
                "block if_statement for_statement expression_switch_statement select_statement expression_case "
                "default_case type_case communication_case"
            ),
            Walk.open,
        ),
    }
