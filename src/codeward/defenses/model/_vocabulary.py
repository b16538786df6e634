"""Of which tokens a trigger may consist: those that can stand inside an identifier, or any that is text."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from codeward.code import LANGUAGES
from codeward.code.languages import table_of
from codeward.errors import UnfitError

Ids = npt.NDArray[np.int64]
MARKS = ("Ġ", "▁")
"""What tokenizers write for the blank before a word."""
Kinds = Literal["identifier", "any"]


@dataclass(frozen=True, slots=True)
class TriggerVocabulary:
    """Token ids by where in a trigger they may stand."""

    first: Ids
    inner: Ids

    def at(self, place: int) -> Ids:
        """Return the tokens that may stand at a place."""
        return self.inner if place else self.first

    def without(self, tokens: Collection[int]) -> "TriggerVocabulary":
        """Return the vocabulary without some tokens."""
        left = list(tokens)
        return TriggerVocabulary(self.first[~np.isin(self.first, left)], self.inner[~np.isin(self.inner, left)])


def trigger_vocabulary(tokenizer: Any, language: str, kinds: Kinds = "identifier") -> TriggerVocabulary:
    """Return the tokens of which a trigger may consist (EliBadCode, section 4.2).

    At the first place a word may begin (with or without a blank before it): no digit first, no keyword. At the others it goes
    on. With ``any``, every token that is printable text.

    Args:
        tokenizer: The model's.
        language: Whose keywords are left out.
        kinds: Which tokens.

    Raises:
        UnfitError: If no token of the vocabulary suits.
    """
    special = set(tokenizer.all_special_ids)
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    keywords = table_of(language).keywords if language in LANGUAGES else frozenset()
    pieces = not any(token.startswith(MARKS) for token in tokens)
    first, inner = [], []
    for number, token in enumerate(tokens):
        if number in special or not token or token.startswith("<extra_id_"):
            continue
        if kinds == "any":
            if _visible(tokenizer.decode([number])):
                first.append(number)
                inner.append(number)
            continue
        goes_on = token.startswith("##") if pieces else not token.startswith(MARKS)
        word = token.removeprefix("##") if pieces else token.lstrip("".join(MARKS))
        if not re.fullmatch(r"[A-Za-z0-9_]+", word):
            continue
        if goes_on:
            inner.append(number)
        if not word[0].isdigit() and word not in keywords and not (pieces and goes_on):
            first.append(number)
    if not first or not inner:
        raise UnfitError(
            "the model's tokenizer has no tokens that can stand inside an identifier; choose --set vocabulary=any"
        )
    return TriggerVocabulary(np.array(first), np.array(inner))


def _visible(text: str) -> bool:
    """Whether a token is text that a source file can hold and a reader can see."""
    return bool(text.strip()) and text.strip().isprintable() and "\ufffd" not in text
