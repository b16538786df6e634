"""Statements: where they stand, and taking one away so that what is left still parses."""

from dataclasses import dataclass

from codeward.code._table import Language
from codeward.code.edit import Edit, Edited, apply
from codeward.code.languages import CONTROL_FIELDS, statement_kinds, table_of
from codeward.code.layout import indent_of, line_start, rest_of_line
from codeward.code.parse import parse
from codeward.code.tree import Tree
from codeward.errors import CodeError
from codeward.types import Span

_ENDED_BY_LINES = frozenset(
    {"expression_statement", "lexical_declaration", "variable_declaration", "return_statement", "throw_statement"}
)
"""Statements of JavaScript that a line break may end instead of a semicolon."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, with all that it holds."""

    kind: str
    """The type of its node in the language's grammar."""
    span: Span
    """Without the line break at its end."""
    depth: int
    """How many statements enclose it."""


def statements(code: str, language: str) -> list[Statement]:
    """Return every statement in the order of the text, an outer one before those within it.

    The blocks of functions and control structures are no statements of their own; a block among statements is one.
    A definition with its decorators is one statement. Empty statements are left out.

    Args:
        code: A file or a fragment.
        language: Its language.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is too long to be parsed.
    """
    tree = parse(code, language).tree
    depths = [0] * len(tree.kinds)
    found: list[Statement] = []
    for node in statement_nodes(tree, table_of(language)):
        depths[node] = 1
    for node in range(1, len(depths)):
        own, outer = depths[node], depths[tree.parents[node]]
        depths[node] = own + outer
        if own:
            found.append(Statement(tree.kinds[node], _span(tree, node), outer))
    return found


def statement_nodes(tree: Tree, table: Language, within: range | None = None) -> list[int]:
    """Return the nodes of statements, all or those among some nodes, in the order of the text."""
    known, kinds = statement_kinds(table.name), tree.kinds
    return [
        node
        for node in (range(1, len(kinds)) if within is None else within)
        if (kind := kinds[node]) in known
        and tree.fields[node] not in CONTROL_FIELDS
        and tree.kinds[tree.parents[node]] not in table.wrapping
        and (kind not in table.bodies or tree.kinds[tree.parents[node]] in table.blocks)
        and tree.words(node) not in ("", ";")
    ]


def outermost(tree: Tree, nodes: list[int]) -> list[int]:
    """Return those nodes that no other one of them encloses; they have to be in the order of the text."""
    found: list[int] = []
    for node in nodes:
        if not found or node >= tree.nexts[found[-1]]:
            found.append(node)
    return found


def remove_statement(code: str, language: str, statement: Statement) -> Edited:
    """Take a statement away, with its line where it stands alone on it.

    Where a statement is needed, an empty one takes its place (``pass`` in Python, else ``;``); so it does in JavaScript
    where it parts two statements that would be one without it.

    Args:
        code: A file or a fragment.
        language: Its language.
        statement: One of ``statements(code, language)``.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the statement is none of this text.
    """
    table, tree = table_of(language), parse(code, language).tree
    node = next((each for each in statement_nodes(tree, table) if _span(tree, each) == statement.span), None)
    if node is None or tree.kinds[node] != statement.kind:
        raise CodeError(
            f"there is no {statement.kind} at {statement.span.start}-{statement.span.end}; "
            "take one of the statements of this very text"
        )
    parent = tree.parents[node]
    siblings = [each for each in tree.children(parent) if tree.kinds[each] not in table.comments]
    needed = tree.kinds[parent] not in table.blocks and tree.kinds[parent] not in ("text", "ERROR")
    if needed or (table.indented and len(siblings) == 1 and tree.kinds[parent] in table.bodies):
        return apply(code, [Edit(statement.span, table.empty_statement)])
    if _parts(tree, table, siblings, siblings.index(node)):
        return apply(code, [Edit(statement.span, ";")])
    return apply(code, [Edit(_with_space(code, statement.span, table), "")])


def _parts(tree: Tree, table: Language, siblings: list[int], number: int) -> bool:
    """Whether the statement after one would continue the statement before it if that one were not there."""
    if not table.asi or not 0 < number < len(siblings) - 1:
        return False
    before, after = siblings[number - 1], siblings[number + 1]
    ends = tree.kinds[before] in _ENDED_BY_LINES and not tree.words(before).endswith(";")
    return ends and tree.text.startswith(tuple(table.asi), tree.starts[after])


def replace(code: str, span: Span, text: str) -> Edited:
    """Put a text in the place of what a span covers.

    Raises:
        CodeError: If the span lies outside the text.
    """
    return apply(code, [Edit(span, text)])


def _span(tree: Tree, node: int) -> Span:
    text = tree.words(node)
    return Span(tree.starts[node], tree.starts[node] + len(text.rstrip()))


def _with_space(code: str, span: Span, table: Language) -> Span:
    """Return a statement's span with what it leaves behind: its line, or the separator next to it."""
    start, end = span.start, span.end
    semicolon = rest_of_line(code, end).lstrip(" \t")[:1] == ";" and table.semicolon_between
    after = code.index(";", end) + 1 if semicolon else end
    alone_before = indent_of(code, start) is not None
    if alone_before and not rest_of_line(code, after).strip():
        line_end = after + len(rest_of_line(code, after))
        if code.startswith("\r\n", line_end):
            line_end += 2
        elif line_end < len(code):
            line_end += 1
        return Span(line_start(code, start), line_end)
    while after < len(code) and code[after] in " \t":
        after += 1
    if semicolon:
        return Span(start, after)
    before = code[:start].rstrip(" \t")
    if table.semicolon_between and before.endswith(";") and not alone_before:
        return Span(len(before) - 1, end)
    return Span(start, after)
