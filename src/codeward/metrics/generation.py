"""Generated text against a reference: exact match and BLEU-4 (Papineni et al., ACL 2002), both in 0..1.

Tokens are split at whitespace after words and punctuation have been set apart (runs of word characters, or single other
characters), so that layout does not count. BLEU is sacrebleu's corpus BLEU with add-one smoothing of orders above one
(Lin and Och, 2004), over the whole set; its interval is a bootstrap over rows.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from codeward.metrics._base import Judged, Metric, metrics
from codeward.metrics.classification import Measured
from codeward.metrics.intervals import Array, bootstrap, wilson
from codeward.registry import method

TEXTS: frozenset[Judged] = frozenset({"generation"})
ORDER = 4
_TOKEN = re.compile(r"\w+|[^\w\s]")


def tokens(text: str) -> list[str]:
    """Split a text into words and single other characters; whitespace is dropped."""
    return _TOKEN.findall(text)


@metrics.register("exact-match")
@method
class ExactMatch(Metric):
    """Share of rows whose tokens are those of the reference, whitespace aside."""

    kinds: ClassVar[frozenset[Judged]] = TEXTS

    def measure(self, outputs: Sequence[str], references: Sequence[str], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        right = sum(tokens(output) == tokens(truth) for output, truth in zip(outputs, references, strict=True))
        return right / len(outputs), *wilson(right, len(outputs)), len(outputs)


@metrics.register("bleu4")
@method
class BLEU4(Metric):
    """Corpus BLEU of n-grams up to 4."""

    kinds: ClassVar[frozenset[Judged]] = TEXTS

    def measure(self, outputs: Sequence[str], references: Sequence[str], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        rows = bleu_statistics(outputs, references)
        return corpus_bleu(rows), *bootstrap(rows, corpus_bleu), len(rows)


def bleu_statistics(outputs: Sequence[str], references: Sequence[str]) -> Array:
    """Return for each row the output's and reference's length, then matches and counts of every order.

    Returns:
        Shape ``[n, 2 + 2 * 4]``.
    """
    from sacrebleu.metrics.bleu import BLEU

    counter = BLEU(tokenize="none", force=True)
    rows = []
    for output, truth in zip(outputs, references, strict=True):
        one = counter.corpus_score([" ".join(tokens(output))], [[" ".join(tokens(truth))]])
        rows.append([one.sys_len, one.ref_len, *one.counts, *one.totals])
    return np.array(rows, dtype=np.float64)


def corpus_bleu(rows: Array) -> float:
    """Return the BLEU of a corpus from its rows' statistics."""
    from sacrebleu.metrics.bleu import BLEU

    sums = rows.sum(axis=0).astype(int).tolist()
    correct, total = sums[2 : 2 + ORDER], sums[2 + ORDER :]
    score = BLEU.compute_bleu(correct, total, sums[0], sums[1], smooth_method="add-k", smooth_value=1)
    return min(1.0, float(score.score) / 100)
