"""What can stand instead of a suspected element, so that the result is code: fills, a fresh name, nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from codeward.code import Edit, Identifier, Role, apply, count_errors, parse, rename, statements
from codeward.code import remove_statement as without_statement
from codeward.code.languages import table_of
from codeward.defenses._elements import Element, meant_by
from codeward.defenses.input._base import Change
from codeward.defenses.input._masked import Gap, MaskedModel
from codeward.errors import CodeError
from codeward.types import Sample, Span

How = Literal["filled", "renamed", "removed"]
NAME = re.compile(r"[^\W\d]\w*\Z")
NEUTRAL = {Role.FUNCTION: "func", Role.TYPE: "Kind"}
LONGEST = 6
"""Tokens of a proposed name, at most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field's text without an element, and how that was done."""

    text: str
    after: str
    """What stands in the element's first place."""
    how: How

    def change(self, element: Element) -> Change:
        """Return what choosing it means."""
        return Change(element.kind, element.field, element.spans[0], element.text, self.after, self.how, element.score)


def candidates(found: Sequence[tuple[Sample, Element]], model: MaskedModel | None, limit: int) -> list[list[Candidate]]:
    """Return for each suspected element what could stand instead, the best first; each parses as well as the input does.

    Args:
        found: Inputs with their elements.
        model: Proposes fills; without one, names are replaced by neutral ones and all else is removed.
        limit: How many fills, at most; a neutral name or the removal comes after them.
    """
    names = _names([pair for pair in found if pair[1].kind == "identifier"], model, limit)
    blocks = _blocks([pair for pair in found if pair[1].kind == "statement"], model)
    proposals = {"identifier": iter(names), "statement": iter(blocks)}
    return [
        [
            *islice(_filled(sample, element, next(proposals.get(element.kind, iter(())), [])), limit),
            *_last(sample, element),
        ]
        for sample, element in found
    ]


def _filled(sample: Sample, element: Element, proposed: Sequence[str]) -> Iterator[Candidate]:
    """Yield the proposals that give code which parses as well as the input."""
    text, language = sample.text(element.field), sample.language
    if element.kind == "identifier":
        meant = meant_by(sample, element)
        for name in dict.fromkeys(proposed):
            if name != element.text and NAME.match(name):
                made = _rename(text, language, meant, element.spans, name)
                if made is not None:
                    yield Candidate(made, name, "filled")
    elif element.kind == "statement":
        errors = count_errors(text, language)
        for block in proposed:
            made = apply(text, [Edit(span, block) for span in element.spans]).code
            if block != element.text and count_errors(made, language) <= errors:
                yield Candidate(made, block, "filled")


def _last(sample: Sample, element: Element) -> list[Candidate]:
    """Return what needs no proposal: a neutral name, or the text without the element."""
    text, language = sample.text(element.field), sample.language
    if element.kind == "identifier":
        return _neutral(text, language, meant_by(sample, element), element.spans)
    if element.kind == "statement":
        made = _without(text, language, element.spans)
        return [] if made == text else [Candidate(made, "", "removed")]
    return [Candidate(_tidy(apply(text, [Edit(span, "") for span in element.spans]).code), "", "removed")]


def _without(text: str, language: str, spans: Sequence[Span]) -> str:
    """Take statements out, the last one first, so that the places of the others stay."""
    for span in sorted(spans, key=lambda each: each.start, reverse=True):
        whole = next((each for each in statements(text, language) if each.span == span), None)
        text = text if whole is None else without_statement(text, language, whole).code
    return text


def _neutral(text: str, language: str, meant: Identifier | None, spans: Sequence[Span]) -> list[Candidate]:
    stem = NEUTRAL.get(meant.role, "value") if meant is not None else "value"
    for name in (stem, *(f"{stem}{number}" for number in range(2, 100))):
        made = _rename(text, language, meant, spans, name)
        if made is not None:
            return [Candidate(made, name, "renamed")]
    return []


def _names(found: Sequence[tuple[Sample, Element]], model: MaskedModel | None, limit: int) -> list[list[str]]:
    """Return proposed names: of as many tokens as the old one has, then of one token."""
    if model is None or not found:
        return [[] for _ in found]
    gaps, widths = [], []
    for sample, element in found:
        own = min(LONGEST, max(1, model.count(element.text)))
        widths.append([own, 1] if own > 1 else [1])
        gaps += [Gap(sample.text(element.field), element.spans, width) for width in widths[-1]]
    proposed = iter(model.words(gaps, limit))
    return [[name for _ in each for name in next(proposed)] for each in widths]


def _rename(text: str, language: str, meant: Identifier | None, spans: Sequence[Span], name: str) -> str | None:
    """Rename by the scoping rules; where they forbid it, only the occurrences themselves, with a name that is new."""
    if meant is not None:
        try:
            return rename(text, language, meant, name).code
        except CodeError:
            pass
    if name in table_of(language).keywords or re.search(rf"\b{re.escape(name)}\b", text):
        return None
    return apply(text, [Edit(span, name) for span in spans]).code


def _blocks(found: Sequence[tuple[Sample, Element]], model: MaskedModel | None) -> list[list[str]]:
    """Return for each statement itself with its names and literals filled anew, hidden in all of its places."""
    if model is None or not found:
        return [[] for _ in found]
    leaves = [
        [leaves_of(sample.text(element.field), sample.language, span) for span in element.spans]
        for sample, element in found
    ]
    filled = model.texts(
        [
            (sample.text(element.field), tuple(leaf for own in kept for leaf in own))
            for (sample, element), kept in zip(found, leaves, strict=True)
        ]
    )
    return [
        _block(sample.text(element.field), element.spans[0], kept[0], words[: len(kept[0])])
        for (sample, element), kept, words in zip(found, leaves, filled, strict=True)
    ]


def _block(text: str, span: Span, leaves: Sequence[Span], words: Sequence[str]) -> list[str]:
    """Return a statement with its leaves filled by words, if it has any."""
    edits = []
    for leaf, word in zip(leaves, words, strict=True):
        old = leaf.of(text)
        edits.append(Edit(leaf, old[: len(old) - len(old.lstrip())] + word.strip()))
    grown = sum(len(edit.text) - len(edit.span) for edit in edits)
    return [apply(text, edits).code[span.start : span.end + grown]] if edits else []


def leaves_of(code: str, language: str, span: Span) -> tuple[Span, ...]:
    """Return the names and literals within a statement: all but keywords, punctuation and comments."""
    tree, table = parse(code, language).tree, table_of(language)
    return tuple(
        Span(tree.starts[node], tree.ends[node])
        for node in range(1, len(tree.kinds))
        if tree.nexts[node] == node + 1
        and span.start <= tree.starts[node]
        and tree.ends[node] <= span.end
        and tree.kinds[node] not in table.comments
        and tree.words(node) not in table.keywords
        and any(character.isalnum() for character in tree.words(node))
    )


def _tidy(text: str) -> str:
    """Close the gaps that a removed word leaves."""
    return re.sub(r"[ \t]{2,}", " ", text).strip()
