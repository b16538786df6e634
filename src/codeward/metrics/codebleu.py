"""CodeBLEU: n-grams, keyword-weighted n-grams, syntax trees and data flow (Ren et al., arXiv 2009.10297, section 3).

CodeBLEU = (BLEU + weighted BLEU + syntax match + data-flow match) / 4, each in 0..1 and each over the whole set: matches
and totals are added up before they are divided, as the paper's script does. As there, comments are cut out first, and the
weighted n-grams are a recall without a brevity penalty. Departures: tokens are words and single other characters (as for
BLEU-4), not what stands between white space; the data flow is that of ``codeward.code``'s scopes, one definition for all
languages. A component that cannot be had (a language without a grammar here, such as C#; references without data flow)
is left out and the others weigh more. ``docs/metrics.md`` compares it with the package ``codebleu``.
"""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from codeward.code import LANGUAGES, parse
from codeward.code.languages import table_of
from codeward.errors import CodeError
from codeward.metrics._base import Judged, Metric, metrics
from codeward.metrics._dataflow import data_flow
from codeward.metrics.classification import Measured
from codeward.metrics.generation import ORDER, TEXTS, tokens
from codeward.metrics.intervals import Array, bootstrap
from codeward.registry import method

KEYWORD_WEIGHT = 1.0
OTHER_WEIGHT = 0.2
NOTHING = 0.1
"""What stands for a number of matches of zero, so that one empty order does not make a set's score zero."""
BLEU, WEIGHTED = slice(2, 2 + 2 * ORDER), slice(2 + 2 * ORDER, 2 + 4 * ORDER)
SYNTAX, FLOW = slice(2 + 4 * ORDER, 4 + 4 * ORDER), slice(4 + 4 * ORDER, 6 + 4 * ORDER)
"""Columns of the statistics: matches, then totals, of every order or of all."""


@metrics.register("codebleu")
@method
class CodeBLEU(Metric):
    """N-gram, weighted n-gram, syntax and data-flow match of a set, each weighing a quarter."""

    kinds: ClassVar[frozenset[Judged]] = TEXTS

    def measure(self, outputs: Sequence[str], references: Sequence[str], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        rows = codebleu_statistics(outputs, references, language)
        return corpus_codebleu(rows), *bootstrap(rows, corpus_codebleu), len(rows)


def codebleu_statistics(outputs: Sequence[str], references: Sequence[str], language: str | None) -> Array:
    """Return for each row both lengths, then matches and totals of the four components.

    Returns:
        Shape ``[n, 2 + 2 * 4 + 2 * 4 + 2 + 2]``.
    """
    known = language if language in LANGUAGES else None
    words = table_of(known).keywords if known else frozenset[str]()
    rows = []
    for output, truth in zip(outputs, references, strict=True):
        produced, expected = tokens(output), tokens(truth)
        row = [len(produced), len(expected), *_matches(produced, expected), *_weighted(produced, expected, words)]
        if known:
            row += _code_matches(_without_comments(output, known), _without_comments(truth, known), known)
        rows.append(row if known else [*row, 0, 0, 0, 0])
    return np.array(rows, dtype=np.float64)


def corpus_codebleu(rows: Array) -> float:
    """Return the CodeBLEU of a corpus from its rows' statistics."""
    parts = [part for part in components(rows).values() if part is not None]
    return float(np.mean(parts))


def components(rows: Array) -> dict[str, float | None]:
    """Return the four components of a corpus; ``None`` for one that cannot be had."""
    sums = rows.sum(axis=0)
    brevity = 0.0 if sums[0] == 0 else float(np.exp(min(0.0, 1 - sums[1] / sums[0])))
    found: dict[str, float | None] = {}
    for name, columns, factor in (("n-grams", BLEU, brevity), ("weighted n-grams", WEIGHTED, 1.0)):
        matched, total = sums[columns][:ORDER], sums[columns][ORDER:]
        if matched[0] == 0:
            found[name] = 0.0
        else:
            precisions = np.where(matched == 0, NOTHING, matched) / np.maximum(total, 1)
            found[name] = factor * float(np.exp(np.log(precisions).mean()))
    for name, columns in (("syntax", SYNTAX), ("data flow", FLOW)):
        matched, total = sums[columns]
        found[name] = float(matched / total) if total else None
    return found


def _matches(produced: Sequence[str], expected: Sequence[str]) -> list[float]:
    """Count the n-grams of the output, and those of them that the reference has."""
    grams = [(_grams(produced, order), _grams(expected, order)) for order in range(1, ORDER + 1)]
    return [*((have & want).total() for have, want in grams), *(have.total() for have, _ in grams)]


def _weighted(produced: Sequence[str], expected: Sequence[str], words: frozenset[str]) -> list[float]:
    """Count the n-grams of the reference, and those of them that the output has; a single word counts by its weight."""
    matched, total = [], []
    for order in range(1, ORDER + 1):
        have, want = _grams(produced, order), _grams(expected, order)
        weight = {gram: KEYWORD_WEIGHT if order > 1 or gram[0] in words else OTHER_WEIGHT for gram in want}
        matched.append(sum(min(count, have[gram]) * weight[gram] for gram, count in want.items()))
        total.append(sum(count * weight[gram] for gram, count in want.items()))
    return [*matched, *total]


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + order]) for start in range(len(words) - order + 1))


def _code_matches(output: str, truth: str, language: str) -> list[float]:
    """Count subtrees of the reference that the output has anywhere, and edges as often as it has them."""
    trees, wanted = _subtrees(output, language), _subtrees(truth, language)
    edges, flow = data_flow(output, language), data_flow(truth, language)
    shared = sum(count for tree, count in wanted.items() if tree in trees)
    return [shared, wanted.total(), (edges & flow).total(), flow.total()]


def _without_comments(code: str, language: str) -> str:
    try:
        root = parse(code, language).root
    except CodeError:
        return code
    kinds, raw, kept, end = table_of(language).comments, code.encode("utf-8", "surrogatepass"), [], 0
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type in kinds:
            kept.append(raw[end : node.start_byte])
            end = node.end_byte
        else:
            stack.extend(reversed(node.children))
    return b"".join([*kept, raw[end:]]).decode("utf-8", "surrogatepass")


def _subtrees(code: str, language: str) -> Counter[str]:
    """Count the subtrees of a text, as S-expressions of the types of their nodes; leaves are no trees of their own."""
    try:
        root = parse(code, language).root
    except CodeError:
        return Counter()
    found: Counter[str] = Counter()
    stack = [root]
    while stack:
        node = stack.pop()
        found[str(node)] += 1
        stack.extend(child for child in node.children if child.child_count)
    return found
