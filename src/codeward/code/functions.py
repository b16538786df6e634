"""Functions and methods: what they are called, what they take and where their bodies stand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from codeward.code._table import Language
from codeward.code.languages import table_of
from codeward.code.parse import parse
from codeward.code.tree import Tree
from codeward.types import Span

_NAMES = frozenset({"identifier", "field_identifier", "property_identifier", "private_property_identifier"})
_STEPS = ("declarator", "name")
"""The fields that lead from a C function to its name, through pointers and qualifiers."""
_WHOLE_NAMES = frozenset({"operator_name", "destructor_name", "operator_cast", "template_function"})
_PARAMETERS = frozenset({"parameters", "receiver", "parameter"})
"""The fields of a function, or of its declarator, in which parameters stand."""
_NOT_PARAMETERS = frozenset({"type", "value", "right", "default_value", "annotation", "return_type", "result"})
"""The fields of a parameter in which names are used, not declared."""
_PLAIN_STRING = re.compile(r"[rRuU]?['\"]")
_LEAVES = frozenset({"identifier", "shorthand_property_identifier_pattern"})
_ASSIGNING = frozenset({"lexical_declaration", "variable_declaration", "expression_statement"})
_TYPES = frozenset({"type_identifier", "scoped_type_identifier", "generic_type", "modifiers", "type_parameters"})


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method that has a body."""

    name: str
    """Empty where it has none (a JavaScript function that stands alone)."""
    name_span: Span
    """Empty, at the start of the function, where it has no name."""
    parameters: tuple[str, ...]
    """Their names in order, a Go receiver and Python's ``self`` included."""
    span: Span
    """The whole function, without decorators of Python; with the assignment that gives it its name in JavaScript."""
    body_span: Span
    """The block with its braces; in Python, its statements."""
    docstring_span: Span | None
    """The docstring's statement, in Python only."""


def functions(code: str, language: str) -> list[Function]:
    """Return all functions and methods with a body in the order of the text; a nested one comes after its outer one.

    Functions without a name count only where a text has no other.

    Args:
        code: A file or a fragment.
        language: Its language.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is too long to be parsed.
    """
    return list(_functions(code, language))


def function(code: str, language: str) -> Function | None:
    """Return the first function or method, which no other one encloses; ``None`` where there is none with a body.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is too long to be parsed.
    """
    found = _functions(code, language)
    return found[0] if found else None


def function_nodes(tree: Tree, table: Language) -> list[tuple[int, int]]:
    """Return the nodes of functions and of their bodies, in the order of the text.

    What the grammar of C takes for a function within one, and has no parameters, is a macro that loops.
    """
    named: list[tuple[int, int]] = []
    anonymous: list[tuple[int, int]] = []
    for node, kind in enumerate(tree.kinds):
        if kind not in table.functions and kind not in table.anonymous_functions:
            continue
        body = tree.child(node, "body")
        if body is None or tree.kinds[body] not in table.bodies or tree.starts[body] == tree.ends[body]:
            continue
        enclosed = bool(named) and node < tree.nexts[named[-1][0]]
        if enclosed and tree.child(node, "declarator") is not None and not any(_holders(tree, node)):
            continue
        (named if kind in table.functions or _name(tree, node) is not None else anonymous).append((node, body))
    return named or anonymous


def prologue_end(tree: Tree, table: Language, statements: list[int]) -> int:
    """Return how many of a body's first statements have to stay first: a docstring, a call of another constructor."""
    count = 0
    while count < len(statements):
        node = statements[count]
        is_string = table.string_prologue and is_text(tree, node) and not (table.indented and count)
        if not is_string and tree.kinds[node] not in table.prologue:
            break
        count += 1
    return count


def is_text(tree: Tree, statement: int) -> bool:
    """Whether a statement is nothing but a string."""
    inner = [child for child in tree.children(statement) if tree.kinds[child] != "comment"]
    if tree.kinds[statement] != "expression_statement" or len(inner) != 1:
        return False
    return tree.kinds[inner[0]] in ("string", "concatenated_string") and bool(_PLAIN_STRING.match(tree.words(inner[0])))


