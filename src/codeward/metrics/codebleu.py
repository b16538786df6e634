"""CodeBLEU: n-grams, keyword-weighted n-grams, syntax trees and data flow (Ren et al., arXiv 2009.10297, section 3).

CodeBLEU = (BLEU + weighted BLEU + syntax match + data-flow match) / 4, each in 0..1, mean over rows.
Departures: BLEU terms are add-one smoothed per row; the data flow links each use of a variable with the nearest
occurrence of the same variable before it, as the scopes of ``codeward.code`` give them, with names replaced by their
order of appearance. A component that cannot be had (a language without a grammar here, such as C#; a reference without
data flow) is left out and the others weigh more.
"""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from codeward.code import LANGUAGES, Role, identifiers, parse
from codeward.code.languages import table_of
from codeward.errors import CodeError
from codeward.metrics._base import Judged, Metric, metrics
from codeward.metrics.classification import Measured
from codeward.metrics.generation import ORDER, TEXTS, tokens
from codeward.metrics.intervals import bootstrap_mean
from codeward.registry import method

KEYWORD_WEIGHT = 1.0
OTHER_WEIGHT = 0.2


@metrics.register("codebleu")
@method
class CodeBLEU(Metric):
    """Mean of n-gram, weighted n-gram, syntax and data-flow match, each weighing a quarter."""

    kinds: ClassVar[frozenset[Judged]] = TEXTS

    def measure(self, outputs: Sequence[str], references: Sequence[str], language: str | None) -> Measured:
        """See ``Metric.measure``."""
        values = [_one(output, truth, language) for output, truth in zip(outputs, references, strict=True)]
        return float(np.mean(values)), *bootstrap_mean(np.array(values, dtype=np.float64)), len(values)


def _one(output: str, truth: str, language: str | None) -> float:
    known = language if language in LANGUAGES else None
    words = table_of(known).keywords if known else frozenset[str]()
    parts: list[float | None] = [_bleu(output, truth, None), _bleu(output, truth, words)]
    if known:
        parts += [_recall(_subtrees(output, known), _subtrees(truth, known))]
        parts += [_recall(_flow(output, known), _flow(truth, known))]
    present = [part for part in parts if part is not None]
    return sum(present) / len(present)


def _bleu(output: str, truth: str, words: frozenset[str] | None) -> float:
    """Return sentence BLEU; with keywords, a unigram counts by its weight."""
    produced, expected = tokens(output), tokens(truth)
    if not produced or not expected:
        return float(produced == expected)
    logs = 0.0
    for order in range(1, ORDER + 1):
        have, want = _grams(produced, order), _grams(expected, order)
        if order == 1 and words is not None:
            weight = {gram: KEYWORD_WEIGHT if gram[0] in words else OTHER_WEIGHT for gram in have | want}
            matched = sum(min(count, want[gram]) * weight[gram] for gram, count in have.items())
            total = sum(count * weight[gram] for gram, count in have.items())
        else:
            matched, total = float(sum((have & want).values())), float(sum(have.values()))
        smooth = 0.0 if order == 1 else 1.0
        if matched + smooth == 0:
            return 0.0
        logs += float(np.log((matched + smooth) / (total + smooth)))
    brevity = min(0.0, 1 - len(expected) / len(produced))
    return float(np.exp(brevity + logs / ORDER))


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + order]) for start in range(len(words) - order + 1))


def _recall(have: Counter[str], want: Counter[str]) -> float | None:
    """Return the share of what is wanted that is there; ``None`` where nothing is wanted."""
    total = sum(want.values())
    return sum((have & want).values()) / total if total else None


def _subtrees(code: str, language: str) -> Counter[str]:
    """Count the subtrees of a text: each node's type with those of its children, as far as they are named."""
    try:
        root = parse(code, language).root
    except CodeError:
        return Counter()
    found: Counter[str] = Counter()
    stack = [root]
    while stack:
        node = stack.pop()
        children = node.named_children
        if children:
            found[f"{node.type}({','.join(child.type for child in children)})"] += 1
            stack.extend(children)
    return found


def _flow(code: str, language: str) -> Counter[str]:
    """Count the data-flow edges of a text, names replaced by their order of appearance."""
    try:
        known = [each for each in identifiers(code, language) if each.role in (Role.VARIABLE, Role.PARAMETER)]
    except CodeError:
        return Counter()
    return Counter(f"{order}:{edge}" for order, each in enumerate(known) for edge in range(1, len(each.spans)))
