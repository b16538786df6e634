"""Samples of a search model's scan: what a trigger does to the rank of code for queries that hold a word."""

import re
from collections.abc import Sequence

from codeward.defenses.model import Inspection, stamp_trigger
from codeward.experiment.record import Example
from codeward.types import QUERY, Sample
from codeward.victims.base import Victim


def raised_examples(inspection: Inspection, victim: Victim, clean: Sequence[Sample], count: int) -> list[Example]:
    """Return samples before and after the found trigger, with their mean rank for the clean queries that hold the word.

    Args:
        inspection: What a scan of a search model found.
        victim: The model.
        clean: The pairs that it was scanned with; codes are ranked among theirs.
        count: How many samples.
    """
    if inspection.place is None or inspection.target is None:
        return []
    wanted = re.compile(rf"\b{re.escape(inspection.target)}\b", re.IGNORECASE)
    asked = [sample for sample in clean if wanted.search(sample.text(QUERY))]
    others = [sample for sample in clean if not wanted.search(sample.text(QUERY))]
    others.sort(key=lambda sample: (len(sample.code), sample.id))
    before = others[len(others) // 4 :][:count]
    stamped = stamp_trigger(before, victim, inspection.trigger, inspection.place)
    queries, pool = victim.embed(asked, QUERY), victim.embed(clean)
    near = [victim.embed(rows) @ queries.T for rows in (before, [sample for sample, _ in stamped])]
    ranks = [[1 + (queries @ pool.T > row[:, None]).sum(1).mean() for row in rows] for rows in near]
    return [
        Example(
            id=old.id,
            language=old.language,
            before=old.code,
            after=new.code,
            spans=[(span.start, span.end)],
            truth=old.text(QUERY),
            target=inspection.target,
            answers={
                "victim, before": f"rank {first:.0f} of {len(clean)}",
                "victim, after": f"rank {second:.0f} of {len(clean)}",
            },
        )
        for old, (new, span), first, second in zip(before, stamped, *ranks, strict=True)
    ]
