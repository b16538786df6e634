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

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
from codeward.defenses.data._lexing import texts_of, tokens
from codeward.defenses.data._ngrams import ORDER, Floats, Ids, NGrams, padded, windows_of
from codeward.registry import method
from codeward.types import Sample
from codeward.victims.base import Victim

CHUNK = 512
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
            [word for word, _ in tokens(text)]
            for sample in told(source, "reading clean code" if clean else "reading rows", progress)
            for _, text in texts_of(sample)
        )
        sums: defaultdict[str, float] = defaultdict(float)
        for _, scores in self._scored(told(rows, "scoring rows", progress), model):
            ranked = sorted(scores.items(), key=lambda pair: -pair[1])[: self.top_of_row]
            for name, value in ranked:
                sums[name] += max(value, 0.0)
        convicting = dict(sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[: self.top])
        verdicts, findings = convicted(_judged(rows, convicting, sums, progress), convicting)
        return Audit(verdicts, findings, () if clean else (NO_CLEAN,))

    def _scored(self, rows: Iterator[Sample], model: NGrams) -> Iterator[tuple[Sample, dict[str, float]]]:
        part: list[Sample] = []
        for sample in rows:
            part.append(sample)
            if len(part) == CHUNK:
                yield from zip(part, _scores(part, model), strict=True)
                part = []
        yield from zip(part, _scores(part, model), strict=True)


def _scores(part: Sequence[Sample], model: NGrams) -> list[dict[str, float]]:
    """Return for each row by how much deleting each of its tokens lowers its cross-entropy, in nats a token."""
    names: list[tuple[int, str]] = []
    segments: list[tuple[int, int, int, int]] = []
    pieces, base = [], 0
    for row, sample in enumerate(part):
        for _, text in texts_of(sample):
            words = [word for word, _ in tokens(text)]
            pieces.append(padded(model.numbers(words)))
            names += [(row, word) for word in words]
            segments += [(base, len(words), at, at + 1) for at in range(len(words))]
            base += len(words) + ORDER - 1
    results: list[dict[str, list[float]]] = [{} for _ in part]
    if segments:
        for (row, name), value in zip(names, falls(np.concatenate(pieces), segments, model), strict=True):
            results[row].setdefault(name, []).append(float(value))
    return [{name: sum(values) / len(values) for name, values in found.items()} for found in results]


def falls(ids: Ids, segments: Sequence[tuple[int, int, int, int]], model: NGrams) -> Floats:
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
        found = [(name, span, field) for field, text in texts_of(sample) for name, span in tokens(text)]
        score = max((0.0, *(sums.get(name, 0.0) for name, _, _ in found)))
        yield sample, score, tuple(Evidence(*each) for each in found if each[0] in convicting)
