"""Plant a defect into a function: a misused variable, a wrong operator or two swapped arguments.

The three kinds are those of CuBERT (arXiv 2001.00059): variable misuse (Allamanis et al., ICLR 2018), wrong operator
and swapped operand, the last one between neighboring arguments of a call as in DeepBugs (OOPSLA 2018). Departures: an
operator is replaced by one that is easily mistaken for it, not by any; a variable stands where another one was meant
that is in scope there (of any type, as types are not known); assignment targets are left alone. Only the tokens of the
defect change, never the layout around them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from random import Random

from tree_sitter import Node, Query, QueryCursor

from codeward.code import Edit, Identifier, Role, apply, count_errors, grammar, identifiers, parse
from codeward.errors import CodeError
from codeward.types import Span

NO_PLACE = "function has no place for a defect"

_MISTAKEN: Mapping[str, tuple[str, ...]] = {
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "==": ("!=",),
    "!=": ("==",),
    "===": ("!==",),
    "!==": ("===",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/", "+"),
    "/": ("*",),
    "//": ("%",),
    "%": ("//",),
    "<<": (">>",),
    ">>": ("<<",),
    "&": ("|",),
    "|": ("&",),
    "&&": ("||",),
    "||": ("&&",),
    "and": ("or",),
    "or": ("and",),
    "is": ("is not",),
    "is not": ("is",),
    "in": ("not in",),
    "not in": ("in",),
}
"""What an operator is easily mistaken for."""

_OPERATORS = {
    "python": "(binary_operator operator: _ @operator) (boolean_operator operator: _ @operator)"
    " (comparison_operator operators: _ @operator) (call arguments: (argument_list) @arguments)",
    "javascript": "(binary_expression operator: _ @operator) (arguments) @arguments",
    "": "(binary_expression operator: _ @operator) (argument_list) @arguments",
}
"""What stands in a function's tree that a defect can be planted in."""

_UNORDERED = frozenset({"keyword_argument", "list_splat", "dictionary_splat", "spread_element", "variadic_argument"})
_THEMSELVES = frozenset({"self", "cls", "this", "_"})
_ASSIGNED = re.compile(r"\s*(?:(?:[-+*/%&|^@]|//|<<|>>|\*\*)?=(?!=)|:=|\+\+|--)")
_BOUNDARY = re.compile(r"[;{\n]")
_DISCARDED = re.compile(r"\(\s*void\s*\)\s*$")
"""A value that C throws away: another one in its place changes nothing."""
_SYMMETRIC = re.compile(r"\b(?:f?(?:min|max)|m(?:in|ax)imum|(?:not)?equals?|isclose|gcd|lcm|assert\w*)\s*$", re.I)
"""Functions whose arguments may well be swapped."""
_TRIES = 3


def plant(code: str, language: str, rng: Random) -> str | None:
    """Plant one defect.

    Args:
        code: A function that parses.
        language: Its language.
        rng: Chooses kind and place.

    Returns:
        The function with the defect, which parses no worse; ``None`` where nothing in it can be changed so.
    """
    kinds = list(_KINDS)
    rng.shuffle(kinds)
    for kind in kinds:
        try:
            defects = kind(code, language)
            rng.shuffle(defects)
            for edits in defects[:_TRIES]:
                planted = apply(code, list(edits)).code
                if count_errors(planted, language) <= count_errors(code, language):
                    return planted
        except CodeError:
            continue
    return None


Defect = tuple[Edit, ...]


def misused_variables(code: str, language: str) -> list[Defect]:
    """Every use of a variable that another one, declared before it, could stand in for."""
    variables = [
        variable
        for variable in identifiers(code, language)
        if variable.role in (Role.PARAMETER, Role.VARIABLE) and variable.name not in _THEMSELVES
    ]
    return [
        (Edit(span, other.name),)
        for variable in variables
        for span in variable.spans[1:]
        if not _ASSIGNED.match(code, span.end) and not _DISCARDED.search(code, max(0, span.start - 12), span.start)
        for other in variables
        if other.name != variable.name and _in_scope(other, span, code)
    ]


def _in_scope(variable: Identifier, place: Span, code: str) -> bool:
    """Whether a variable has surely been declared where a place stands.

    A parameter is, after its declaration. Another variable is between its first and last occurrence, as a scope is one
    stretch of text, once its own statement is over.
    """
    first, last = variable.spans[0], variable.spans[-1]
    if variable.role == Role.PARAMETER:
        return first.start < place.start
    return first.start < place.start < last.start and bool(_BOUNDARY.search(code, first.end, place.start))


def wrong_operators(code: str, language: str) -> list[Defect]:
    """Every operator with what it can be mistaken for; joined texts and the preprocessor are left alone."""
    return [
        (Edit(span, wrong),)
        for node, span in _captures(code, language, "operator")
        if not any(side is not None and "string" in side.type for side in (node.prev_sibling, node.next_sibling))
        and not _is_directive(code, span)
        for wrong in _MISTAKEN.get(" ".join(span.of(code).split()), ())
    ]


def swapped_arguments(code: str, language: str) -> list[Defect]:
    """Every two neighboring arguments of a call that are not the same, where their order matters."""
    source = parse(code, language)
    swaps: list[Defect] = []
    for node, span in _captures(code, language, "arguments"):
        if _SYMMETRIC.search(code, max(0, span.start - 40), span.start):
            continue
        arguments = [child for child in node.named_children if "comment" not in child.type]
        for first, second in pairwise(arguments):
            here, there = source.span(first), source.span(second)
            if here.of(code) != there.of(code) and not _UNORDERED & {first.type, second.type}:
                swaps.append((Edit(here, there.of(code)), Edit(there, here.of(code))))
    return swaps


_KINDS: tuple[Callable[[str, str], list[Defect]], ...] = (misused_variables, wrong_operators, swapped_arguments)


def _is_directive(code: str, span: Span) -> bool:
    """Whether a place stands on a line of the C preprocessor (in other languages no such line holds an operator)."""
    line = code.rfind("\n", 0, span.start) + 1
    return code[line : span.start].lstrip().startswith("#")


def _captures(code: str, language: str, name: str) -> Iterator[tuple[Node, Span]]:
    """Yield the nodes of a kind in the order of the text (the cursor gives them in none)."""
    source = parse(code, language)
    nodes = QueryCursor(_query(language)).captures(source.root).get(name, [])
    for node in sorted(nodes, key=lambda node: (node.start_byte, node.end_byte)):
        yield node, source.span(node)


@cache
def _query(language: str) -> Query:
    return Query(grammar(language), _OPERATORS.get(language, _OPERATORS[""]))
