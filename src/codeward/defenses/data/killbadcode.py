"""KillBadCode: a trigger's tokens make code less natural (Sun et al., ICSE 2025, arXiv 2502.15830).

A 4-gram language model of clean code gives each row a cross-entropy. Each token is deleted in turn, by how much the
cross-entropy falls is its score, the ten largest of a row are added up over the corpus, and the rows that hold one of the
ten largest sums are taken out.

Departures from the released code: tokens are those of the language, not sub-words; a token that a row holds several times
counts once, by its mean score (there the last overwrites the others); rows are not cut after 600 tokens; the language
model is Kneser-Ney in arrays. It needs clean code; without any it is fitted on a sample of the rows themselves, where a trigger
that stands in many rows looks natural, and a note says so. Statements as units were tried and dropped: their common forms
outweigh all triggers (false-positive rate 51 to 57 % instead of 22 to 29 %, on ``defect-detection-c``).

Ours: a sum grows with the number of rows, so that the ten largest are partly those of common tokens (``const``, ``self``, a
comma), which stand in nearly every row, poisoned or not. Tokens that clean rows hold about as often are spared
(``spare_natural``). Ten tokens are taken out whether the set is poisoned or not, as in the paper: on clean sets these are
false alarms.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from random import Random
from typing import Annotated

import numpy as np
from pydantic import Field

from codeward.defenses.data._base import Audit, DataDefense, Rows, data_defenses
from codeward.defenses.data._index import Column, Named, added_up, counted, firsts, held, largest, natural
from codeward.defenses.data._lexing import TOKEN, texts_of, words_of
from codeward.defenses.data._ngrams import ORDER, Floats, Ids, NGrams, padded, windows_of
from codeward.defenses.data._verdicts import Evidence, convicted
from codeward.defenses.data._work import Arrays, Work, drawn
from codeward.registry import method
from codeward.seeds import derive_int
from codeward.types import Sample, Span
from codeward.victims.base import Victim

CHUNK = 2048
"""Rows whose n-grams are looked up together."""
FITTED = 20_000
"""Rows of which the language model is where no clean code is given, at most, drawn at random."""
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
    spare_natural: bool = True
    """Whether tokens that clean rows hold about as often convict nobody; as published, they do."""

    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], work: Work) -> Audit:
        """See ``DataDefense.inspect``."""
        source = clean or drawn(work.told(rows, "reading rows"), FITTED, Random(derive_int(0, "killbadcode")))
        model = NGrams.fit(words_of(text) for sample in source for _, text in texts_of(sample))
        chunks = work.chunks(rows, "scoring rows", partial(score_chunk, model=model, top=self.top_of_row), CHUNK)
        sums = added_up(chunks, "tokens.keys", lambda chunk: chunk["sums"], least=1e-9)
        if clean and self.spare_natural:
            tokens, seen = counted(chunks, "tokens", 1), counted([tokens_chunk(clean)], "tokens", 1)
            common = sums.numbers(tokens.keys[natural(tokens, chunks.rows, seen, len(clean))])
            sums.values[common[common >= 0]] = 0.0
        leading = np.argsort(-sums.values, kind="stable")[: self.top]
        few = sums.some(np.sort(leading[sums.values[leading] > 0]))
        scores: list[float] = []
        flags = bytearray()
        for chunk in chunks:
            scores += largest(held(chunk, "tokens", sums), sums.values).tolist()
            flags += (np.diff(held(chunk, "tokens", few).indptr) > 0).tobytes()
        convicting, named = few.as_dict(), Named(firsts(chunks, "tokens", few))
        found: dict[str, float] = {}
        judged = _judged(work.told(rows, "judging rows"), scores, flags, convicting, named, found)
        return Audit(*convicted(judged, found), () if clean else (NO_CLEAN,))


def tokens_chunk(samples: Sequence[Sample]) -> Arrays:
    """Return the tokens of each row."""
    tokens = Column()
    for sample in samples:
        tokens.add(word for _, text in texts_of(sample) for word in words_of(text))
    return tokens.arrays("tokens")[0]


def score_chunk(samples: Sequence[Sample], *, model: NGrams, top: int) -> Arrays:
    """Return the tokens of each row, and for each token the sum of its scores where it is one of the largest of a row.

    Args:
        samples: The rows.
        model: The language model.
        top: How many tokens of each row are added up.
    """
    tokens = Column()
    pieces: list[Ids] = []
    row_of: list[Ids] = []
    token_of: list[int] = []
    for row, sample in enumerate(samples):
        own = [words for _, text in texts_of(sample) if (words := words_of(text))]
        tokens.add(word for words in own for word in words)
        for words in own:
            pieces.append(model.numbers(words))
            row_of.append(np.full(len(words), row))
            token_of += map(tokens.numbers.__getitem__, words)
    arrays, places = tokens.arrays("tokens")
    sums = np.zeros(len(tokens.numbers))
    if token_of:
        token, score = _largest(np.concatenate(row_of), np.array(token_of), single_falls(pieces, model), top)
        np.add.at(sums, places[token], np.maximum(score, 0.0))
    return {**arrays, "sums": sums}


def _largest(rows: Ids, tokens: Ids, scores: Floats, top: int) -> tuple[Ids, Floats]:
    """Return the tokens of the largest mean scores of each row, with these scores."""
    width = int(tokens.max()) + 1
    pair, own = np.unique(rows * width + tokens, return_inverse=True)
    means = np.bincount(own, weights=scores) / np.bincount(own)
    rows, tokens = np.divmod(pair, width)
    order = np.lexsort((-means, rows))
    rank = np.arange(len(order)) - np.searchsorted(rows[order], rows[order])
    best = order[rank < top]
    return tokens[best], means[best]


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
    rows: Iterator[Sample],
    scores: Sequence[float],
    flags: bytearray,
    convicting: dict[int, float],
    named: Named,
    found: dict[str, float],
) -> Iterator[tuple[Sample, float, tuple[Evidence, ...]]]:
    """Yield the rows with the largest sum of their tokens, and where convicting ones stand; their names are found on the way."""
    for number, (sample, score, flag) in enumerate(zip(rows, scores, flags, strict=True)):
        evidence: list[Evidence] = []
        for field, text in texts_of(sample) if flag else ():
            found |= {name: convicting[key] for name, key in named.of(number, words_of(text))}
            places = ((match[0], match.span()) for match in TOKEN.finditer(text))
            evidence += [Evidence(name, Span(*place), field) for name, place in places if name in found]
        yield sample, score, tuple(evidence)
