"""KillBadCode: a trigger's tokens make code less natural (Sun et al., ICSE 2025, arXiv 2502.15830).

A 4-gram language model of clean code gives each row a cross-entropy. Each token is deleted in turn, by how much the
cross-entropy falls is its score, the ten largest of a row are added up over the corpus, and the rows that hold one of the
ten largest sums are taken out.

Departures from the released code: tokens are those of the language, not sub-words; a token that a row holds several times
counts once, by its mean score (there the last overwrites the others); rows are not cut after 600 tokens; the language
model is Kneser-Ney in arrays. It needs clean code; without any it is fitted on the rows themselves, where a trigger that
stands in many rows looks natural, and a note says so. Ten tokens are taken out whether the set is poisoned or not, as in the
paper: on clean sets these are false alarms. Statements as units were tried and dropped: their common forms outweigh all
triggers (false-positive rate 51 to 57 % instead of 22 to 29 %, on ``defect-detection-c``).
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated

import numpy as np
from pydantic import Field

from codeward.defenses.data._base import (
    Audit,
    DataDefense,
    Evidence,
    Progress,
    Rows,
    convicted,
    data_defenses,
    told,
)
from codeward.defenses.data._lexing import TOKEN, texts_of, words_of
from codeward.defenses.data._ngrams import ORDER, Floats, Ids, NGrams, padded, windows_of
from codeward.registry import method
from codeward.types import Sample, Span
from codeward.victims.base import Victim

CHUNK = 2048
"""Rows whose n-grams are looked up together."""
NO_CLEAN = (
    "no clean code was given: the language model is of the rows themselves, to which a frequent trigger is natural"
)


@data_defenses.register("killbadcode")
@method
class KillBadCode(DataDefense):
    """Tokens whose deletion makes code more natural, added up over the corpus."""

    top: Annotated[int, Field(ge=1)] = 10
    """How many tokens of the corpus convict the rows that hold them."""
    top_of_row: Annotated[int, Field(ge=1)] = 10
    """How many tokens of each row are added up."""

    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], progress: Progress | None) -> Audit:
        """See ``DataDefense.inspect``."""
        source = clean or rows
        model = NGrams.fit(
            words_of(text)
            for sample in told(source, "reading clean code" if clean else "reading rows", progress)
            for _, text in texts_of(sample)
        )
        sums = self._sums(told(rows, "scoring rows", progress), model)
        convicting = dict(sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[: self.top])
        verdicts, findings = convicted(_judged(rows, convicting, sums, progress), convicting)
        return Audit(verdicts, findings, () if clean else (NO_CLEAN,))

    def _sums(self, rows: Iterator[Sample], model: NGrams) -> dict[str, float]:
        """Return the sum over the rows of each token's score, where it is one of the largest of a row."""
        numbers = _Numbers()
        sums = np.zeros(1 << 16)
        while part := list(islice(rows, CHUNK)):
            token, score = self._largest(part, model, numbers)
            if len(numbers) > len(sums):
                sums = np.concatenate([sums, np.zeros(len(numbers))])
            np.add.at(sums, token, np.maximum(score, 0.0))
        return {name: float(sums[number]) for name, number in numbers.items() if sums[number] > 0}

    def _largest(self, part: Sequence[Sample], model: NGrams, numbers: "_Numbers") -> tuple[Ids, Floats]:
        """Return the largest scores of each row: the tokens' numbers and the mean scores of their places.

        Args:
            part: Rows.
            model: The language model.
            numbers: The tokens' numbers; new tokens are added.
        """
        pieces: list[Ids] = []
        row_of: list[Ids] = []
        token_of: list[int] = []
        for row, sample in enumerate(part):
            for _, text in texts_of(sample):
                words = words_of(text)
                pieces.append(model.numbers(words))
                row_of.append(np.full(len(words), row))
                token_of += map(numbers.__getitem__, words)
        if not token_of:
            return np.zeros(0, np.int64), np.zeros(0)
        pair, own = np.unique(np.concatenate(row_of) * len(numbers) + np.array(token_of), return_inverse=True)
        means = np.bincount(own, weights=single_falls(pieces, model)) / np.bincount(own)
        rows, tokens = np.divmod(pair, len(numbers))
        order = np.lexsort((-means, rows))
        rank = np.arange(len(order)) - np.searchsorted(rows[order], rows[order])
        best = order[rank < self.top_of_row]
        return tokens[best], means[best]


class _Numbers(dict[str, int]):
    """Numbers of tokens; a new token gets the next."""

    def __missing__(self, key: str) -> int:
        self[key] = number = len(self)
        return number


def single_falls(pieces: Sequence[Ids], model: NGrams) -> Floats:
    """Return by how much the cross-entropy of its text falls when a token is deleted, for each token of each text.

    Args:
        pieces: The tokens of each text.
        model: The language model.
    """
    counts = np.array([len(piece) for piece in pieces])
    base = np.cumsum(counts + ORDER - 1) - (counts + ORDER - 1)
    at = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    segments = np.stack([np.repeat(base, counts), np.repeat(counts, counts), at, at + 1], 1)
    return falls(np.concatenate([padded(piece) for piece in pieces]), segments, model)


def falls(ids: Ids, segments: Sequence[tuple[int, int, int, int]] | Ids, model: NGrams) -> Floats:
    """Return by how much the cross-entropy of a text falls when a stretch of it is deleted.

    Args:
        ids: All texts, each with its padding, one after the other.
        segments: For each deletion where its text begins in ``ids``, how many tokens that has, and which are deleted.
        model: The language model.
    """
    kept = np.asarray(segments, dtype=np.int64)
    base, count, first, last = kept.T
    logs = model.log_probabilities(windows_of(ids))
    total = np.concatenate([[0.0], np.cumsum(logs)])
    whole = total[base + count] - total[base]
    gone = total[base + np.minimum(last + ORDER - 1, count)] - total[base + first]
    fresh = np.zeros(len(kept))
    for step in range(ORDER - 1):
        inside = last + step < count
        width = (last - first)[inside]
        left_of = [first[inside] + step - back for back in range(ORDER - 1, 0, -1)]
        places = [np.where(place < first[inside], place, place + width) for place in left_of] + [last[inside] + step]
        windows = ids[np.stack([base[inside] + ORDER - 1 + place for place in places], 1)]
        fresh[inside] += model.log_probabilities(windows)
    left = count - (last - first)
    after = np.where(left > 0, -(whole - gone + fresh) / np.maximum(left, 1), 0.0)
    falls_by: Floats = np.where(left > 0, -whole / count - after, 0.0)
    return falls_by


def _judged(
    rows: Rows, convicting: dict[str, float], sums: dict[str, float], progress: Progress | None
) -> Iterator[tuple[Sample, float, tuple[Evidence, ...]]]:
    """Yield the rows with the largest sum of their tokens, and where convicting ones stand."""
    for sample in told(rows, "judging rows", progress):
        score, evidence = 0.0, []
        for field, text in texts_of(sample):
            words = set(words_of(text))
            score = max(score, max((sums.get(word, 0.0) for word in words), default=0.0))
            if not words.isdisjoint(convicting):
                found = ((match[0], match.span()) for match in TOKEN.finditer(text))
                evidence += [Evidence(name, Span(*place), field) for name, place in found if name in convicting]
        yield sample, score, tuple(evidence)
