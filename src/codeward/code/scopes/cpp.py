"""Whom a name means in C++, beyond C: classes and their members, namespaces, qualified names, lambdas, templates, ranges."""

from typing import ClassVar

from codeward.code._table import Language
from codeward.code.scopes._base import Handlers
from codeward.code.scopes.c import NAMES, CWalk
from codeward.code.scopes.c_macros import read_call, read_foreign
from codeward.code.scopes.cpp_calls import count_arguments, fix_shared
from codeward.code.scopes.model import Role, Scope
from codeward.code.tree import ERROR, Tree

_QUALIFIED = "it is also used behind a namespace or class that the text does not show"
_TORN = frozenset({ERROR, "field_initializer"})
_SPACE_NAMES = frozenset({"namespace_identifier", "identifier"})


class CppWalk(CWalk):
    """One pass over a tree of C++."""

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self.qualified: list[tuple[int, list[str]]] = []
        """Names behind ``::``, and what stands before them."""
        self.spaces: list[int] = []
        """Namespaces or classes before ``::``."""
        self.given: dict[int, int] = {}
        """By the name's node how many arguments a call gives."""
        self._bases: list[tuple[Scope, list[str]]] = []
        self._using: list[tuple[Scope, list[str], str]] = []

    def before_resolution(self) -> None:
        """Join classes with their bases, and scopes with the namespaces and names that they use."""
        declared = self.declared()
        for scope, path in self._bases:
            base = self.named.find(path, scope)
            if base is None or base is scope:
                scope.partial = True
            else:
                scope.also.append(base)
        for scope, path, name in self._using:
            target = self.named.find(path, scope)
            if not name and target is not None:
                scope.also.append(target)
            elif name and target is not None and name in declared.get(target, ()):
                scope.elsewhere[name] = target
            elif name:
                self.outside[name] = _QUALIFIED

    def after_resolution(self) -> None:
        """Join qualified names with the members that they mean."""
        super().after_resolution()
        for node, path in self.qualified:
            owner = self.named.find(path, self.scope(node))
            self.attach_member(node, owner)
            missed = self.entity_of[node].role is Role.FIELD and (owner is None or not owner.find(self.name(node)))
            if missed and not self.named.is_library(path, self.scope(node)):
                self.outside.setdefault(self.name(node), _QUALIFIED)
        for node in self.spaces:
            known = self.groups.get((Role.TYPE, self.name(node), ""))
            if known is not None:
                self.attach(node, known)
        if self.tree.damaged:
            self._distrust_torn_members()
        fix_shared(self)

    def _distrust_torn_members(self) -> None:
        """Take the members whose object an error of the tree may hide for names of any kind."""
        kinds, parents = self.tree.kinds, self.tree.parents
        for node, entity in self.entity_of.items():
            if entity.role is Role.FIELD and kinds[node] == "field_identifier" and kinds[parents[node]] in _TORN:
                self.unresolved.add(entity.name)

    def owner(self, name: int, home: Scope) -> Scope | None:
        """Return the class or namespace that a name with ``::`` before it belongs to; ``None`` where it has none."""
        tree, parent = self.tree, self.tree.parents[name]
        if tree.kinds[parent] != "qualified_identifier" or tree.fields[name] != "name":
            return None
        path = self.path(parent)
        if not path[-1]:
            return None
        found = self.named.namespace(path, home) or self.named.classes.get(path[-1])
        if found is None:
            found = self.named.classes[path[-1]] = Scope("class", home, partial=True)
        return found

    def inherit(self, node: int, scope: Scope) -> None:
        """Note the bases of a class."""
        tree = self.tree
        bases = next((each for each in tree.children(node) if tree.kinds[each] == "base_class_clause"), None)
        for each in tree.children(bases) if bases is not None else ():
            if tree.kinds[each] != "access_specifier":
                self._bases.append((scope, [*self._outer_names(each), self._own_name(each)]))

    def _declare_function(self, name: int, owner: Scope, *, has_type: bool) -> None:
        super()._declare_function(name, owner, has_type=has_type)
        for each in self.tree.children(self.tree.parents[name]):
            if self.tree.kinds[each] == "virtual_specifier" and self.tree.words(each) == "override":
                self.freeze(name, "it overrides a method of another class")

    def path(self, node: int) -> list[str]:
        """Return the names before the last ``::`` of a qualified name; the first one is empty for ``::x``."""
        found = [self._scope_name(node)]
        while self.tree.kinds[self.tree.parents[node]] == "qualified_identifier" and self.tree.fields[node] == "name":
            node = self.tree.parents[node]
            found.append(self._scope_name(node))
        return found[::-1]

    def _scope_name(self, node: int) -> str:
        scope = self.tree.child(node, "scope")
        return "" if scope is None else self._own_name(scope)

    def _own_name(self, node: int) -> str:
        """Return a name without what stands before it or in ``<>``."""
        inner = self.tree.child(node, "name")
        while inner is not None:
            node, inner = inner, self.tree.child(inner, "name")
        return self.tree.words(node)

    def _outer_names(self, node: int) -> list[str]:
        """Return the names before the last one of a type."""
        found = []
        while self.tree.kinds[node] == "qualified_identifier":
            found.append(self._scope_name(node))
            node = self.tree.child(node, "name") or 0
        return found

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
        """Open a namespace; one without a name, or an inline one, belongs to the scope around."""
        tree, scope, name = self.tree, self.scope(node), self.tree.child(node, "name")
        inline = tree.words(node).startswith("inline")
        for each in (name, *tree.within(name)) if name is not None else ():
            if tree.kinds[each] in _SPACE_NAMES:
                scope = self.named.open(scope, tree.words(each), inline=inline)
        self.place(node, scope)

    def _alias(self, node: int) -> None:
        """Read ``namespace a = b::c``."""
        names = [self.tree.words(each) for each in self.tree.within(node) if self.tree.kinds[each] in _SPACE_NAMES]
        target = self.named.namespace(names[1:], self.scope(node)) if names[1:] else None
        if target is not None:
            self.named.alias(self.scope(node), names[0], target)

    def _use(self, node: int) -> None:
        """Read ``using a::b`` and ``using namespace a``."""
        tree = self.tree
        names = [each for each in tree.within(node) if tree.kinds[each] in _SPACE_NAMES | {"type_identifier"}]
        words = [tree.words(each) for each in names]
        if not names:
            return
        if tree.words(node).removeprefix("using").lstrip().startswith(("namespace", "enum")):
            self._using.append((self.scope(node), words, ""))
            self._space(names[-1])
        elif words[1:]:
            self._using.append((self.scope(node), words[:-1], words[-1]))

    def _catch(self, node: int) -> None:
        self.open(node, "catch")

    def _field(self, node: int) -> None:
        owner, name = self.tree.child(node, "argument"), self.tree.child(node, "field")
        if owner is None or name is None:
            return
        if (
            "*" in self.tree.text[self.tree.ends[owner] : self.tree.starts[name]]
        ):  # a.*b, which the grammar does not know
            self.use(name)
        elif self.tree.kinds[owner] == "this":
            scope = self.scope(node).nearest("class")
            self.member(name, scope if scope.kind == "class" else None)

    def _qualified(self, node: int) -> None:
        name = self.tree.child(node, "name")
        if name is not None and self.tree.kinds[name] in NAMES and self.claim(name):
            self.qualified.append((name, self.path(node)))

    def _space(self, node: int) -> None:
        self.group(node, Role.OTHER)
        self.spaces.append(node)

    def _typed(self, node: int) -> None:
        for each in self.tree.children(node):
            self.group(each, Role.TYPE)

    def _call(self, node: int) -> None:
        read_call(self, node)
        callee, arguments = self.tree.child(node, "function"), self.tree.child(node, "arguments")
        given = None if arguments is None else count_arguments(self, arguments)
        while callee is not None and self.tree.kinds[callee] not in NAMES:
            callee = self.tree.child(callee, "name")
        if callee is not None and given is not None:
            self.given[callee] = given

    handlers: ClassVar[Handlers] = {
        **CWalk.handlers,
        "call_expression": _call,
        "namespace_alias_definition": _alias,
        "using_declaration": _use,
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
        "attribute_declaration": read_foreign,
    }
