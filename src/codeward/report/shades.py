"""Code in the page, shaded by how much the model's answer rests on each place; the convicted element has a frame."""

from collections.abc import Sequence
from itertools import groupby, pairwise

from markupsafe import Markup, escape

from codeward.experiment.record import Part, View
from codeward.report.code import visible

LEVELS = 5
"""Shades; the strongest is for scores next to the highest of the input."""


def shaded(view: View) -> Markup:
    """Return a field's text as HTML.

    A place has the shade of the higher of two scores: its name's and its innermost statement's (or line's). The convicted
    element's places are framed.
    """
    highest = max((part.score for part in view.parts), default=0.0)
    names = [part for part in view.parts if part.kind in ("identifier", "word", "token")]
    blocks = [part for part in view.parts if part not in names]
    frames = sorted({span for part in view.parts if part.convicted for span in part.spans})
    edges = {0, len(view.text), *(edge for part in view.parts for span in part.spans for edge in span)}
    pieces: list[tuple[tuple[int, int] | None, int, str]] = []
    for start, end in pairwise(sorted(edge for edge in edges if edge <= len(view.text))):
        shade = level(max(_innermost(blocks, start, end), _innermost(names, start, end)), highest)
        frame = next((span for span in frames if span[0] <= start and end <= span[1]), None)
        pieces.append((frame, shade, view.text[start:end]))
    framed = []
    for frame, run in groupby(pieces, key=lambda piece: piece[0]):
        text = Markup("").join(
            _painted(shade, "".join(text for *_, text in same))
            for shade, same in groupby(run, key=lambda piece: piece[1])
        )
        framed.append(text if frame is None else Markup('<mark class="convicted">{}</mark>').format(text))
    return Markup("").join(framed)


def _painted(shade: int, text: str) -> Markup:
    shown = escape(visible(text))
    return Markup('<span class="h{}">{}</span>').format(shade, shown) if shade else shown


def level(score: float, highest: float) -> int:
    """Return a score's shade: 0 for none, up to ``LEVELS`` in equal steps of the highest score."""
    if not highest > 0 or not score > 0:
        return 0
    return min(LEVELS, round(LEVELS * score / highest))


def _innermost(parts: Sequence[Part], start: int, end: int) -> float:
    """Return the score of the shortest part around a place; 0 where none is."""
    around = [(high - low, -part.score) for part in parts for low, high in part.spans if low <= start and end <= high]
    return -min(around)[1] if around else 0.0
