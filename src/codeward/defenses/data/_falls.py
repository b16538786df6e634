"""By how much code becomes more natural when a token, a statement or a name of some form is deleted, added up by unit."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

import numpy as np

from codeward.defenses.data._index import Column
from codeward.defenses.data._lexing import TOKEN, affixes, affixes_of, ends_of, statements, texts_of, tokens, words_of
from codeward.defenses.data._ngrams import ORDER, Floats, Ids, NGrams, padded, windows_of
from codeward.defenses.data._work import Array, Arrays
from codeward.types import Sample, Span

Kind = Literal["tokens", "statements", "ends"]
"""Units: tokens, statements by their templates without names, names by their ends."""
KINDS: tuple[Kind, ...] = ("tokens", "statements", "ends")


def places_of(kind: Kind, text: str, language: str) -> list[tuple[str, Span]]:
    """Return the units of a text with their places."""
    if kind == "tokens":
        return tokens(text)
    if kind == "ends":
        return affixes(text)
    return [(forms[-1], span) for forms, span in statements(text, language)]


def names_in(kind: Kind, text: str, language: str) -> list[str]:
    """Return the units of a text without their places."""
    if kind == "tokens":
        return words_of(text)
    if kind == "ends":
        return affixes_of(text)
    return [forms[-1] for forms, _ in statements(text, language)]


def names_chunk(samples: Sequence[Sample], kinds: Sequence[Kind]) -> Arrays:
    """Return the units of each row."""
    arrays: dict[str, Array] = {}
    for kind in kinds:
        column = Column()
        for sample in samples:
            column.add(name for _, text in texts_of(sample) for name in names_in(kind, text, sample.language))
        arrays |= column.arrays(kind)[0]
    return arrays


def score_chunk(samples: Sequence[Sample], *, model: NGrams, top: int, kinds: Sequence[Kind]) -> Arrays:
    """Return the units of each row, and for each unit the sum of its scores where it is one of the largest of a row.

    Args:
        samples: The rows.
        model: The language model.
        top: How many units of each row are added up.
        kinds: Which units.
    """
    texts = [[(text, words) for _, text in texts_of(sample) if (words := words_of(text))] for sample in samples]
    pieces = [padded(model.numbers(words)) for own in texts for _, words in own]
    ids = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)
    arrays: dict[str, Array] = {}
    for kind in kinds:
        column, rows, units, segments = _deletions(kind, samples, texts)
        known, places = column.arrays(kind)
        sums = np.zeros(len(places))
        if len(units):
            unit, score = _largest(rows, units, falls(ids, segments, model), top)
            np.add.at(sums, places[unit], np.maximum(score, 0.0))
        arrays |= {**known, f"{kind}.sums": sums}
    return arrays


def _deletions(
    kind: Kind, samples: Sequence[Sample], texts: Sequence[Sequence[tuple[str, list[str]]]]
) -> tuple[Column, Ids, Ids, Ids]:
    """Return the units of each row, and for each deletion its row, the number of its unit and its segment (see ``falls``)."""
    column, base = Column(), 0
    rows: list[Ids] = [np.zeros(0, dtype=np.int64)]
    units: list[int] = []
    segments: list[Ids] = [np.zeros((0, 4), dtype=np.int64)]
    for row, (sample, own) in enumerate(zip(samples, texts, strict=True)):
        names: list[str] = []
        for text, words in own:
            here, first, last = _stretches(kind, text, words, sample.language)
            segments.append(np.stack(np.broadcast_arrays(base, len(words), first, last), 1))
            names += here
            base += len(words) + ORDER - 1
        column.add(names)
        units += map(column.numbers.__getitem__, names)
        rows.append(np.full(len(names), row))
    return column, np.concatenate(rows), np.array(units, dtype=np.int64), np.concatenate(segments)


def _stretches(kind: Kind, text: str, words: Sequence[str], language: str) -> tuple[Sequence[str], Ids, Ids]:
    """Return the units of a text with the first of each one's tokens, and the one after its last."""
    if kind == "tokens":
        first = np.arange(len(words))
        return words, first, first + 1
    if kind == "ends":
        found = [(end, place) for place, word in enumerate(words) for end in ends_of(word)]
        first = np.array([place for _, place in found], dtype=np.int64)
        return [end for end, _ in found], first, first + 1
    starts = [match.start() for match in TOKEN.finditer(text)]
    stretches = places_of(kind, text, language)
    edges = [(bisect_left(starts, span.start), bisect_left(starts, span.end)) for _, span in stretches]
    first, last = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return [name for name, _ in stretches], first, last


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
