"""Which elements of an input are planted, where not all are: those on which most rests, and the statements around them."""

import dataclasses
from collections.abc import Sequence

from codeward.defenses._elements import Element
from codeward.defenses.input._evenness import EXPLAINED
from codeward.types import Span


def carriers(elements: Sequence[Element], count: int) -> list[Element]:
    """Return the elements on which most rests of any piece of a text, and the statements around names, each with its fall as the score.

    The largest come first, and the statements last: a name that stands in a trigger (``Math``) moves nothing by itself, the whole may.
    """
    pieces = max((len(element.falls) for element in elements), default=0)
    first: list[Element] = []
    around: list[Element] = []
    for piece in range(pieces):
        scored = [dataclasses.replace(each, score=each.falls[piece]) for each in elements]
        best = max(scored, key=lambda each: each.worth)
        first.append(best)
        around += _statement_of(best, scored, piece)
    places = dict.fromkeys(place_of(each) for each in _distinct(first)[:count] + _distinct(around)[:count])
    most = {place_of(each): each for each in _distinct([*first, *around])}
    return [most[place] for place in places]


def _statement_of(name: Element, elements: Sequence[Element], piece: int) -> list[Element]:
    """Return of the innermost statements around the places of a name the one on which most rests, if there is any.

    Where it holds all of these places, as much rests on it as on the name: hiding it hides the name (and where the name explains what
    rests on it, it was counted for nothing so far).
    """
    if name.kind != "identifier":
        return []
    outer = [each for each in elements if each.kind == "statement" and each.field == name.field]
    holding = [[each for each in outer if _holds(each, span)] for span in name.spans]
    innermost = [min(found, key=lambda each: len(each.text)) for found in holding if found]
    if not innermost:
        return []
    first = max(innermost, key=lambda each: each.worth)
    whole = all(_holds(first, span) for span in name.spans)
    if not whole or first.score >= name.score:
        return [first]
    falls = (*first.falls[:piece], name.score, *first.falls[piece + 1 :])
    return [dataclasses.replace(first, score=name.score, falls=falls)]


def _holds(outer: Element, span: Span) -> bool:
    """Whether an element has a place within which a span lies."""
    return any(each.contains(span) for each in outer.spans)


def _distinct(elements: Sequence[Element]) -> list[Element]:
    """Return those on which anything rests, each once with what rests on it most, the largest first."""
    found: dict[object, Element] = {}
    for element in sorted(elements, key=lambda each: -each.worth):
        if element.worth > 0:
            found.setdefault(place_of(element), element)
    return list(found.values())


def leaders(elements: Sequence[Element], count: int) -> list[Element]:
    """Return the first elements, and the statements around them that score about as high: the trigger may be all of it."""
    first = list(elements[:count])
    around = [
        outer
        for outer in elements[count:]
        if outer.kind == "statement"
        and any(
            outer.field == inner.field
            and outer.spans[0].contains(inner.spans[0])
            and outer.score >= EXPLAINED * inner.score
            for inner in first
        )
    ]
    return first + around[:count]


def place_of(element: Element) -> object:
    """Return what tells an element from the others of its input, whatever it was scored."""
    return element.kind, element.field, element.spans
