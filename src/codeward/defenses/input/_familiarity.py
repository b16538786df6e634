"""Does something alike stand in clean inputs? Then an answer that rests on it is the model's own (ours, not the papers').

Many answers rest on one element without any attacker: a function is clean because of one check. Such checks are alike from
function to function, and stand in the clean inputs of the calibration, too. A trigger does not: the model would obey it there.
What two elements have in common is the cosine of their words and pairs of successive words. An element that has less than 0.6
in common with every element of every clean input is new; from there on its novelty falls, to zero for one that stands there.
An attacker who takes a trigger from common code is not found so, but such a trigger goes off by itself; and a trigger that got
into a clean input is spared.

Clean inputs come in families, such as variants of one function, and what is served is of other families. So where clean inputs
are compared with each other, those that are nearly the same as a whole are left out; else the threshold would be too low (22 %
false alarms instead of 4 at a nominal 5, on 200 clean inputs of Juliet).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from codeward.defenses._elements import Element
from codeward.victims.text import whole

Known = tuple[tuple[str, ...], ...]
"""The texts of the elements of each clean input."""
TWINS = 0.95
"""The cosine of all that stands in two clean inputs from which on one tells nothing about the other."""
WORDS = r"[A-Za-z_]\w*|\d+\.?\d*|\S"
NEW = 0.4
"""How far from all that stands in clean inputs (one minus the cosine) an element is altogether new: any two declarations are half alike."""
ROWS = 64
"""Elements that are compared at a time."""


def texts_of(parts: Iterable[Element]) -> tuple[str, ...]:
    """Return the different texts of an input's elements, sorted."""
    return tuple(sorted({part.text for part in parts}))


def novelties(inputs: Sequence[Sequence[Element]], known: Known, *, apart: bool) -> list[list[float]]:
    """Return for each element of some inputs how little it is like anything in clean inputs, from 0 to 1.

    Args:
        inputs: The elements of each input.
        known: What the clean inputs hold.
        apart: Whether the inputs are of the clean ones themselves, so that each is compared with the others.
    """
    texts = [texts_of(own) for own in inputs]
    flat = [text for own in texts for text in own]
    alike = np.concatenate(
        [_alike(flat[at : at + ROWS], known) for at in range(0, len(flat), ROWS)] or [np.zeros((0, len(known)))]
    )
    kept = np.ones((len(inputs), len(known)), dtype=bool)
    if apart:
        kept = (_vectors([" ".join(own) for own in texts]) @ _wholes(known)).toarray() < TWINS
    found, at = [], 0
    for own, every, others in zip(inputs, texts, kept, strict=True):
        best = alike[at : at + len(every), others].max(axis=1, initial=0.0)
        at += len(every)
        new = dict(zip(every, np.clip((1.0 - best) / NEW, 0.0, 1.0).tolist(), strict=True))
        found.append([new[part.text] for part in own])
    return found


def _alike(texts: Sequence[str], known: Known) -> npt.NDArray[np.float64]:
    """Return for each text its largest cosine with any element of each clean input, shape ``[texts, inputs]``."""
    matrix, starts, places = _matrix(known)
    found = np.zeros((len(texts), len(known)))
    if starts:
        found[:, places] = np.maximum.reduceat((_vectors(texts) @ matrix).toarray(), starts, axis=1)
    return found


@lru_cache(maxsize=4)
def _wholes(known: Known) -> Any:
    """Return the vectors of all that stands in each clean input, as columns."""
    return _vectors([" ".join(own) for own in known]).T.tocsr()


@lru_cache(maxsize=4)
def _matrix(known: Known) -> tuple[Any, list[int], list[int]]:
    """Return the vectors of all known elements as columns, where those of each input begin, and which inputs these are."""
    counts = [len(own) for own in known]
    starts = np.cumsum([0, *counts[:-1]])
    places = [at for at, count in enumerate(counts) if count]
    return _vectors([text for own in known for text in own]).T.tocsr(), starts[places].tolist(), places


def _vectors(texts: Sequence[str]) -> Any:
    """Return unit vectors of words and pairs of successive words, sparse."""
    maker = _maker()
    return maker.transform([whole(text) for text in texts]) if texts else csr_matrix((0, maker.n_features))


@lru_cache(maxsize=1)
def _maker() -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer  # takes seconds, which only who examines has to wait

    return HashingVectorizer(token_pattern=WORDS, ngram_range=(1, 2), lowercase=False, alternate_sign=False)
