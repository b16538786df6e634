"""A folder that is written whole or not at all, in a room of a fixed name, so that a run that is killed leaves nothing for good."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codeward.errors import DataError
from codeward.files import describe, new_folder


@contextmanager
def making(place: Path) -> Iterator[Path]:
    """Give a folder that takes the place when the block ends well, and vanishes otherwise.

    It stands in a hidden sibling that has the same name in each run: what a killed one left there is removed first.

    Raises:
        DataError: If the disk is full or the place cannot be written to.
    """
    room = room_of(place)
    shutil.rmtree(room, ignore_errors=True)
    made = room / place.name
    try:
        with new_folder(made) as folder:
            yield folder
        if place.exists():
            shutil.rmtree(place)
        made.rename(place)
    except OSError as problem:
        raise DataError(describe(problem, place)) from None
    except DataError as problem:
        if str(made) not in str(problem):
            raise
        # The sentence names the place that was asked for.
        raise DataError(str(problem).replace(str(made), str(place), 1)) from None
    finally:
        shutil.rmtree(room, ignore_errors=True)


def room_of(place: Path) -> Path:
    """Return where a folder is made."""
    return place.with_name(f".{place.name}.making")
