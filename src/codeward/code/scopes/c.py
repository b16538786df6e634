"""Whom a name means in C: blocks, declarators, members, labels, macros.

A name is visible from its declarator on. The grammar cannot tell a type from a variable everywhere (``a * b;``), so that
a word which it takes for a type, and which is a variable in scope, is that variable.
"""

from typing import ClassVar

from codeward.code._table import Language
from codeward.code.scopes._base import Handlers, Walk
from codeward.code.scopes.c_macros import MEMBER_ARGUMENTS
from codeward.code.scopes.model import Role, Scope
from codeward.code.tree import Tree

NAMES = frozenset({"identifier", "field_identifier"})
_TAGGED = frozenset({"struct", "union", "enum"})
_EXTERNAL = "it is defined in another file"
_VARIABLES = frozenset({Role.VARIABLE, Role.PARAMETER})


class CWalk(Walk):
    """One pass over a tree of C."""

    members_in_scope = True

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self.class_scopes: dict[str, Scope] = {}
        """The scopes of structures and classes by their names."""
        self.bodies: list[int] = []
        """The names of functions that have a body."""
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
                entity.fixed = entity.fixed or _EXTERNAL
            elif entity.role is not Role.OTHER and entity.name in self.macros:
                entity.fixed = entity.fixed or "a macro or a function of another file has this name too"

    def chain(self, node: int) -> tuple[int | None, int | None]:
        """Follow a declarator to the name.

        Returns:
            The name's node, or that of a structured binding, and the function declarator right around it, if any.
        """
        tree = self.tree
        around = None
        current: int | None = node
        while current is not None:
            kind = tree.kinds[current]
            if kind in NAMES or kind == "structured_binding_declarator":
                return current, around
            if kind == "qualified_identifier":
                following = tree.child(current, "name")
            elif kind.endswith("_declarator"):
                if kind in ("function_declarator", "init_declarator"):
                    around = current if kind == "function_declarator" else None
                elif kind != "parenthesized_declarator":
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
        """Return the scope that a declaration at a node declares into: never that of template parameters."""
        scope = self.scope(node)
        while scope.kind == "template" and scope.parent is not None:
            scope = scope.parent
        return scope

    def owner(self, name: int, home: Scope) -> Scope | None:
        """Return the class that a function belongs to by its name; never one in C."""
        return None

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
        outer = self.scope(node) if owner is None else Scope("template", owner)
        inner = Scope("function", outer)
        parameters = None if around is None else tree.child(around, "parameters")
        self.share(parameters, inner)
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

    def _declare_function(self, name: int, owner: Scope, *, has_type: bool) -> None:
        words = self.tree.words(name)
        if owner.kind == "class" and not has_type and self.class_scopes.get(words) is owner:
            self.group(name, Role.TYPE)
        else:
            self.declare(name, Role.FUNCTION, owner, method=owner.kind == "class")

    def _declaration(self, node: int) -> None:
        tree, home = self.tree, self.home(node)
        external = any(
            tree.kinds[each] == "storage_class_specifier" and tree.words(each) == "extern"
            for each in tree.children(node)
        )
        for each in tree.children(node):
            if tree.fields[each] not in ("declarator", "name"):
                continue
            name, around = self.chain(each)
            if name is None or tree.kinds[tree.parents[name]] == "qualified_identifier":
                continue
            if around is not None and home.kind in ("module", "class", "namespace"):
                self._declare_function(name, home, has_type=tree.child(node, "type") is not None)
            elif external:
                self.declare(name, Role.OTHER, home, since=tree.starts[name], fixed=_EXTERNAL)
            elif home.kind == "class":
                self.declare(name, Role.FIELD, home)
            else:
                parameters = None if around is None else tree.child(around, "parameters")
                if parameters is not None:
                    self.share(parameters, Scope("doubtful", self.scope(node)))
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
            self.share(parameters, Scope("prototype", self.scope(node)))

    def _class(self, node: int) -> None:
        name, body = self.tree.child(node, "name"), self.tree.child(node, "body")
        words = "" if name is None else self.tree.words(name)
        if name is not None and self.tree.kinds[name] == "type_identifier":
            self.group(name, Role.TYPE)
        if body is not None:
            scope = Scope("class", self.home(node))
            self.share(body, scope)
            if words:
                self.class_scopes[words] = scope

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
        self.group(node, Role.TYPE)
        self.doubtful.append((node, self.scope(node)))

    def _macro(self, node: int) -> None:
        name, parameters = self.tree.child(node, "name"), self.tree.child(node, "parameters")
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

    def _foreign(self, node: int) -> None:
        """Read the names of attributes and of the symbols of assembly code, which are no variables."""
        symbol = self.tree.child(node, "symbol")
        inside = self.tree.within(node) if self.tree.kinds[node].startswith("attribute") else ()
        for each in inside if symbol is None else (symbol,):
            if self.tree.kinds[each] == "identifier":
                self.group(each, Role.OTHER, "attribute")

    def _call(self, node: int) -> None:
        """Read the arguments of macros that are types and members, no variables."""
        tree = self.tree
        callee, arguments = tree.child(node, "function"), tree.child(node, "arguments")
        given = [] if arguments is None else tree.kids(arguments)
        tag = next((number for number, each in enumerate(given) if tree.words(each) in _TAGGED), None)
        if tag is not None:
            for each in tree.within(given[tag + 1]) if tag + 1 < len(given) else ():
                self.group(each, Role.TYPE)
        known = MEMBER_ARGUMENTS.get(tree.words(callee)) if callee is not None else None
        if known is not None:
            for each in given[known:][:1]:
                if tree.kinds[each] == "identifier":
                    self.member(each)
        elif tag is not None:
            for each in given[tag + 2 :]:
                self.freeze(each, "it stands in a macro that may take it for a member")

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
        "attribute_specifier": _foreign,
        "gnu_asm_output_operand": _foreign,
        "gnu_asm_input_operand": _foreign,
        "call_expression": _call,
        "pointer_expression": _pointer,
    }
