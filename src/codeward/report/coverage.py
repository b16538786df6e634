"""On which lines the rows of a leaderboard are ranked: those that all of them have."""

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

Row = TypeVar("Row", bound=Hashable)
Key = TypeVar("Key", bound=Hashable)

SHARE = 0.5
"""A further row is taken in as long as that share of the widest coverage is left."""


def shared_lines(
    covers: Mapping[Row, Collection[Key]], always: Collection[Row] = ()
) -> tuple[frozenset[Row], frozenset[Key]]:
    """Return the rows that are ranked, and the lines that all of them have.

    The row of widest coverage comes first, then each time the one that keeps most of the shared lines.

    Args:
        covers: The lines that each row has.
        always: Rows that take part whatever they have, as far as they have any.
    """
    fixed = frozenset(row for row in always if covers.get(row))
    limit = frozenset[Key]().union(*covers.values())
    for row in fixed:
        limit &= frozenset(covers[row])
    rest = {row: frozenset(cover) & limit for row, cover in covers.items() if row not in fixed}
    widest = max(map(len, rest.values()), default=0)
    if not widest:
        return fixed, limit if fixed else frozenset()
    ranked, shared = set(fixed), limit
    while rest:
        row = max(rest, key=lambda each: len(rest[each] & shared))
        kept = rest.pop(row) & shared
        if len(kept) < SHARE * widest:
            break
        ranked.add(row)
        shared = kept
    return frozenset(ranked), shared
