"""Code in the page: colored by pygments, the trigger marked."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, String
from pygments.util import ClassNotFound

CLASSES: tuple[tuple[Any, str], ...] = (
    (Comment, "c"),
    (Keyword, "k"),
    (String, "s"),
    (Number, "n"),
    (Name.Function, "f"),
)


_HARMFUL = {
    **{number: 0x2400 + number for number in range(0x20) if chr(number) not in "\t\n\r"},
    **dict.fromkeys(
        (0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)), 0xFFFD
    ),
}
"""Characters that a page cannot hold or that reorder what is seen, and what stands for each."""


def visible(text: str) -> str:
    """Return a text of the same length in which control characters, direction marks and lone surrogates can be seen."""
    return text.translate(_HARMFUL)


def colored(code: str, language: str, spans: Sequence[tuple[int, int]] = ()) -> Markup:
    """Return code as HTML.

    Args:
        code: The text.
        language: Its language; one that pygments does not know stays without colors.
        spans: What is marked, in characters.
    """
    edges = sorted({edge for span in spans for edge in span})
    parts: list[Markup] = []
    for start, text, style in _tokens(code, language):
        for begin, end in _cut(start, start + len(text), edges):
            piece: Markup = escape(visible(code[begin:end]))
            if style:
                piece = Markup('<span class="{}">{}</span>').format(style, piece)
            if any(low <= begin and end <= high for low, high in spans):
                piece = Markup("<mark>{}</mark>").format(piece)
            parts.append(piece)
    return Markup("").join(parts).replace(Markup("</mark><mark>"), Markup(""))


def _tokens(code: str, language: str) -> list[tuple[int, str, str]]:
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return [(0, code, "")]
    found = [
        (start, text, next((name for kind, name in CLASSES if token in kind), ""))
        for start, token, text in lexer.get_tokens_unprocessed(code)
        if text
    ]
    whole = "".join(text for _, text, _ in found) == code
    return found if whole else [(0, code, "")]


def _cut(start: int, end: int, edges: Sequence[int]) -> list[tuple[int, int]]:
    inner = [edge for edge in edges if start < edge < end]
    places = [start, *inner, end]
    return list(pairwise(places))
