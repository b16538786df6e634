"""Ids: unique in the whole data set, also where rows of two splits bring the same one of their own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from codeward.data.layouts import Layout, Table
from codeward.errors import DataError

_FIRST = "train"
_TOLD = 3
"""Rows with an id of another one that are named."""


def new_ids(layout: Layout, tables: Mapping[str, Table], split: str) -> dict[str, str]:
    """Return new ids for the rows of a split whose own ones rows of an earlier split have, too: the split stands before them.

    The split ``train`` comes first and keeps its ids; the others follow in the order of the data set.

    Args:
        layout: The layout.
        tables: The rows of each split. Those of the earlier ones are read, unless the layout's ids hold the split anyway.
        split: One of them.

    Raises:
        DataError: If a row has no id.
    """
    if type(layout).id is Layout.id:
        return {}
    order = sorted(tables, key=lambda name: name != _FIRST)
    before = order[: order.index(split)]
    taken: set[str] = set()
    for name in before:
        own = list(_own(layout, tables[name], name))
        found = _apart(own, name, taken)
        taken.update(found.get(id, id) for id in own)
    return _apart(list(_own(layout, tables[split], split)), split, taken) if taken else {}


def repeated(layout: Layout, table: Table, split: str, id: str) -> DataError:
    """Return what to say of a split of which several rows have one id: how many there are and where, and what to do.

    Args:
        layout: The layout.
        table: The rows of the split.
        split: Its name.
        id: The first id that comes again.
    """
    seen: set[str] = set()
    places: list[str] = []
    first, again, count = "", 0, 0
    with suppress(DataError):  # a row that cannot be read is told when this is mended
        for count, row in enumerate(table, start=1):
            own = layout.id(row, split, count - 1)
            first = first or (row.where if own == id else "")
            if own in seen:
                again += 1
                places += [row.where] if len(places) < _TOLD else []
            seen.add(own)
    where = "; ".join(places) + ("; …" if again > len(places) else "")
    field = type(layout).id is Layout.id
    remedy = f", or take out the field ({' or '.join(layout.keys)}), so that rows are counted" if field else ""
    return DataError(
        f"{places[0] if places else first}: a second row has the id {id!r}, which {first} has already; of {count:,} rows "
        f"{again:,} repeat{'s' if again == 1 else ''} an id ({where}), and ids have to be unique within a split; leave these rows out, "
        f"or give each an id of its own{remedy}"
    )


def _own(layout: Layout, table: Table, split: str) -> Iterator[str]:
    return (layout.id(row, split, n) for n, row in enumerate(table))


def _apart(own: Sequence[str], split: str, taken: set[str]) -> dict[str, str]:
    """Return new ids for those that are taken; none of them is one that the split has."""
    mine, found = set(own), dict[str, str]()
    for id in own:
        if id in taken and id not in found:
            fresh = f"{split}-{id}"
            while fresh in taken or fresh in mine:
                fresh = f"{split}-{fresh}"
            found[id] = fresh
            mine.add(fresh)
    return found