def body_statements(tree: Tree, table: Language, body: int) -> list[int]:
    """Return the nodes that stand directly in a block, comments left out."""
    found: list[int] = []
    pending = tree.kids(body)[::-1]
    while pending:
        node = pending.pop()
        if tree.kinds[node] in table.transparent:
            pending += tree.kids(node)[::-1]
        elif tree.kinds[node] not in table.comments:
            found.append(node)
    return found


@lru_cache(maxsize=32)
def _functions(code: str, language: str) -> tuple[Function, ...]:
    table, tree = table_of(language), parse(code, language).tree
    return tuple(_function(tree, table, node, body) for node, body in function_nodes(tree, table))


def _function(tree: Tree, table: Language, node: int, body: int) -> Function:
    name, whole = _name(tree, node), _whole(tree, node)
    start = tree.starts[whole]
    docstring = None
    if table.indented:
        statements = body_statements(tree, table, body)
        if prologue_end(tree, table, statements):
            docstring = Span(tree.starts[statements[0]], tree.ends[statements[0]])
    return Function(
        "" if name is None else tree.words(name),
        Span(start, start) if name is None else Span(tree.starts[name], tree.ends[name]),
        tuple(_parameters(tree, node)),
        Span(start, tree.ends[whole]),
        Span(tree.starts[body], tree.ends[body]),
        docstring,
    )


def _name(tree: Tree, node: int) -> int | None:
    """Return the node of a function's name: its own, else that of the variable or member it is assigned to."""
    found = _declared(tree, node)
    if found is not None:
        return found
    parent = tree.parents[node]
    if tree.fields[node] not in ("value", "right"):
        return None
    target = tree.child(parent, "name", "left", "key", "property")
    if target is not None and tree.kinds[target] == "member_expression":
        target = tree.child(target, "property")
    return target if target is not None and tree.kinds[target] in _NAMES else None


def _whole(tree: Tree, node: int) -> int:
    """Return the node of a function with the assignment, and nothing else, that gives it its name."""
    if _declared(tree, node) is not None or _name(tree, node) is None:
        return node
    assigned = tree.parents[node]
    outer = tree.parents[assigned]
    alone = tree.kinds[outer] in _ASSIGNING and tree.nexts[assigned] == tree.nexts[outer] and assigned == outer + 1
    return outer if alone else assigned


def _declared(tree: Tree, node: int) -> int | None:
    current: int | None = node
    while current is not None:
        if tree.kinds[current] in _NAMES or tree.kinds[current] in _WHOLE_NAMES:
            return current
        following = tree.child(current, *_STEPS)
        if following is None and tree.kinds[current].endswith("_declarator"):
            following = next(tree.children(current), None)
        current = following
    return None


def _parameters(tree: Tree, node: int) -> Iterator[str]:
    """Yield the names that a function's parameters declare."""
    for holder in _holders(tree, node):
        stack = [holder]
        while stack:
            each = stack.pop()
            if tree.kinds[each] in _LEAVES:
                yield tree.words(each)
            inner = [
                child
                for child in tree.children(each)
                if (tree.fields[child] not in _NOT_PARAMETERS or tree.kinds[each] == "pair_pattern")
                and tree.fields[child] != "key"
                and tree.kinds[child] not in _TYPES
                and not (each != holder and tree.fields[child] == "parameters")
            ]
            stack += inner[::-1]


def _holders(tree: Tree, node: int) -> Iterator[int]:
    """Yield the nodes in which a function's parameters stand, a receiver first."""
    current: int | None = node
    while current is not None:
        yield from (each for each in tree.children(current) if tree.fields[each] in _PARAMETERS)
        following = tree.child(current, "declarator")
        if following is None and tree.kinds[current].endswith("_declarator"):
            following = next(tree.children(current), None)
        current = following
