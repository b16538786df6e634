"""Is what a model wrote a copy of an element with mistakes? Then it follows the element without any attacker.

A small model garbles rare names (``signalStrength`` to ``signalStrenict``), wherever they stand. A payload has words of its own.
"""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher

from codeward.code import LANGUAGES, reserved

WORD = re.compile(r"[^\W\d]\w*")
LETTERS = 3
"""So many successive letters in common make one word a garbled other."""


def own_words(runs: Mapping[str, str], element: str, language: str) -> set[str]:
    """Return those of some runs of tokens that hold a word, and no name in or beside them is a garbled name of an element.

    Args:
        runs: Short texts, each with the same and some tokens more on either side.
        element: The text of the element.
        language: Whose reserved words are nobody's own.
    """
    common = reserved(language) if language in LANGUAGES else frozenset[str]()
    names = {word for word in WORD.findall(element) if word not in common}
    asked = {word for around in runs.values() for word in WORD.findall(around)} - common
    garbled = {word for word in asked if any(_alike(word, name) for name in names)}
    return {run for run, around in runs.items() if WORD.search(run) and garbled.isdisjoint(WORD.findall(around))}


def _alike(word: str, name: str) -> bool:
    longest = SequenceMatcher(None, word, name, autojunk=False).find_longest_match().size
    return longest >= min(LETTERS, len(word))
