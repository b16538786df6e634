"""An n-gram language model in sorted arrays: interpolated Kneser-Ney with one discount (Chen and Goodman, 1999).

Counts are looked up for many n-grams at once; there is no Python object for each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
ORDER = 4
DISCOUNT = 0.75
START, UNKNOWN = 0, 1
_PRIMES = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], dtype=np.uint64)


@dataclass(slots=True)
class _Counts:
    """Sorted keys and their values; the keys' first bits say about where one stands, as they are spread evenly."""

    keys: Keys
    values: Floats
    _shift: np.uint64 = field(init=False)
    _starts: Ids = field(init=False)

    def __post_init__(self) -> None:
        bits = max(1, len(self.keys).bit_length())
        self._shift = np.uint64(64 - bits)
        edges = np.arange(1 << bits, dtype=np.uint64) << self._shift
        self._starts = np.append(np.searchsorted(self.keys, edges), len(self.keys))

    def of(self, keys: Keys, *others: Floats) -> tuple[Floats, ...]:
        """Return the values of keys, and what else goes with them; 0 for those that are not there."""
        bucket = (keys >> self._shift).astype(np.int64)
        place, end = self._starts[bucket], self._starts[bucket + 1]
        results = tuple(np.zeros(len(keys)) for _ in range(1 + len(others)))
        left = np.flatnonzero(place < end)
        while len(left):
            at = place[left]
            hit = self.keys[at] == keys[left]
            for result, values in zip(results, (self.values, *others), strict=True):
                result[left[hit]] = values[at[hit]]
            place[left] += 1
            left = left[~hit & (at + 1 < end[left])]
        return results


@dataclass(slots=True)
class NGrams:
    """A language model of tokens."""

    vocabulary: dict[str, int] = field(default_factory=dict)
    grams: list[_Counts] = field(default_factory=list)
    """For each order the (continuation) counts of its n-grams."""
    contexts: list[_Counts] = field(default_factory=list)
    """For each order the sum of these counts over the last token."""
    followers: list[Floats] = field(default_factory=list)
    """For each order how many different tokens follow each of ``contexts``."""

    @classmethod
    def fit(cls, texts: Iterable[Sequence[str]]) -> "NGrams":
        """Count the n-grams of texts; a token that they do not hold is as unlikely as can be."""
        model = cls()
        parts = []
        for words in texts:
            for word in words:
                model.vocabulary.setdefault(word, len(model.vocabulary) + 2)
            parts.append(padded(model.numbers(words)))
        model._count(np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64))
        return model

    def numbers(self, words: Sequence[str]) -> Ids:
        """Return the numbers of tokens."""
        known = self.vocabulary
        return np.array(list(map(known.get, words, repeat(UNKNOWN))), dtype=np.int64)

    def log_probabilities(self, windows: Ids) -> Floats:
        """Return the natural logarithm of the probability of each window's last token given those before it.

        Args:
            windows: Token numbers, shape ``[n, 4]``.
        """
        _, first, places = np.unique(_keys(windows), return_index=True, return_inverse=True)
        windows = windows[first]
        probability = np.full(len(windows), 1.0 / (len(self.vocabulary) + 2))
        for order in range(1, ORDER + 1):
            part = windows[:, ORDER - order :]
            context = _keys(part[:, :-1])
            total, followers = self.contexts[order - 1].of(context, self.followers[order - 1])
            (count,) = self.grams[order - 1].of(_keys(part))
            weight = DISCOUNT * followers
            known = total > 0
            safe = np.where(known, total, 1.0)
            mixed = np.maximum(count - DISCOUNT, 0) / safe + weight / safe * probability
            probability = np.where(known, mixed, probability)
        logs: Floats = np.log(probability)[places]
        return logs

    def _count(self, ids: Ids) -> None:
        windows = windows_of(ids)
        windows = windows[windows[:, -1] != START]
        for order in range(1, ORDER + 1):
            part = windows[:, ORDER - order :]
            if order < ORDER:
                longer = windows[:, ORDER - order - 1 :]
                part = part[np.unique(_keys(longer), return_index=True)[1]]
            keys, first, counts = np.unique(_keys(part), return_index=True, return_counts=True)
            self.grams.append(_Counts(keys, counts.astype(np.float64)))
            context, owner = np.unique(_keys(part[first][:, :-1]), return_inverse=True)
            self.contexts.append(
                _Counts(context, np.bincount(owner, weights=counts, minlength=len(context)).astype(np.float64))
            )
            self.followers.append(np.bincount(owner, minlength=len(context)).astype(np.float64))


def padded(ids: Ids) -> Ids:
    """Return token numbers with what stands before a text."""
    return np.concatenate([np.full(ORDER - 1, START, dtype=np.int64), ids])


def windows_of(ids: Ids) -> Ids:
    """Return every four neighbors, shape ``[n - 3, 4]``."""
    if len(ids) < ORDER:
        return np.zeros((0, ORDER), dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(ids, ORDER)


def _keys(part: Ids) -> Keys:
    """Return 64 bits for each row; two rows of a set of a hundred million share them with a chance of one in 3,000."""
    mixed = np.zeros(len(part), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in range(part.shape[1]):
            mixed = (mixed ^ (part[:, column].astype(np.uint64) + np.uint64(1))) * _PRIMES[column]
            mixed ^= mixed >> np.uint64(29)
    return mixed
