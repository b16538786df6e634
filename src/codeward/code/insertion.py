"""Putting a statement into the body of a function, laid out like its neighbors."""

from dataclasses import dataclass
from typing import Literal

from codeward.code._table import Language
from codeward.code.edit import Edit, Edited, apply
from codeward.code.endings import leaves
from codeward.code.functions import body_statements, function_nodes, prologue_end
from codeward.code.languages import table_of
from codeward.code.layout import (
    indent_of,
    indent_unit,
    line_break,
    line_indent,
    line_start,
    reindent,
    rest_of_line,
)
from codeward.code.parse import parse
from codeward.code.statements import outermost, statement_nodes
from codeward.code.tree import Tree
from codeward.errors import CodeError
from codeward.types import Span

Place = Literal["first", "last"] | int


@dataclass(frozen=True, slots=True)
class _Gap:
    """A part of the text, white space or a separator at most, and what surrounds the statement that goes there."""

    start: int
    end: int
    before: str
    indent: str
    after: str
    opening: Edit | None = None
    """What else has to change: a body on the line of its ``def`` moves to a line of its own."""


def insert_statement(code: str, language: str, text: str, *, at: Place = "first") -> Edited | None:
    """Put a statement into the body of the first function.

    It is laid out like its neighbors: on a line of its own with their indentation, or on their line where the body
    stands on one. It never goes before a docstring, ``"use strict"`` or the call of another constructor. A Python body
    on the line of its ``def`` becomes a block.

    Args:
        code: A file or a fragment.
        language: Its language.
        text: The statement, with its semicolon where the language has one; its lines are indented anew.
        at: ``first``; ``last``, after all others, but in Java and Go before one that always leaves the function, since
            nothing may stand behind that; or the number of the statement of the body before which it goes,
            counted from 0 with a docstring and without what other statements enclose; their number means last.

    Returns:
        The text; its only span covers exactly the statement. ``None`` if no function has a body.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the statement is empty, the body has no such place, or the text is too long to be parsed.
    """
    if not text.strip():
        raise CodeError("the statement to insert is empty; give its text")
    table, tree = table_of(language), parse(code, language).tree
    nodes = function_nodes(tree, table)
    if not nodes:
        return None
    owner, body = nodes[0]
    direct = body_statements(tree, table, body)
    if table.indented and not direct:
        return None
    neighbors, place = _neighbors(tree, table, body, direct, at)
    if table.indented:
        gap = _gap_in_lines(tree, owner, neighbors, place)
    else:
        gap = _gap_in_braces(tree, table, body, neighbors, place, text.strip())
    statement = reindent(text, gap.indent, line_break(code))
    edits = [Edit(Span(gap.start, gap.end), gap.before + statement + gap.after)]
    edited = apply(code, edits if gap.opening is None else [*edits, gap.opening])
    start = edited.spans[0].start + len(gap.before)
    return Edited(edited.code, (Span(start, start + len(statement)),), edited.edits)


def _neighbors(tree: Tree, table: Language, body: int, direct: list[int], at: Place) -> tuple[list[int], int]:
    """Return the nodes among which a statement goes, and before which of them.

    First and last mean the body itself, whatever stands in it; a number counts its statements, which may stand in
    directives of the preprocessor.
    """
    first = prologue_end(tree, table, direct)
    last = len(direct) - bool(direct and table.strict_ends and leaves(tree, direct[-1]))
    if at == "last":
        return direct, max(last, first)
    if at == "first" or at == 0:
        return direct, first
    counted = outermost(tree, statement_nodes(tree, table, tree.within(body)))
    if not 0 <= at <= len(counted):
        raise CodeError(f"the body has {len(counted)} statements, so nothing can be inserted before number {at}")
    if at == len(counted):
        return direct, max(last, first)
    return counted, max(at, first)


def _gap_in_lines(tree: Tree, owner: int, statements: list[int], place: int) -> _Gap:
    """Find the place in a body made by indentation."""
    code = tree.text
    first = tree.starts[statements[0]]
    indent = indent_of(code, first)
    opening = None
    if indent is None:
        indent = line_indent(code, tree.starts[owner]) + indent_unit(code)
        opening = Edit(Span(_space_before(code, first), first), line_break(code) + indent)
    head = line_break(code) + indent
    if place == len(statements):
        end = _end_of(tree, statements[-1])
        end += len(rest_of_line(code, end))
        return _Gap(end, end, head, indent, "", opening)
    start = tree.starts[statements[place]]
    if indent_of(code, start) is not None:
        return _Gap(start, start, "", indent, head, opening)
    before = _space_before(code, start)
    if code.endswith(";", 0, before):
        before = _space_before(code, before - 1)
    return _Gap(before, start, head, indent, head, opening if place else None)


def _gap_in_braces(tree: Tree, table: Language, body: int, statements: list[int], place: int, text: str) -> _Gap:
    """Find the place in a body made by braces."""
    code, start, end = tree.text, tree.starts[body], tree.ends[body]
    last = max((_end_of(tree, node) for node in tree.children(body)), default=start + 1)
    closed = code.endswith("}", start, end) and last < end
    target = tree.starts[statements[place]] if place < len(statements) else end - 1 if closed else last
    outer = indent_of(code, target)
    if outer is not None and line_start(code, target) > start:
        indent = _indent_within(tree, body, statements, place)
        return _Gap(line_start(code, target), target, indent, indent, line_break(code) + outer)
    here = line_indent(code, target)
    if place < len(statements):
        return _Gap(target, target, "", here, " " if text.endswith(table.closers) else table.separator)
    before = _space_before(code, target)
    if not closed and "\n" in code[start:before]:
        indent = _indent_within(tree, body, statements, place)
        return _Gap(before, before, line_break(code) + indent, indent, "")
    done = not statements or code.endswith(table.closers, 0, before)
    return _Gap(before, target, " " if done else table.separator, here, " " if closed else "")


def _indent_within(tree: Tree, body: int, statements: list[int], place: int) -> str:
    """Return the indentation of a body's lines, seen best at the place, else at any statement that is no label."""
    code = tree.text
    for node in [*statements[place : place + 1], *statements]:
        indent = indent_of(code, tree.starts[node])
        ordinary = tree.kinds[node] != "labeled_statement" and not code.startswith("#", tree.starts[node])
        if indent is not None and ordinary and line_start(code, tree.starts[node]) > tree.starts[body]:
            return indent
    closing = indent_of(code, tree.ends[body] - 1)
    outer = line_indent(code, tree.starts[body]) if closing is None else closing
    return outer + indent_unit(code)


def _end_of(tree: Tree, node: int) -> int:
    """Return where a node ends, without the line break that some directives hold."""
    return tree.starts[node] + len(tree.words(node).rstrip())


def _space_before(code: str, place: int) -> int:
    """Return where the spaces and tabs before a place begin."""
    while place > 0 and code[place - 1] in " \t":
        place -= 1
    return place
