"""Whom a name means in Python: functions, classes, comprehensions, ``global`` and ``nonlocal``, patterns, imports.

A name that is bound anywhere in a function is local to all of it. The names of a class are not seen by its methods.
Defaults, decorators, annotations and the first iterable of a comprehension belong to the scope around.
"""

from typing import ClassVar

from codeward.code._table import Language, words
from codeward.code.scopes._base import Handlers, Walk
from codeward.code.scopes.model import Role, Scope
from codeward.code.scopes.python_calls import Keyword, Signature, resolve_attributes, resolve_keywords
from codeward.code.scopes.python_reflection import (
    fix_reflected,
    read_assignment,
    read_call,
    read_exec,
    read_interpolation,
)
from codeward.code.tree import Tree

_TARGETS = words(
    "pattern_list tuple_pattern list_pattern list_splat_pattern dictionary_splat_pattern as_pattern_target tuple list "
    "list_splat parenthesized_expression expression_list"
)
"""Targets that hold others."""
_CAPTURING = frozenset({"case_pattern", "keyword_pattern", "union_pattern", "list_pattern", "tuple_pattern"})


class PythonWalk(Walk):
    """One pass over a Python tree."""

    members_in_scope = False

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self.signatures: list[Signature] = []
        self.classes: list[tuple[int, Scope]] = []
        """The name's node and the scope of each class."""
        self.attributes: list[tuple[int | None, int]] = []
        """The object's node and the name's node of each attribute."""
        self.arguments: list[Keyword] = []
        self.nonlocals: list[tuple[Scope, str]] = []
        self.lambda_parameters: list[int] = []
        self.class_keywords: set[str] = set()
        """The keywords of class statements, which the bases take."""
        self.reflected: set[str] = set()
        """Names in strings by which members are read, or that are exported."""

    def bind(self, node: int | None, scope: Scope, role: Role = Role.VARIABLE) -> None:
        """Declare every name of a target; what is stored to otherwise (``a.b``, ``a[i]``) only uses names."""
        stack = [] if node is None else [node]
        while stack:
            each = stack.pop()
            if self.tree.kinds[each] == "identifier":
                self.declare(each, Role.FIELD if scope.kind == "class" else role, scope)
            elif self.tree.kinds[each] in _TARGETS:
                stack += self.tree.kids(each)[::-1]

    def before_resolution(self) -> None:
        """Send the names of ``nonlocal`` to the innermost function around that has them."""
        declared = self.declared()
        for scope, name in self.nonlocals:
            outer = scope.parent
            while outer is not None and (
                outer.kind != "function" or name in outer.elsewhere or name not in declared.get(outer, ())
            ):
                outer = outer.parent
            if outer is not None:
                scope.elsewhere[name] = outer

    def after_resolution(self) -> None:
        """Resolve what stands after ``self.``, and the keywords of calls."""
        self.unresolved.clear()  # whatever a function does not bind is another name than its own
        resolve_attributes(self)
        resolve_keywords(self)
        fix_reflected(self)
        self._fix_fallbacks()

    def _fix_fallbacks(self) -> None:
        """Fix globals that a class body reads until it has bound a name of its own."""
        for _, name, scope, _ in self.uses:
            entity = self.root.names.get(name)
            if entity is not None and scope.kind == "class" and name in scope.names:
                entity.fix("a class body reads it under this name before it binds its own")

    def _function(self, node: int) -> None:
        tree, outer = self.tree, self.scope(node)
        name, types = tree.child(node, "name"), tree.child(node, "type_parameters")
        parameters, body = tree.child(node, "parameters"), tree.child(node, "body")
        around = self._around(node, types, outer)
        inner = Scope("function", around)
        self.place(body, inner)
        if name is None:
            return
        text, in_class = tree.words(name), outer.kind == "class"
        magic = in_class and text.startswith("__") and text.endswith("__")
        self.declare(
            name, Role.FUNCTION, outer, fixed="the language calls it by this name" if magic else "", method=in_class
        )
        signature = Signature(name, outer, tree.parents[node] if self._decorated(node) else None)
        if parameters is not None:
            self._parameters(parameters, inner, signature)
        self.signatures.append(signature)

    def _decorated(self, node: int) -> bool:
        return self.tree.kinds[self.tree.parents[node]] == "decorated_definition"

    def _around(self, node: int, types: int | None, outer: Scope) -> Scope:
        """Return the scope of a definition's head, which holds its type parameters if it has any."""
        if types is None:
            return outer
        around = Scope("block", outer)
        for each in self.tree.children(node):
            self.place(each, around)
        self._type_parameters(types, around)
        return around

    def _type_parameters(self, types: int, scope: Scope) -> None:
        for each in self.tree.children(types):
            first = next((part for part in self.tree.within(each) if self.tree.kinds[part] == "identifier"), None)
            if first is not None:
                self.declare(first, Role.TYPE, scope)

    def _parameters(self, parameters: int, inner: Scope, signature: Signature | None) -> None:
        """Declare parameters; their defaults and annotations stay outside."""
        tree = self.tree
        for each in tree.children(parameters):
            target: int | None = each
            if tree.kinds[each] in ("default_parameter", "typed_default_parameter"):
                target = tree.child(each, "name")
            elif tree.kinds[each] == "typed_parameter":
                target = next((child for child in tree.children(each) if tree.fields[child] != "type"), None)
            if signature is not None:
                if tree.kinds[each] == "positional_separator":
                    signature.parameters.clear()
                elif target is not None and tree.kinds[target] == "identifier":
                    signature.parameters[self.name(target)] = target
                    signature.first = signature.first or target
            self.bind(target, inner, Role.PARAMETER)

    def _lambda(self, node: int) -> None:
        inner = Scope("function", self.scope(node))
        self.place(self.tree.child(node, "body"), inner)
        parameters = self.tree.child(node, "parameters")
        if parameters is not None:
            self._parameters(parameters, inner, None)
            self.lambda_parameters += self.declared_within(parameters)

    def _class(self, node: int) -> None:
        tree, outer = self.tree, self.scope(node)
        name = tree.child(node, "name")
        around = self._around(node, tree.child(node, "type_parameters"), outer)
        body = Scope("class", around)
        self.place(tree.child(node, "body"), body)
        if name is not None:
            self.declare(name, Role.TYPE, outer)
            self.classes.append((name, body))

    def _comprehension(self, node: int) -> None:
        """Open a scope; the first iterable belongs to the one around."""
        tree, outer = self.tree, self.scope(node)
        self.open(node, "comprehension")
        first = next((each for each in tree.children(node) if tree.kinds[each] == "for_in_clause"), None)
        for each in tree.children(first) if first is not None else ():
            if tree.fields[each] == "right":
                self.place(each, outer)

    def _left(self, node: int) -> None:
        left = self.tree.child(node, "left")
        if left is not None:
            read_assignment(self, node, left)
        self.bind(left, self.scope(node))

    def _walrus(self, node: int) -> None:
        scope = self.scope(node)
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        self.bind(self.tree.child(node, "name"), scope)

    def _as(self, node: int) -> None:
        """Declare the name after ``as``: in ``with``, ``except`` and in patterns of ``match``."""
        alias = self.tree.child(node, "alias")
        if alias is None:
            alias = next(iter(self.tree.kids(node)[1:][-1:]), None)
        self.bind(alias, self.scope(node))

    def _except(self, node: int) -> None:
        """Declare the name of ``except Error, name`` as Python 2 writes it."""
        values = [each for each in self.tree.children(node) if self.tree.kinds[each] not in ("block", "comment")]
        for each in values[1:]:
            self.bind(each, self.scope(node))

    def _children(self, node: int) -> None:
        for each in self.tree.children(node):
            self.bind(each, self.scope(node))

    def _global(self, node: int) -> None:
        scope = self.scope(node)
        for each in self.tree.children(node) if scope is not self.root else ():
            scope.elsewhere[self.name(each)] = self.root

    def _nonlocal(self, node: int) -> None:
        self.nonlocals += [(self.scope(node), self.name(each)) for each in self.tree.children(node)]

    def _import(self, node: int) -> None:
        """Declare what an import binds: the first part of a module's path, or the name after ``as``."""
        tree, scope = self.tree, self.scope(node)
        for each in tree.children(node):
            if tree.fields[each] != "name":
                continue
            alias = tree.child(each, "alias")
            if alias is not None:
                self.bind(alias, scope, Role.OTHER)
                continue
            for first in tree.kids(each)[:1]:
                path = tree.nexts[each] > first + 1 or tree.kinds[node] == "future_import_statement"
                self.declare(first, Role.OTHER, scope, fixed="it is imported under this name" if path else "")
                self.around[first] = (f"{self.name(first)} as ", "")
        for each in tree.within(node):
            if tree.kinds[each] == "identifier":
                self.group(each, Role.OTHER, "module")

    def _dotted(self, node: int) -> None:
        """Read a name in a pattern: one alone captures, one with dots is a value, one before parentheses a class."""
        parts = self.tree.kids(node)
        if len(parts) == 1 and self.tree.kinds[self.tree.parents[node]] in _CAPTURING:
            self.bind(parts[0], self.scope(node))
        for each in parts[1:]:
            self.member(each)

    def _keyword_pattern(self, node: int) -> None:
        for first in self.tree.kids(node)[:1]:
            if self.tree.kinds[first] == "identifier":
                self.member(first)

    def _attribute(self, node: int) -> None:
        owner, name = self.tree.child(node, "object"), self.tree.child(node, "attribute")
        if name is not None and self.claim(name):
            self.attributes.append((owner, name))

    def _call(self, node: int) -> None:
        tree = self.tree
        callee, arguments = tree.child(node, "function"), tree.child(node, "arguments")
        if callee is None or arguments is None:
            return
        read_call(self, node, callee, arguments)
        for each in tree.children(arguments):
            if tree.kinds[each] == "keyword_argument":
                name = tree.child(each, "name")
                if name is not None and self.claim(name):
                    self.arguments.append(Keyword(callee, name, self.scope(node)))
            elif tree.kinds[each] == "dictionary_splat":
                self.arguments.append(Keyword(callee, None, self.scope(node)))

    def _keyword(self, node: int) -> None:
        name = self.tree.child(node, "name")
        if name is not None:
            if self.tree.kinds[self.tree.parents[self.tree.parents[node]]] == "class_definition":
                self.class_keywords.add(self.name(name))
            self.member(name)

    def _type_alias(self, node: int) -> None:
        left = self.tree.child(node, "left")
        names = [each for each in self.tree.within(left or node) if self.tree.kinds[each] == "identifier"]
        for each in names:
            self.declare(each, Role.TYPE, self.scope(node))

    handlers: ClassVar[Handlers] = {
        "identifier": Walk.use,
        "function_definition": _function,
        "lambda": _lambda,
        "class_definition": _class,
        "list_comprehension": _comprehension,
        "set_comprehension": _comprehension,
        "dictionary_comprehension": _comprehension,
        "generator_expression": _comprehension,
        "assignment": _left,
        "augmented_assignment": _left,
        "for_statement": _left,
        "for_in_clause": _left,
        "named_expression": _walrus,
        "as_pattern": _as,
        "except_clause": _except,
        "delete_statement": _children,
        "splat_pattern": _children,
        "global_statement": _global,
        "nonlocal_statement": _nonlocal,
        "import_statement": _import,
        "import_from_statement": _import,
        "future_import_statement": _import,
        "dotted_name": _dotted,
        "keyword_pattern": _keyword_pattern,
        "attribute": _attribute,
        "call": _call,
        "keyword_argument": _keyword,
        "type_alias_statement": _type_alias,
        "interpolation": read_interpolation,
        "exec_statement": read_exec,
    }
