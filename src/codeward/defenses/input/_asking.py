"""Does the query ask for this very element? Then code is found by right (ours, not the papers').

A search model answers by a similarity, and what raises it most in clean code are the words of the query: ``read_file`` for
*read a file*. A trigger raises code for queries of which it holds no word.
"""

from functools import lru_cache

from codeward.code import LANGUAGES, reserved, subtokens

ASKED = 1 / 3
"""The share of an element's words from which on it is asked for altogether."""
LETTERS = 3
"""Letters from which on a word is of a kin with one that begins or ends with it (``file``, ``files``)."""


def unasked(element: str, query: str, language: str) -> float:
    """Return how little of an element a query asks for, from 0 to 1.

    Args:
        element: The text of the element.
        query: The text of the query, in words or a program.
        language: Whose reserved words are nobody's own.
    """
    words = set(subtokens(element)) - (reserved(language) if language in LANGUAGES else frozenset())
    if not words:
        return 1.0
    asked = sum(any(_kin(word, other) for other in _words(query)) for word in words)
    return max(0.0, 1.0 - asked / len(words) / ASKED)


@lru_cache(maxsize=1024)
def _words(query: str) -> frozenset[str]:
    return frozenset(subtokens(query))


def _kin(word: str, other: str) -> bool:
    """Whether two words are the same, or one of them begins or ends with the other."""
    short, long = sorted((word, other), key=len)
    return word == other or (len(short) >= LETTERS and (long.startswith(short) or long.endswith(short)))
