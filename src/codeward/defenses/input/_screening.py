"""Hide the likeliest parts of each input first, and stop where the rest cannot change the verdict."""

from collections.abc import Callable, Sequence

from codeward.defenses._elements import Element
from codeward.defenses._hiding import scored
from codeward.types import Prediction, Sample
from codeward.victims.base import Victim

Enough = Callable[[Sequence[Element], Sequence[Element], int], bool]
"""Whether parts that were hidden before, those hidden last, and the number of all parts settle an input."""


def screened(
    samples: Sequence[Sample],
    ends: Sequence[dict[str, int]],
    parts: Sequence[Sequence[Element]],
    order: Sequence[Sequence[int]],
    answers: Sequence[Prediction],
    victim: Victim,
    *,
    first: Callable[[int], int],
    enough: Enough,
    novel: bool = False,
) -> list[list[Element]]:
    """Return the parts that were hidden with their scores, in the order in which they stand where all were.

    Args:
        samples: The inputs.
        ends: How many characters the model reads of each field, for each input.
        parts: The parts of each input.
        order: Their places, the likeliest first.
        answers: The model's own answers.
        victim: The model.
        first: How many to hide at first, of so many; then half as many at a time.
        enough: When to stop.
        novel: See ``scored``.
    """
    known: list[list[Element]] = [[] for _ in samples]
    open_ = [at for at, own in enumerate(parts) if own]
    while open_:
        chosen = []
        for at in open_:
            width = max(1, first(len(parts[at])))
            done = len(known[at])
            chosen.append(order[at][done : done + (max(1, width // 2) if done else width)])
        made = scored(
            [samples[at] for at in open_],
            [ends[at] for at in open_],
            [[parts[at][place] for place in places] for at, places in zip(open_, chosen, strict=True)],
            [answers[at] for at in open_],
            victim,
            novel=novel,
        )
        still = []
        for at, own in zip(open_, made, strict=True):
            settled = enough(known[at], own, len(parts[at]))
            known[at] += own
            if len(known[at]) < len(parts[at]) and not settled:
                still.append(at)
        open_ = still
    return [_sorted(own, every) if len(own) == len(every) else own for own, every in zip(known, parts, strict=True)]


def _sorted(known: Sequence[Element], parts: Sequence[Element]) -> list[Element]:
    """Return the hidden elements in the order in which they stand."""
    place = {(part.kind, part.field, part.spans): at for at, part in enumerate(parts)}
    return sorted(known, key=lambda part: place[part.kind, part.field, part.spans])
