"""Whom a name means in C++, beyond C: classes and their members, qualified names, lambdas, templates, ranges."""

from typing import ClassVar

from codeward.code._table import Language
from codeward.code.scopes._base import Handlers
from codeward.code.scopes.c import NAMES, CWalk
from codeward.code.scopes.model import Role, Scope
from codeward.code.tree import Tree


class CppWalk(CWalk):
    """One pass over a tree of C++."""

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self.qualified: list[tuple[int, str]] = []
        """Names behind ``::``, and what stands before it."""
        self.spaces: list[int] = []
        """Namespaces or classes before ``::``."""

    def after_resolution(self) -> None:
        """Join qualified names with the members that they mean."""
        super().after_resolution()
        for node, owner in self.qualified:
            self.attach_member(node, self.class_scopes.get(owner))
        for node in self.spaces:
            known = self.groups.get((Role.TYPE, self.name(node), ""))
            if known is not None:
                self.attach(node, known)

    def owner(self, name: int, home: Scope) -> Scope | None:
        """Return the class that a name with ``::`` before it belongs to; ``None`` where it has none."""
        tree, parent = self.tree, self.tree.parents[name]
        if tree.kinds[parent] != "qualified_identifier" or tree.fields[name] != "name":
            return None
        qualifier = self.qualifier(parent)
        return self.class_scopes.setdefault(qualifier, Scope("class", home)) if qualifier else None

    def qualifier(self, node: int) -> str:
        """Return the last name before ``::``."""
        scope = self.tree.child(node, "scope")
        if scope is None:
            return ""
        inner = self.tree.child(scope, "name")
        return self.tree.words(scope if inner is None else inner)

    def _range(self, node: int) -> None:
        scope, tree = self.open(node), self.tree
        declarator, body = tree.child(node, "declarator"), tree.child(node, "body")
        name = None if declarator is None else self.chain(declarator)[0]
        if name is not None:
            self._declare_variable(name, scope, tree.starts[name if body is None else body])

    def _lambda(self, node: int) -> None:
        tree, inner = self.tree, Scope("function", self.scope(node))
        declarator, captures = tree.child(node, "declarator"), tree.child(node, "captures")
        if declarator is not None:
            self.place(declarator, inner)
            self.share(tree.child(declarator, "parameters"), inner)
        self.share(tree.child(node, "body"), inner)
        for each in tree.children(captures) if captures is not None else ():
            left = tree.child(each, "left")
            if left is not None:
                self.declare(left, Role.VARIABLE, inner)

    def _template(self, node: int) -> None:
        self.open(node, "template")

    def _namespace(self, node: int) -> None:
        self.open(node, "namespace")

    def _catch(self, node: int) -> None:
        self.open(node, "catch")

    def _field(self, node: int) -> None:
        owner, name = self.tree.child(node, "argument"), self.tree.child(node, "field")
        if owner is not None and name is not None and self.tree.kinds[owner] == "this":
            scope = self.scope(node).nearest("class")
            self.member(name, scope if scope.kind == "class" else None)

    def _qualified(self, node: int) -> None:
        name = self.tree.child(node, "name")
        if name is not None and self.tree.kinds[name] in NAMES and self.claim(name):
            self.qualified.append((name, self.qualifier(node)))

    def _space(self, node: int) -> None:
        self.group(node, Role.OTHER)
        self.spaces.append(node)

    def _typed(self, node: int) -> None:
        for each in self.tree.children(node):
            self.group(each, Role.TYPE)

    handlers: ClassVar[Handlers] = {
        **CWalk.handlers,
        "namespace_identifier": _space,
        "destructor_name": _typed,
        "optional_parameter_declaration": CWalk._parameter,
        "variadic_parameter_declaration": CWalk._parameter,
        "for_range_loop": _range,
        "lambda_expression": _lambda,
        "class_specifier": CWalk._class,
        "template_declaration": _template,
        "namespace_definition": _namespace,
        "catch_clause": _catch,
        "field_expression": _field,
        "qualified_identifier": _qualified,
        "attribute_declaration": CWalk._foreign,
    }
