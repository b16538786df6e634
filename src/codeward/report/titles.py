"""Runs of one name on one page get what they differ in behind it, so that a reader can tell them apart."""

from collections import Counter
from collections.abc import Sequence

from codeward.experiment.record import Record

FIELDS = ("model", "data", "split", "reference")
"""Fields of a configuration in which runs of one name may differ, the most telling first."""
WATCHED = "train"
"""The verb whose runs stand side by side under one name on purpose."""


def told_apart(records: Sequence[Record]) -> list[Record]:
    """Return the records in their order; titles that several have hold the fields in which these differ, else a number."""
    seen: Counter[str] = Counter()
    made = []
    for record in records:
        same = [each for each in records if each.title == record.title and each.verb != WATCHED]
        if record.verb == WATCHED or len(same) == 1:
            made.append(record)
            continue
        title = ", ".join([record.title, *_differing(record, same)])
        seen[title] += 1
        made.append(record.model_copy(update={"title": title if seen[title] == 1 else f"{title} ({seen[title]})"}))
    return made


def _differing(record: Record, same: Sequence[Record]) -> list[str]:
    """Return what a record has in the first field in which all of them differ, else in all in which some do."""
    values = {name: [str(each.config.get(name) or "") for each in same] for name in FIELDS}
    whole = [name for name in FIELDS if len(set(values[name])) == len(same)][:1]
    some = whole or [name for name in FIELDS if len(set(values[name])) > 1]
    return [text for name in some if (text := str(record.config.get(name) or ""))]
