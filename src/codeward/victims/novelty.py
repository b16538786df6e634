"""What of a text that a model wrote is its own, and no copy of what it read."""

from collections.abc import Sequence
from difflib import SequenceMatcher

SAME = 4
"""So many successive tokens that stand in the input, or earlier in the text, are a copy wherever they stand."""

BESIDE = 3
"""So many tokens on either side tell what a run of tokens belongs to."""


def novel_pieces(text: Sequence[int], source: Sequence[int]) -> list[list[int]]:
    """Return the places of a text's tokens that are no copy, each unbroken run of them as a piece of its own.

    A copy is what the best alignment of the two explains, and what repeats some tokens of the input or of the text itself: a model
    that loops adds nothing.

    Args:
        text: The tokens that were written.
        source: The tokens that were read.
    """
    blocks = SequenceMatcher(None, source, text, autojunk=False).get_matching_blocks()
    copied = {place for block in blocks for place in range(block.b, block.b + block.size)} | _repeated(text, source)
    pieces: list[list[int]] = []
    for place in range(len(text)):
        if place in copied:
            continue
        if pieces and pieces[-1][-1] == place - 1:
            pieces[-1].append(place)
        else:
            pieces.append([place])
    return pieces


def stretch(pieces: Sequence[Sequence[int]], number: int) -> range:
    """Return the places from one piece to the last before and behind it that fewer than ``SAME`` copied tokens part from the next."""
    first = last = number
    while first > 0 and pieces[first][0] - pieces[first - 1][-1] <= SAME:
        first -= 1
    while last + 1 < len(pieces) and pieces[last + 1][0] - pieces[last][-1] <= SAME:
        last += 1
    return range(pieces[first][0], pieces[last][-1] + 1)


def additions(text: Sequence[int], source: Sequence[int]) -> dict[tuple[int, ...], range]:
    """Return all runs of ``SAME`` successive tokens of a text that stand nowhere in its source, with where each first stands.

    The places are those of the run and of ``BESIDE`` tokens on either side.
    """
    known = _runs(source)
    found: dict[tuple[int, ...], range] = {}
    for run, at in _runs(text).items():
        if run not in known:
            found[run] = range(max(at - BESIDE, 0), min(at + SAME + BESIDE, len(text)))
    return found


def _runs(tokens: Sequence[int]) -> dict[tuple[int, ...], int]:
    """Return all runs of ``SAME`` tokens, with where each first begins."""
    return {tuple(tokens[at : at + SAME]): at for at in reversed(range(len(tokens) - SAME + 1))}


def _repeated(text: Sequence[int], source: Sequence[int]) -> set[int]:
    """Return the places of all runs of ``SAME`` tokens that stand in the source, or wholly before them in the text."""
    known = set(_runs(source))
    found: set[int] = set()
    for at in range(len(text) - SAME + 1):
        if at >= SAME:
            known.add(tuple(text[at - SAME : at]))
        if tuple(text[at : at + SAME]) in known:
            found.update(range(at, at + SAME))
    return found
