"""Whom a name means in C: blocks, declarators, members, labels, macros.

A name is visible from its declarator on. The grammar cannot tell a type from a variable everywhere (``a * b;``), so that
a word which it takes for a type, and which is a variable in scope, is that variable.
"""

from typing import ClassVar

from codeward.code._table import Language
from codeward.code.scopes._base import Handlers, Walk
from codeward.code.scopes.c_macros import fix_made, read_call, read_foreign
from codeward.code.scopes.cpp_spaces import Spaces, inside
from codeward.code.scopes.model import Role, Scope
from codeward.code.tree import Tree

NAMES = frozenset({"identifier", "field_identifier"})
_EXTERNAL = "it is defined in another file"
_VARIABLES = frozenset({Role.VARIABLE, Role.PARAMETER})


class CWalk(Walk):
    """One pass over a tree of C."""

    members_in_scope = True

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self.named = Spaces(self.root)
        """The scopes that have names: structures, classes, namespaces."""
        self.bodies: list[int] = []
        """The names of functions that have a body."""
        self.has_macros = False
        """Whether the text defines macros with parameters."""
        self.macros: set[str] = set()
        """Names that macros of the text or functions of other files have."""
        self.doubtful: list[tuple[int, Scope]] = []
        """Words that the grammar takes for types or for parameters of a local function, and that may be variables."""
        self.prototypes: list[tuple[int, int]] = []
        """Local functions, as the grammar sees them: the name and the parameters."""

    def after_resolution(self) -> None:
        """Tell variables from types, and fix what macros or other files share."""
        for node, scope in self.doubtful:
            entity = self.lookup(self.name(node), scope, self.tree.starts[node])
            if entity is not None and entity.role in _VARIABLES:
                self.attach(node, entity)
        for node, parameters in self.prototypes:
            inside = {self.entity_of[each].role for each in self.tree.within(parameters) if each in self.entity_of}
            entity = self.entity_of.get(node)
            if entity is not None and not inside & _VARIABLES:
                entity.role, entity.fixed = Role.OTHER, _EXTERNAL
                self.macros.add(entity.name)
        defined = {self.entity_of[node] for node in self.bodies if node in self.entity_of}
        for entity in dict.fromkeys(self.entity_of.values()):
            if entity.role is Role.FUNCTION and entity not in defined:
                entity.fix(_EXTERNAL)
                self.outside.setdefault(entity.name, _EXTERNAL)
            elif entity.role is not Role.OTHER and entity.name in self.macros:
                entity.fix("a macro or a function of another file has this name too")
        if self.has_macros:
            fix_made(self)

    def chain(self, node: int) -> tuple[int | None, int | None]:
        """Follow a declarator to the name.

        Returns:
            The name's node, or that of a structured binding, and the function declarator right around it, if any. There
            is no name where a macro makes it, as in ``int HELPER(add)(int env)``.
        """
        tree = self.tree
        around, made = None, False
        current: int | None = node
        while current is not None:
            kind = tree.kinds[current]
            if kind in NAMES or kind == "structured_binding_declarator":
                return None if made else current, around
            if kind == "qualified_identifier":
                following = tree.child(current, "name")
            elif kind.endswith("_declarator"):
                if kind == "function_declarator":
                    made = around is not None and tree.parents[current] == around
                    around = around if made else current
                elif kind == "init_declarator" or kind != "parenthesized_declarator":
                    around = None
                following = tree.child(current, "declarator")
                if following is None:
                    following = next((each for each in tree.children(current) if self._may_hold_name(each)), None)
            else:
                return None, around
            current = following
        return None, around

    def _may_hold_name(self, node: int) -> bool:
        kind = self.tree.kinds[node]
        return kind in NAMES or kind.endswith("_declarator") or kind == "qualified_identifier"

    def home(self, node: int) -> Scope:
        """Return the scope that a declaration at a node declares into: never that of template parameters or a friend's."""
        scope = self.scope(node)
        if self.tree.kinds[self.tree.parents[node]] == "friend_declaration":
            return scope.nearest("namespace", "module")
        while scope.kind == "template" and scope.parent is not None:
            scope = scope.parent
        return scope

    def owner(self, name: int, home: Scope) -> Scope | None:
        """Return the class that a function belongs to by its name; never one in C."""
        return None

    def inherit(self, node: int, scope: Scope) -> None:
        """Note what a class inherits from; nothing in C."""

    def _function(self, node: int) -> None:
        tree, home = self.tree, self.home(node)
        declarator = tree.child(node, "declarator")
        if declarator is None:
            self.share(tree.child(node, "body"), Scope("function", self.scope(node)))
            return
        name, around = self.chain(declarator)
        if around is None and self.scope(node).nearest("function", "module").kind == "function":
            return
        owner = None if name is None else self.owner(name, home)
        inner = Scope("function", self.scope(node) if owner is None else inside(self.scope(node), owner))
        parameters = None if around is None else self._parameters_of(around, inner)
        for each in tree.children(node):
            if tree.kinds[each] in ("declaration", "field_initializer_list"):
                self.place(each, inner)
        self.share(tree.child(node, "body"), inner)
        if name is not None:
            self._declare_function(name, owner or home, has_type=tree.child(node, "type") is not None)
            self.bodies.append(name)
        for each in tree.children(parameters) if parameters is not None else ():
            if tree.kinds[each] == "identifier":
                self.declare(each, Role.PARAMETER, inner)

    def _parameters_of(self, declarator: int, scope: Scope) -> int | None:
        """Give a scope to the parameters of a declarator, and to what may use them behind; return their node."""
        parameters = self.tree.child(declarator, "parameters")
        for each in self.tree.children(declarator):
            if each == parameters:
                self.share(each, scope)
            elif parameters is not None and each > parameters:
                self.place(each, scope)
        return parameters

    def _declare_function(self, name: int, owner: Scope, *, has_type: bool) -> None:
        words = self.tree.words(name)
        if owner.kind == "class" and not has_type and self.named.classes.get(words) is owner:
            self.group(name, Role.TYPE)
        else:
            self.declare(name, Role.FUNCTION, owner, method=owner.kind == "class")

    def _declaration(self, node: int) -> None:
        tree, home = self.tree, self.home(node)
        external = any(
            tree.kinds[each] == "storage_class_specifier" and tree.words(each) == "extern"
            for each in tree.children(node)
        )
        kind = tree.child(node, "type")
        if kind is not None and tree.words(kind) in self.reserved and tree.kinds[kind] == "type_identifier":
            return
        for each in tree.children(node):
            if tree.fields[each] not in ("declarator", "name"):
                continue
            name, around = self.chain(each)
            if name is None or tree.kinds[tree.parents[name]] == "qualified_identifier":
                continue
            if around is not None and home.kind in ("module", "class", "namespace"):
                self._declare_function(name, home, has_type=kind is not None)
            elif external:
                self.outside.setdefault(self.name(name), _EXTERNAL)
                self.declare(name, Role.OTHER, home, since=tree.starts[name], fixed=_EXTERNAL)
            elif home.kind == "class":
                self.declare(name, Role.FIELD, home)
            else:
                parameters = (
                    None if around is None else self._parameters_of(around, Scope("doubtful", self.scope(node)))
                )
                if parameters is not None:
                    self.prototypes.append((name, parameters))
                self._declare_variable(name, home, tree.starts[name])

    def _declare_variable(self, name: int, scope: Scope, since: int, role: Role = Role.VARIABLE) -> None:
        if self.tree.kinds[name] in NAMES:
            self.declare(name, role, scope, since=since)
        for each in self.tree.children(name):
            self.declare(each, role, scope, since=since)

    def _parameter(self, node: int) -> None:
        declarator = self.tree.child(node, "declarator")
        name = None if declarator is None else self.chain(declarator)[0]
        scope = self.scope(node)
        if name is None:
            return
        if scope.kind == "doubtful":
            self.group(name, Role.OTHER, "parameter")
            self.doubtful.append((name, scope))
        else:
            role = Role.VARIABLE if scope.kind == "catch" else Role.PARAMETER
            self._declare_variable(name, scope, self.tree.starts[name], role)

    def _parameters(self, node: int) -> None:
        """Give the parameters of a function's type a scope of their own."""
        parameters = self.tree.child(node, "parameters")
        if parameters is not None and not self.is_shared(parameters):
            self._parameters_of(node, Scope("prototype", self.scope(node)))

    def _class(self, node: int) -> None:
        name, body = self.tree.child(node, "name"), self.tree.child(node, "body")
        words = "" if name is None else self.tree.words(name)
        if name is not None and self.tree.kinds[name] == "type_identifier":
            self.group(name, Role.TYPE)
        if body is not None:
            scope = Scope("class", self.scope(node))
            self.share(body, scope)
            if words:
                self.named.classes[words] = scope
            self.inherit(node, scope)

    def _enumerator(self, node: int) -> None:
        tree, name = self.tree, self.tree.child(node, "name")
        whole = tree.parents[tree.parents[node]]
        if name is None:
            return
        if tree.words(whole).startswith(("enum class", "enum struct")):
            self.member(name)
        else:
            scope = self.home(node).nearest("module", "namespace", "function", "block")
            self.declare(name, Role.OTHER, scope, since=tree.starts[name])

    def _type(self, node: int) -> None:
        if self.tree.words(node) in self.reserved:
            return
        self.group(node, Role.TYPE)
        self.doubtful.append((node, self.scope(node)))

    def _macro(self, node: int) -> None:
        name, parameters = self.tree.child(node, "name"), self.tree.child(node, "parameters")
        self.has_macros = self.has_macros or parameters is not None
        if name is not None:
            self.macros.add(self.name(name))
            self.group(name, Role.OTHER)
        for each in self.tree.children(parameters) if parameters is not None else ():
            self.group(each, Role.OTHER, "macro")

    def _condition(self, node: int) -> None:
        """Read the names that the preprocessor tests."""
        head = self.tree.child(node, "name", "condition")
        for each in (head, *self.tree.within(head)) if head is not None else ():
            if self.tree.kinds[each] == "identifier":
                self.group(each, Role.OTHER)

    def _pointer(self, node: int) -> None:
        """Read the address of a label, ``&&label``."""
        inner = self.tree.child(node, "argument")
        name = None if inner is None else self.tree.child(inner, "argument")
        if name is not None and self.tree.text.startswith("&&", self.tree.starts[node]):
            self.label(name)

    handlers: ClassVar[Handlers] = {
        "identifier": Walk.use,
        "field_identifier": Walk.member,
        "type_identifier": _type,
        "statement_identifier": Walk.label,
        "function_definition": _function,
        "declaration": _declaration,
        "field_declaration": _declaration,
        "parameter_declaration": _parameter,
        "function_declarator": _parameters,
        "abstract_function_declarator": _parameters,
        "struct_specifier": _class,
        "union_specifier": _class,
        "enum_specifier": _class,
        "enumerator": _enumerator,
        "compound_statement": Walk.open,
        "for_statement": Walk.open,
        "while_statement": Walk.open,
        "if_statement": Walk.open,
        "switch_statement": Walk.open,
        "preproc_def": _macro,
        "preproc_function_def": _macro,
        "preproc_ifdef": _condition,
        "preproc_elifdef": _condition,
        "preproc_if": _condition,
        "preproc_elif": _condition,
        "attribute_specifier": read_foreign,
        "gnu_asm_output_operand": read_foreign,
        "gnu_asm_input_operand": read_foreign,
        "call_expression": read_call,
        "pointer_expression": _pointer,
    }
