"""Which code answers which query of a search: codes of one group answer each other's queries."""

from collections.abc import Sequence

from codeward.errors import DataError
from codeward.tasks import Task
from codeward.types import Sample


def group_of(sample: Sample) -> str | None:
    """Return which codes answer a sample's query: those of its group; ``None`` where its own code is known to answer nothing."""
    return None if sample.target is None else str(sample.target)


def numbered(groups: Sequence[str | None]) -> list[int]:
    """Return a number for each group, from 0 on; what is in no group gets one of its own below 0, so that it answers nothing."""
    numbers = {group: number for number, group in enumerate(sorted({each for each in groups if each is not None}))}
    return [-1 - place if group is None else numbers[group] for place, group in enumerate(groups)]


def check_asked(rows: Sequence[Sample], task: Task) -> None:
    """Refuse the rows of a search of which none says that a code answers its query.

    Raises:
        DataError: If no row has a target.
    """
    if all(group_of(row) is None for row in rows):
        raise DataError(
            f"none of the {len(rows)} rows has a target, and {task.name} needs it: it says which code answers a row's query, and "
            "rows of one target answer each other's; give each pair that belongs together one, such as its own id"
        )
