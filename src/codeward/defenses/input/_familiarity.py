"""Does something alike stand in clean inputs? Then an answer that rests on it is the model's own (ours, not the papers').

Many answers rest on one element without any attacker: a function is clean because of one check. Such checks are alike from
function to function, and stand in the clean inputs of the calibration, too. A trigger does not: the model would obey it there.
What an element has in common with the elements of another input is the cosine of their words and pairs of successive words; its
novelty is one minus that, in the clean input that comes second. An attacker who takes a trigger from common code is not found so,
but such a trigger goes off by itself.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import HashingVectorizer

from codeward.defenses._elements import Element

Known = tuple[tuple[str, ...], ...]
"""The texts of the elements of each clean input."""
NEEDED = 2
"""In how many clean inputs something alike has to stand: one may hold anything."""
WORDS = r"[A-Za-z_]\w*|\d+\.?\d*|\S"
ROWS = 256
"""Elements that are compared at a time."""


def texts_of(parts: Iterable[Element]) -> tuple[str, ...]:
    """Return the different texts of an input's elements, sorted."""
    return tuple(sorted({part.text for part in parts}))


def novelties(inputs: Sequence[Sequence[Element]], known: Known, *, apart: bool) -> list[list[float]]:
    """Return for each element of some inputs how little it is like anything in clean inputs, from 0 to 1.

    Args:
        inputs: The elements of each input.
        known: What the clean inputs hold; with less than two of them everything is new.
        apart: Whether the inputs are of the clean ones themselves, so that each is compared with the others.
    """
    if len(known) < NEEDED + apart:
        return [[1.0] * len(own) for own in inputs]
    texts = [texts_of(own) for own in inputs]
    flat = [text for own in texts for text in own]
    alike = np.concatenate([_alike(flat[at : at + ROWS], known) for at in range(0, len(flat), ROWS)] or [np.empty(0)])
    found, at = [], 0
    for own, every in zip(inputs, texts, strict=True):
        rows = alike[at : at + len(every)]
        at += len(every)
        if apart and every in known:
            rows = np.delete(rows, known.index(every), axis=1)
        best = np.partition(rows, -NEEDED, axis=1)[:, -NEEDED] if len(rows) else np.empty(0)
        new = dict(zip(every, np.clip(1.0 - best, 0.0, 1.0).tolist(), strict=True))
        found.append([new[part.text] for part in own])
    return found


def _alike(texts: Sequence[str], known: Known) -> npt.NDArray[np.float64]:
    """Return for each text its largest cosine with any element of each clean input, shape ``[texts, inputs]``."""
    matrix, starts, places = _matrix(known)
    cosines = (_vectors(texts) @ matrix).toarray()
    found = np.zeros((len(texts), len(known)))
    if len(starts):
        found[:, places] = np.maximum.reduceat(cosines, starts, axis=1)
    return found


@lru_cache(maxsize=4)
def _matrix(known: Known) -> tuple[Any, list[int], list[int]]:
    """Return the vectors of all known elements as columns, where those of each input begin, and which inputs these are."""
    counts = [len(own) for own in known]
    starts = np.cumsum([0, *counts[:-1]])
    places = [at for at, count in enumerate(counts) if count]
    return _vectors([text for own in known for text in own]).T.tocsc(), starts[places].tolist(), places


def _vectors(texts: Sequence[str]) -> Any:
    """Return unit vectors of words and pairs of successive words, sparse."""
    maker = HashingVectorizer(token_pattern=WORDS, ngram_range=(1, 2), lowercase=False, alternate_sign=False)
    return maker.transform(texts)
