"""Whom a name means in Java: methods and variables are told apart, fields are seen by the methods of their class.

A local variable is visible from its declaration on, the name of a pattern (``x instanceof Foo foo``) to the end of the
block around. Members that a class inherits are found where its base stands in the text; of others nothing is known, so that
the methods of an outer class are fixed that a class with such a base calls. Calls with another number of arguments than
the text's methods of the name take are taken for calls of inherited ones.
"""

from typing import ClassVar

from codeward.code._table import Language
from codeward.code.scopes._base import Handlers, Walk
from codeward.code.scopes.java_bases import CALL, Bases
from codeward.code.scopes.model import Entity, Role, Scope
from codeward.code.tree import Tree

_PARAMETERS = frozenset({"formal_parameter", "spread_parameter"})
_COMMENTS = frozenset({"line_comment", "block_comment"})
_TYPED = frozenset({"class_declaration", "interface_declaration", "enum_declaration", "record_declaration"})


class JavaWalk(Walk):
    """One pass over a Java tree."""

    members_in_scope = True

    def __init__(self, tree: Tree, table: Language) -> None:
        super().__init__(tree, table)
        self._takes: dict[int, tuple[int, bool]] = {}
        """By the name's node how many arguments a method takes, and whether the last one may be any number."""
        self._given: dict[int, int] = {}
        """By the name's place how many arguments a call gives."""
        self._arities: dict[Entity, set[tuple[int, bool]]] = {}
        self._bases = Bases(self)

    def before_resolution(self) -> None:
        """Join classes with their bases."""
        self._bases.join()

    def after_resolution(self) -> None:
        """Find the methods that are called by ``super``."""
        self._bases.resolve()

    def _variable(self, node: int | None, role: Role = Role.VARIABLE, since: int | None = None) -> None:
        """Declare a variable, visible from its name on."""
        if node is not None:
            self.declare(node, role, since=self.tree.starts[node] if since is None else since)

    def _type(self, node: int) -> None:
        """Open the scope of a class, and note its name."""
        tree = self.tree
        name, body = tree.child(node, "name"), tree.child(node, "body")
        if name is not None:
            self.group(name, Role.TYPE)
        if body is None:
            return
        self.place(body, self.scope(node))
        scope = self.open(body, "class")
        self.share(body, scope)
        self._bases.add(node, name, scope)
        components = tree.child(node, "parameters")
        for each in tree.children(components) if components is not None else ():
            component = tree.child(each, "name")
            if component is not None:
                self.declare(component, Role.FIELD, scope)

    def _body(self, node: int) -> None:
        """Open the scope of a class without a name."""
        self._bases.add_made(node, self.open(node, "class"))

    def _method(self, node: int) -> None:
        name, scope = self.tree.child(node, "name"), self.scope(node)
        if name is not None:
            self._takes[name] = self._taken(node)
            fixed = self._overrides(node)
            self.declare(name, Role.FUNCTION, scope, space=CALL, method=True, fixed=fixed)
        self._callable(node)

    def _taken(self, node: int) -> tuple[int, bool]:
        """Return how many arguments a method takes, and whether the last one may be any number."""
        tree, parameters = self.tree, self.tree.child(node, "parameters")
        kinds = [tree.kinds[each] for each in tree.children(parameters)] if parameters is not None else []
        return sum(kind in _PARAMETERS for kind in kinds), "spread_parameter" in kinds

    def lookup(self, name: str, scope: Scope, place: int) -> Entity | None:
        """Return whom a name means; an overload with another number of parameters, which lies elsewhere, is nobody here."""
        return self._fitting(super().lookup(name, scope, place), place)

    def attach_member(self, node: int, owner: Scope | None, space: str = "") -> None:
        """Say that a node means a member; see ``lookup`` for overloads."""
        found = None if owner is None else owner.find(self.name(node) + space)
        if found is not None and self._fitting(found, self.tree.starts[node]) is None:
            self.attach(node, self.common(Role.OTHER, self.name(node)))
        else:
            super().attach_member(node, owner, space)

    def _fitting(self, entity: Entity | None, place: int) -> Entity | None:
        """Return a method if one of its declarations takes as many arguments as the call at a place gives."""
        given = self._given.get(place)
        if entity is None or given is None or entity.role is not Role.FUNCTION:
            return entity
        if entity not in self._arities:
            self._arities[entity] = {self._takes[node] for node in entity.places if node in self._takes}
        fits = any(given == count or (more and given >= count - 1) for count, more in self._arities[entity])
        if not fits:
            self.misfits.add(place)
        return entity if fits else None

    def _overrides(self, node: int) -> str:
        """Return why a method cannot be renamed if it implements one that is declared elsewhere."""
        tree = self.tree
        modifiers = next(tree.children(node), node)
        marked = any(
            tree.kinds[each] == "marker_annotation" and tree.words(each).endswith("Override")
            for each in tree.children(modifiers)
        )
        anonymous = tree.kinds[tree.parents[tree.parents[node]]] == "object_creation_expression"
        return "it overrides a method of another class" if marked or anonymous else ""

    def _constructor(self, node: int) -> None:
        name = self.tree.child(node, "name")
        if name is not None:
            self.group(name, Role.TYPE)
        self._callable(node)

    def _callable(self, node: int) -> None:
        scope = self.open(node, "function")
        self.share(self.tree.child(node, "body"), scope)

    def _lambda(self, node: int) -> None:
        self._callable(node)
        parameters = self.tree.child(node, "parameters")
        if parameters is not None and self.tree.kinds[parameters] == "identifier":
            self.declare(parameters, Role.PARAMETER, self.scope(node))

    def _inferred(self, node: int) -> None:
        for each in self.tree.children(node):
            if self.tree.kinds[each] == "identifier":
                self._variable(each, Role.PARAMETER, 0)

    def _parameter(self, node: int) -> None:
        self._variable(self.tree.child(node, "name"), Role.PARAMETER, 0)

    def _spread(self, node: int) -> None:
        for each in self.tree.children(node):
            if self.tree.kinds[each] == "variable_declarator":
                self._variable(self.tree.child(each, "name"), Role.PARAMETER, 0)

    def _named(self, node: int) -> None:
        self._variable(self.tree.child(node, "name"))

    def _field(self, node: int) -> None:
        for each in self.tree.children(node):
            name = self.tree.child(each, "name")
            if self.tree.fields[each] == "declarator" and name is not None:
                self.declare(name, Role.FIELD)

    def _each(self, node: int) -> None:
        tree = self.tree
        self.open(node)
        body = tree.child(node, "body")
        self._variable(tree.child(node, "name"), since=tree.starts[node if body is None else body])

    def _pattern(self, node: int) -> None:
        """Declare the name at the end of a pattern."""
        for each in self.tree.kids(node)[1:]:
            if self.tree.kinds[each] == "identifier":
                self._variable(each)

    def _record_pattern(self, node: int) -> None:
        for each in self.tree.kids(node)[:1]:
            self.group(each, Role.TYPE)

    def _constant(self, node: int) -> None:
        name = self.tree.child(node, "name")
        if name is not None:
            self.declare(name, Role.FIELD)

    def _invocation(self, node: int) -> None:
        tree = self.tree
        owner, name = tree.child(node, "object"), tree.child(node, "name")
        if name is None:
            return
        arguments = tree.child(node, "arguments")
        if arguments is not None:
            self._given[tree.starts[name]] = sum(tree.kinds[each] not in _COMMENTS for each in tree.children(arguments))
        if owner is None:
            self.use(name, CALL)
        elif tree.kinds[owner] == "this":
            self.member(name, self.scope(node).nearest("class"), CALL)
        elif tree.kinds[owner] == "super":
            self._bases.call(name)
        else:
            self.member(name)

    def _access(self, node: int) -> None:
        name = self.tree.child(node, "field")
        if name is not None and self.tree.kinds[name] == "identifier":
            self.group(name, Role.FIELD)

    def _reference(self, node: int) -> None:
        """Read ``this::name`` and ``Type::name``."""
        parts = self.tree.kids(node)
        if len(parts) > 1 and self.tree.kinds[parts[-1]] == "identifier":
            own = self.tree.kinds[parts[0]] == "this"
            self.member(parts[-1], self.scope(node).nearest("class") if own else None, CALL)

    def _labels(self, node: int) -> None:
        for each in self.tree.kids(node)[:1]:
            if self.tree.kinds[each] == "identifier":
                self.label(each)

    def _annotation(self, node: int) -> None:
        name = self.tree.child(node, "name")
        if name is not None and self.tree.kinds[name] == "identifier":
            self.group(name, Role.TYPE)

    def _key(self, node: int) -> None:
        name = self.tree.child(node, "key")
        if name is not None:
            self.member(name)

    def _path(self, node: int) -> None:
        """Read the parts of a package's or a type's name."""
        for each in self.tree.children(node):
            if self.tree.kinds[each] == "identifier":
                self.group(each, Role.OTHER)

    def _case(self, node: int) -> None:
        """Read a label of ``switch``: a constant of an enumeration, or a variable that is one."""
        for each in self.tree.children(node):
            if self.tree.kinds[each] == "identifier":
                self.freeze(each, "a case label may mean a constant of this name")

    def _name(self, node: int) -> None:
        self.group(node, Role.TYPE)

    handlers: ClassVar[Handlers] = {
        "identifier": Walk.use,
        "type_identifier": _name,
        **dict.fromkeys(_TYPED, _type),
        "annotation_type_declaration": _type,
        "class_body": _body,
        "method_declaration": _method,
        "annotation_type_element_declaration": _method,
        "constructor_declaration": _constructor,
        "compact_constructor_declaration": _constructor,
        "lambda_expression": _lambda,
        "inferred_parameters": _inferred,
        "formal_parameter": _parameter,
        "spread_parameter": _spread,
        "catch_formal_parameter": _named,
        "resource": _named,
        "variable_declarator": _named,
        "field_declaration": _field,
        "constant_declaration": _field,
        "enhanced_for_statement": _each,
        "instanceof_expression": _named,
        "type_pattern": _pattern,
        "record_pattern_component": _pattern,
        "record_pattern": _record_pattern,
        "enum_constant": _constant,
        "method_invocation": _invocation,
        "field_access": _access,
        "method_reference": _reference,
        "labeled_statement": _labels,
        "break_statement": _labels,
        "continue_statement": _labels,
        "annotation": _annotation,
        "marker_annotation": _annotation,
        "element_value_pair": _key,
        "scoped_identifier": _path,
        "package_declaration": _path,
        "import_declaration": _path,
        "switch_label": _case,
        "block": Walk.open,
        "for_statement": Walk.open,
        "switch_block": Walk.open,
        "catch_clause": Walk.open,
        "try_with_resources_statement": Walk.open,
    }
