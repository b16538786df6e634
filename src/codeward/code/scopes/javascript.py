"""Whom a name means in JavaScript: ``var`` and functions belong to the function, all else to the block.

``{x}`` is short for ``{x: x}``, so that a renamed variable is written ``{x: new}``, and ``new as x`` in an export.
"""

import re
from typing import ClassVar

from codeward.code._table import Language
from codeward.code.scopes._base import Handlers, Walk
from codeward.code.scopes.model import Role, Scope
from codeward.code.tree import Tree

_FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function"})
_DECLARED = re.compile(r"\b(?:const|let|var|using)\b")
_QUOTED = "the code reads it by its name in a string"
_FROM = re.compile(r"\bvar\b")


class JavaScriptWalk(Walk):
    """One pass over a JavaScript tree."""

    members_in_scope = False

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self._hoists: list[tuple[int, Scope]] = []
        """Names declared by ``var``, and where that stands."""
        self._quoted: set[str] = set()
        """Members that are read by their names in strings."""

    def after_resolution(self) -> None:
        """Fix what ``var`` declares where a clause of ``catch`` binds the name too, and members read by strings."""
        for node, scope in self._hoists:
            found = self.lookup(self.name(node), scope, self.tree.starts[node])
            if found is not None and found is not self.entity_of[node]:
                for entity in (found, self.entity_of[node]):
                    entity.fix("it is declared within a clause of catch that binds the name too")
        for name in self._quoted:
            self.outside[name] = _QUOTED
            member = self.groups.get((Role.FIELD, name, ""))
            if member is not None:
                member.fix(_QUOTED)

    def _index(self, node: int) -> None:
        """Note the name in ``object["name"]``."""
        index = self.tree.child(node, "index")
        if index is not None and self.tree.kinds[index] == "string":
            self._quoted.add(self.tree.words(index)[1:-1])

    def _hoisted(self, node: int) -> Scope:
        """Return the function, or the module, around a node."""
        return self.scope(node).nearest("function", "module")

    def _bind(
        self, node: int | None, scope: Scope, role: Role = Role.VARIABLE, *, fixed: str = "", since: int = 0
    ) -> None:
        """Declare every name of a pattern."""
        tree = self.tree
        stack = [] if node is None else [node]
        while stack:
            each = stack.pop()
            kind = tree.kinds[each]
            if kind in ("identifier", "shorthand_property_identifier_pattern"):
                if kind != "identifier":
                    self.around[each] = (f"{self.name(each)}: ", "")
                self.declare(each, role, scope, fixed=fixed, since=since)
            elif kind in ("assignment_pattern", "object_assignment_pattern"):
                stack += [child for child in tree.children(each) if tree.fields[child] == "left"]
            elif kind == "pair_pattern":
                stack += [child for child in tree.children(each) if tree.fields[child] == "value"]
            elif kind in ("object_pattern", "array_pattern", "rest_pattern"):
                stack += tree.kids(each)[::-1]

    def _function(self, node: int) -> None:
        tree, outer = self.tree, self.scope(node)
        name, kind = tree.child(node, "name"), tree.kinds[node]
        if name is not None and kind in _FUNCTIONS:
            outer = Scope("block", outer)
            self.declare(name, Role.FUNCTION, outer)
        elif name is not None:
            self.declare(name, Role.FUNCTION, self._hoisted(node))
        self._callable(node, outer)

    def _callable(self, node: int, outer: Scope) -> None:
        inner = Scope("function", outer)
        self.share(self.tree.child(node, "body"), inner)
        parameters = self.tree.child(node, "parameters", "parameter")
        self.place(parameters, inner)
        if parameters is not None and self.tree.kinds[parameters] == "formal_parameters":
            for each in self.tree.children(parameters):
                self._bind(each, inner, Role.PARAMETER)
        self._bind(parameters, inner, Role.PARAMETER)

    def _method(self, node: int) -> None:
        name, scope = self.tree.child(node, "name"), self.scope(node)
        if name is not None and self.tree.kinds[name] == "property_identifier":
            if scope.kind == "class":
                self.declare(name, Role.FUNCTION, scope, method=True)
            else:
                self.member(name)
        self._callable(node, scope)

    def _class(self, node: int) -> None:
        tree = self.tree
        name, scope = tree.child(node, "name"), self.scope(node)
        if tree.kinds[node] == "class":
            scope = self.open(node)
        if name is not None:
            self.declare(name, Role.TYPE, scope)

    def _class_body(self, node: int) -> None:
        self.open(node, "class")

    def _static_block(self, node: int) -> None:
        self.open(node, "function")

    def _declarator(self, node: int) -> None:
        tree = self.tree
        name, value = tree.child(node, "name"), tree.child(node, "value")
        hoisted = tree.kinds[tree.parents[node]] == "variable_declaration"
        exported = tree.kinds[tree.parents[tree.parents[node]]] == "export_statement"
        is_function = value is not None and tree.kinds[value] in _FUNCTIONS
        plain = name is not None and tree.kinds[name] == "identifier"
        if hoisted and name is not None and plain:
            self._hoists.append((name, self.scope(node)))
        self._bind(
            name,
            self._hoisted(node) if hoisted else self.scope(node),
            Role.FUNCTION if is_function and plain else Role.VARIABLE,
            fixed="it is exported" if exported and not is_function else "",
        )

    def _for_in(self, node: int) -> None:
        tree, scope = self.tree, self.open(node)
        left = tree.child(node, "left")
        if left is not None:
            head = tree.text[tree.starts[node] : tree.starts[left]]
            if _DECLARED.search(head):
                self._bind(left, self._hoisted(node) if _FROM.search(head) else scope)

    def _catch(self, node: int) -> None:
        scope = self.open(node)
        self.share(self.tree.child(node, "body"), scope)
        self._bind(self.tree.child(node, "parameter"), scope)

    def _short(self, node: int) -> None:
        """Read ``{x}``, in an object or in a pattern that assigns."""
        self.around[node] = (f"{self.name(node)}: ", "")
        self.use(node)

    def _member(self, node: int) -> None:
        owner, name = self.tree.child(node, "object"), self.tree.child(node, "property")
        if owner is None or name is None or self.tree.kinds[owner] != "this":
            return
        if self.tree.kinds[name] == "property_identifier":
            self.member(name, self._class_around(node))

    def _class_around(self, node: int) -> Scope | None:
        scope = self.scope(node).nearest("class")
        return scope if scope.kind == "class" else None

    def _import(self, node: int) -> None:
        """Declare what an import binds."""
        tree, scope = self.tree, self.scope(node)
        for each in tree.within(node):
            if tree.kinds[each] != "import_specifier":
                continue
            name, alias = tree.child(each, "name"), tree.child(each, "alias")
            if alias is not None:
                self.declare(alias, Role.OTHER, scope)
            elif name is not None:
                self.around[name] = (f"{self.name(name)} as ", "")
                self.declare(name, Role.OTHER, scope)
            if name is not None:
                self.group(name, Role.OTHER, "module")
        for each in tree.within(node):
            if tree.kinds[each] == "identifier":
                self.declare(each, Role.OTHER, scope)

    def _export(self, node: int) -> None:
        tree = self.tree
        foreign = tree.child(node, "source") is not None
        for each in tree.within(node):
            if tree.kinds[each] != "export_specifier":
                continue
            name, alias = tree.child(each, "name"), tree.child(each, "alias")
            if alias is not None:
                self.group(alias, Role.OTHER, "module")
            if name is not None and foreign:
                self.group(name, Role.OTHER, "module")
            elif name is not None and alias is None:
                self.around[name] = ("", f" as {self.name(name)}")

    def _tag(self, node: int) -> None:
        """Read the name of a JSX element: in lower case it is one of HTML."""
        name = self.tree.child(node, "name")
        if name is not None and self.tree.kinds[name] == "identifier" and self.tree.words(name)[:1].islower():
            self.group(name, Role.OTHER, "html")

    def _call(self, node: int) -> None:
        callee = self.tree.child(node, "function")
        if callee is not None and self.tree.words(callee) == "eval":
            self.freeze_chain(node, "the code reads variables by their names (eval)")

    def _with(self, node: int) -> None:
        body = self.tree.child(node, "body")
        if body is not None:
            self.freeze(body, "within with, a name may mean a member of an object")

    handlers: ClassVar[Handlers] = {
        "identifier": Walk.use,
        "property_identifier": Walk.member,
        "private_property_identifier": Walk.member,
        "statement_identifier": Walk.label,
        "shorthand_property_identifier": _short,
        "shorthand_property_identifier_pattern": _short,
        "function_declaration": _function,
        "generator_function_declaration": _function,
        "function_expression": _function,
        "generator_function": _function,
        "arrow_function": _function,
        "method_definition": _method,
        "class_declaration": _class,
        "class": _class,
        "class_body": _class_body,
        "class_static_block": _static_block,
        "variable_declarator": _declarator,
        "for_in_statement": _for_in,
        "catch_clause": _catch,
        "member_expression": _member,
        "import_statement": _import,
        "export_statement": _export,
        "jsx_opening_element": _tag,
        "jsx_closing_element": _tag,
        "jsx_self_closing_element": _tag,
        "call_expression": _call,
        "subscript_expression": _index,
        "with_statement": _with,
        "statement_block": Walk.open,
        "for_statement": Walk.open,
        "switch_body": Walk.open,
    }
