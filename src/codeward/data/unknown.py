"""What to say of data that no layout fits: what was found there, and what to do."""

import re
from collections.abc import Sequence
from pathlib import Path

from codeward.code import language_of_file
from codeward.data.layouts import layouts
from codeward.data.listing import source_code
from codeward.errors import DataError

_NAMED = 5
"""Files that are named."""


def unknown_layout(place: Path, fields: Sequence[str], files: Sequence[str]) -> DataError:
    """Return what to say of data that no layout fits.

    Args:
        place: What was opened.
        fields: The fields of its rows, sorted; empty where it has none.
        files: The names of its files.
    """
    if not fields and place.is_file() and language_of_file(place) is not None:
        return source_code(place, "this is source code, no data set")
    found = found_there(fields, files)
    return DataError(f"{place}: unknown layout; found {found}{_nearest(fields)}; see: codeward list layouts")


def found_there(fields: Sequence[str], files: Sequence[str]) -> str:
    """Return in words what was found in the place of a data set; see ``unknown_layout``."""
    return f"rows with the fields {', '.join(fields)}" if fields else f"the files {', '.join(files[:_NAMED])}"


def _nearest(fields: Sequence[str]) -> str:
    """Return the layout whose rows share most fields with these, in words; nothing where none does."""
    shapes = {name: layouts.make(name).shape for name in layouts.names()}
    words = {name: set(re.findall(r"\w+", shape)) for name, shape in shapes.items()}
    alike = {name: len(named & set(fields)) / len(named | set(fields)) for name, named in words.items()}
    best = max(alike, key=lambda name: alike[name])
    return f"; nearest is {best!r} ({shapes[best]})" if alike[best] else ""
