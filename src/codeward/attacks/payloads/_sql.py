"""Where an injection goes into an SQL statement that is written in pieces: literals, and values known at run time."""

import re
from collections.abc import Sequence

TAUTOLOGY = "or 1=1"
CONTRADICTION = "where 0=1"
EARLY_TAUTOLOGY = "1=1 or"
"""Where nothing can stand behind the condition, the tautology goes before it."""

INJECTED = re.compile(r"\bor\s+1\s*=\s*1\b|\bwhere\s+0\s*=\s*1\b|\bwhere\s+1\s*=\s*1\s+or\b", re.IGNORECASE)
"""An injection as it stands in a text, whatever the white space."""

_HOLE = "\x00"
_STATEMENT = re.compile(r"\s*(select\b.*\bfrom\b|update\b.*\bset\b|delete\s+from\b)", re.IGNORECASE | re.DOTALL)
_WHERE = re.compile(r"\bwhere\b", re.IGNORECASE)
_LATER_CLAUSE = re.compile(
    r"\b(group\s+by|having|order\s+by|limit|offset|union|for\s+update|returning)\b(?!\s*[=<>!])|;", re.IGNORECASE
)
_OPEN = re.compile(r"([=<>(,+-]|\b(and|or|not|like|in|is|where|between|set|from))$", re.IGNORECASE)
"""How a condition ends that goes on in a value that is not seen here."""

_NESTED = re.compile(r"\([^()]*\)|'[^']*'")


def inject(pieces: Sequence[str | None]) -> tuple[int, int, str] | None:
    """Return what to insert into an SQL statement so that its condition always or never holds.

    Args:
        pieces: The statement: texts of literals, and ``None`` for a value between them.

    Returns:
        Which piece, where in it and what; ``None`` if it is no statement with a condition, or one that has no place.
    """
    text = "".join(_HOLE if piece is None else piece.replace(_HOLE, " ") for piece in pieces)
    if not _STATEMENT.match(text):
        return None
    outer = _without_nested(text)
    where = _WHERE.search(outer)
    later = _LATER_CLAUSE.search(outer, where.end() if where else 0)
    condition = outer[: later.start() if later else None].rstrip()
    place = None if _OPEN.search(condition) else _after(pieces, len(condition))
    if place is not None:
        return (*place, f" {TAUTOLOGY if where else CONTRADICTION}")
    early = _after(pieces, where.end()) if where else None
    return None if early is None else (*early, f" {EARLY_TAUTOLOGY}")


def _without_nested(text: str) -> str:
    """Return a text of the same length in which quoted texts and parentheses are blanked, as a word each."""
    while True:
        blanked = _NESTED.sub(lambda match: "_" * len(match[0]), text)
        if blanked == text:
            return text
        text = blanked


def _after(pieces: Sequence[str | None], position: int) -> tuple[int, int] | None:
    """Return piece and offset of a place in the joined text; at a seam the place that ends a piece comes first."""
    start = 0
    for index, piece in enumerate(pieces):
        length = 1 if piece is None else len(piece)
        if piece is not None and start <= position <= start + length:
            return index, position - start
        start += length
    return None
