"""What the natural-language attacks share: the field they go into, and how words are set between words."""

from collections.abc import Sequence
from typing import Literal

from codeward.types import PROMPT, QUERY, Sample, Span

LANGUAGE_FIELDS = (PROMPT, QUERY)
NO_TEXT = "the row has no description and no query"
Where = Literal["start", "end", "random"]


def written_field(sample: Sample) -> str | None:
    """Return the field of a sample that holds natural language; ``None`` if it has none."""
    return next((name for name in LANGUAGE_FIELDS if sample.text(name).strip()), None)


def insert(text: str, words: str, places: Sequence[int]) -> tuple[str, tuple[Span, ...]]:
    """Insert words at places that each begin a word or end the text, with one space to their neighbor.

    Args:
        text: The text.
        words: What to insert.
        places: Where, in ascending order; a place given twice takes the words twice.

    Returns:
        The text, and where the words stand in it.
    """
    end = len(text.rstrip())
    parts: list[str] = []
    spans: list[Span] = []
    last = length = 0
    for place in places:
        before = text[last:place] + (" " if place == end else "")
        start = length + len(before)
        spans.append(Span(start, start + len(words)))
        added = before + words + ("" if place == end else " ")
        parts.append(added)
        length += len(added)
        last = place
    return "".join([*parts, text[last:]]), tuple(spans)
