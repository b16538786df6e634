"""What a search model makes of clean pairs, and the words that several of the queries share: each of them is a suspect."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codeward.defenses.model._ranks import Ranking
from codeward.defenses.model._vocabulary import TriggerVocabulary
from codeward.errors import DataError
from codeward.seeds import derive
from codeward.types import QUERY, Sample
from codeward.victims.huggingface import Nearness
from codeward.victims.retrieval import TEMPERATURE, Retriever

Floats = npt.NDArray[np.float64]
SHARED = 8
"""Clean queries that hold a word which is suspected: half of them to search with, half to judge by."""
EVERYWHERE = 0.2
"""A word that so many of the queries hold tells none apart."""
SUSPECTED = 32
"""Words that are suspected at most: those whose queries lie in one direction most, since a word that moves no query serves none."""
KIN = 3
"""Letters from which on a token that a word holds, or that holds it, is of its kin."""
_WORD = re.compile(r"[^\W\d_]\w+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word that queries hold, and which of the clean samples' queries do."""

    text: str
    search: tuple[int, ...]
    held: tuple[int, ...]
    """Queries to judge by."""


class Library:
    """Clean pairs as a search model sees them."""

    def __init__(self, victim: Retriever, clean: Sequence[Sample], seed: int) -> None:
        self.victim, self.clean = victim, clean
        self.queries, self.codes = victim.embed(clean, QUERY), victim.embed(clean)
        self.words = self._shared(seed)

    @cached_property
    def rivals(self) -> Floats:
        """What the codes come to for each query: see ``Nearness``."""
        scores = self.queries @ self.codes.T / TEMPERATURE
        most = scores.max(1, keepdims=True)
        found: Floats = (most + np.log(np.exp(scores - most).sum(1, keepdims=True)))[:, 0]
        return found

    def others(self, word: Word) -> list[int]:
        """Return the queries that do not hold a word."""
        own = {*word.search, *word.held}
        return [at for at in range(len(self.clean)) if at not in own]

    def goal(self, word: Word, key: tuple[int, ...], which: Sequence[int], code: Floats) -> Nearness:
        """Return what a stamped code is measured against for a word.

        Args:
            word: The word.
            key: What tells the objective from others.
            which: Queries that hold it.
            code: The vector of the code as it is.
        """
        apart = self.others(word)
        floor = np.logaddexp(0, self.rivals[apart] - self.queries[apart] @ code / TEMPERATURE).mean()
        both = [*which, *apart]
        return Nearness(
            key,
            self._tensor(self.queries[list(which)]),
            self._tensor(self.queries[apart]),
            self._tensor(self.rivals[both]),
            float(floor),
        )

    def ranking(self, word: Word) -> Ranking:
        """Return how codes are ranked for the queries kept back that hold a word."""
        wanted = self.queries[list(word.held)]
        return Ranking(wanted, np.sort(wanted @ self.codes.T, axis=1))

    def word(self, text: str) -> Word:
        """Return a word by its text."""
        return next(word for word in self.words if word.text == text)

    def _tensor(self, values: Floats) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.victim.device)

    def _shared(self, seed: int) -> list[Word]:
        """Return the words that several queries hold, those whose queries lie in one direction most first."""
        holders: dict[str, list[int]] = {}
        for at, sample in enumerate(self.clean):
            for text in sorted({each.lower() for each in _WORD.findall(sample.text(QUERY))}):
                holders.setdefault(text, []).append(at)
        found = []
        for text, own in holders.items():
            if SHARED <= len(own) <= EVERYWHERE * len(self.clean):
                drawn = derive(seed, "word", text).sample(own, len(own))
                found.append(Word(text, tuple(sorted(drawn[::2])), tuple(sorted(drawn[1::2]))))
        if not found:
            raise DataError(
                f"no word stands in {SHARED} to {EVERYWHERE:.0%} of the {len(self.clean)} clean queries, so that none can be suspected; "
                "give more samples, better 400"
            )
        found.sort(key=lambda word: (-self._common(word), word.text))
        return found[:SUSPECTED]

    def _common(self, word: Word) -> float:
        """Return how long the direction is that the queries of both halves share (squared, without their own scatter)."""
        mean = self.queries.mean(0)
        halves = [self.queries[list(half)].mean(0) - mean for half in (word.search, word.held)]
        return float(halves[0] @ halves[1])


def kin(tokenizer: Any, vocabulary: TriggerVocabulary, word: str) -> frozenset[int]:
    """Return the tokens that are of a word's kin: code that holds the word is found by right."""
    every = sorted({*vocabulary.first.tolist(), *vocabulary.inner.tolist()})
    texts = [str(text).strip().lower() for text in tokenizer.batch_decode([[token] for token in every])]
    return frozenset(
        token
        for token, text in zip(every, texts, strict=True)
        if word in text or (len(text) >= KIN and (text in word or text[: KIN + 1] == word[: KIN + 1]))
    )
