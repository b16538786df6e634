"""Integer literals that an expression can stand for."""

import re

from codeward.code.languages import table_of
from codeward.code.macros import MACROS, spelled_arguments
from codeward.code.parse import parse
from codeward.types import Span

_INTEGER = re.compile(
    r"[-+]?(?P<digits>(?:0[xX][0-9a-fA-F_']+|0[bB][01_']+|0[oO][0-7_]+|[0-9][0-9_']*)[uUlLzZn]*)",
)
"""An integer; the grammar of C takes a sign before it for a part of it."""


def integers(code: str, language: str) -> list[Span]:
    """Return the integer literals that may be replaced by an expression of the same value, in the order of the text.

    Left out are those that the language wants as a literal, or as a constant that tools read: sizes in declarations,
    case labels and patterns, enumerators, widths of bit fields, template arguments, attributes and annotations,
    preprocessor conditions, keys that name a property, arguments of macros of the text that make a text or a name of them.

    Args:
        code: A file or a fragment.
        language: Its language.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is too long to be parsed.
    """
    table, tree = table_of(language), parse(code, language).tree
    literals = [node for node, kind in enumerate(tree.kinds) if kind in table.integers]
    if not literals:
        return []
    fixed = tree.inherited(table.fixed_constants)
    spelled = spelled_arguments(tree) if language in MACROS else []
    found = []
    for node in literals:
        literal = _INTEGER.fullmatch(tree.words(node))
        if literal is not None and not fixed[node]:
            span = Span(tree.starts[node] + literal.start("digits"), tree.ends[node])
            if not any(each.contains(span) for each in spelled):
                found.append(span)
    return found
