"""Edits by span: several at once, none of which moves another, and where everything stands afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from codeward.errors import CodeError
from codeward.types import Span


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of a text and what stands there instead; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edited:
    """A text after its edits."""

    code: str
    spans: tuple[Span, ...]
    """Where the new text of each edit stands, in the order in which the edits were given."""
    edits: tuple[Edit, ...] = field(default=(), repr=False)
    """The edits, in the order of the text."""

    def map(self, span: Span) -> Span:
        """Return where an old span stands now; what was inserted within it has become part of it.

        What was inserted right before or right after the span stays outside.

        Raises:
            CodeError: If an edit replaced a part of the span and more.
        """
        start, end = span.start, span.end
        for edit in self.edits:
            grown = len(edit.text) - len(edit.span)
            if edit.span.end <= span.start:
                start, end = start + grown, end + grown
            elif edit.span.start < span.end:
                if not span.contains(edit.span):
                    raise CodeError(
                        f"the span {span.start}-{span.end} is only partly left after the edits; map another"
                    )
                end += grown
        return Span(start, end)


def apply(code: str, edits: Sequence[Edit]) -> Edited:
    """Make several edits at once; each span is one of the text as it was given.

    Insertions at the same place stand in the order in which they were given, and before what replaces text from there.

    Args:
        code: The text.
        edits: The edits, in any order.

    Raises:
        CodeError: If two edits overlap, or one lies outside the text.
    """
    order = sorted(range(len(edits)), key=lambda number: edits[number].span)
    placed = [edits[number] for number in order]
    for edit in placed:
        if edit.span.end > len(code):
            raise CodeError(f"the edit at {_where(edit.span)} lies outside the text of {len(code)} characters")
    for first, second in pairwise(placed):
        if second.span.start < first.span.end:
            raise CodeError(
                f"the edits at {_where(first.span)} and {_where(second.span)} overlap; make them one by one"
            )
    parts: list[str] = []
    spans: dict[int, Span] = {}
    last = length = 0
    for number, edit in zip(order, placed, strict=True):
        kept = code[last : edit.span.start]
        parts += (kept, edit.text)
        length += len(kept) + len(edit.text)
        spans[number] = Span(length - len(edit.text), length)
        last = edit.span.end
    parts.append(code[last:])
    return Edited("".join(parts), tuple(spans[number] for number in range(len(edits))), tuple(placed))


def _where(span: Span) -> str:
    return f"{span.start}-{span.end}"
