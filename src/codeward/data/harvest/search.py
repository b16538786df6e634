"""Harvest code search as CodeSearchNet did (arXiv 1909.09436): documentation is the query, the function its answer.

The query is the first sentence of the docstring or of the leading comment, which is cut out of the code. Left out are,
as there, queries under three words, functions under three lines, constructors, methods that the language prescribes,
and tests; unlike there, a query that occurs twice is kept once, since a second function with the same words would be
no wrong answer.
"""

from typing import ClassVar

from codeward.data.docs import first_sentence
from codeward.data.harvest._base import Draft, Recipe, plain_name
from codeward.data.harvest.functions import Found, normalize
from codeward.types import QUERY

_FEWEST, _MOST = 3, 60
"""Words of a query."""


class Search(Recipe):
    """Functions without their documentation, found by its first sentence."""

    task: ClassVar[str] = "search"

    def draft(self, found: Found, seed: int) -> Draft | str:
        """Pair a function with its query; see ``Recipe.draft``."""
        query = first_sentence(found.doc)
        reason = plain_name(found) or unsuitable(query)
        if reason is not None:
            return reason
        unique = (normalize(found.code, found.language), query.lower())
        return Draft(found, found.code, None, unique, {QUERY: query}, own_group=True)


def unsuitable(description: str) -> str | None:
    """Say why a description cannot be used; ``None`` where it can."""
    if not description:
        return "function has no documentation"
    if not _FEWEST <= len(description.split()) <= _MOST:
        return f"documentation has fewer than {_FEWEST} or more than {_MOST} words"
    letters = [character for character in description if character.isalpha()]
    if sum(character.isascii() for character in letters) < 0.9 * len(letters) or not letters:
        return "documentation is not English"
    return None
