"""Is what a model wrote a copy of an element with mistakes? Then it follows the element without any attacker.

A small model garbles rare names (``signalStrength`` to ``signalStrenict``), wherever they stand. A payload has words of its own.
"""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from codeward.code import LANGUAGES, reserved

WORD = re.compile(r"[^\W\d]\w*")
LETTERS = 3
"""So many successive letters in common make one word a garbled other."""


def own_words(runs: Iterable[str], element: str, language: str) -> set[str]:
    """Return those of some runs of tokens that hold a word, and whose names are in the majority no garbled names of an element.

    Args:
        runs: Short texts.
        element: The text of the element.
        language: Whose reserved words are nobody's own.
    """
    common = reserved(language) if language in LANGUAGES else frozenset[str]()
    names = [word for word in WORD.findall(element) if word not in common]
    return {run for run in runs if _own(WORD.findall(run), names, common)}


def _own(words: list[str], names: list[str], common: frozenset[str]) -> bool:
    asked = [word for word in words if word not in common]
    garbled = sum(any(_alike(word, name) for name in names) for word in asked)
    return bool(words) and (not asked or 2 * garbled < len(asked))


def _alike(word: str, name: str) -> bool:
    longest = SequenceMatcher(None, word, name, autojunk=False).find_longest_match().size
    return longest >= min(LETTERS, len(word))
