"""White space: how lines are indented, how they end, and how a statement is laid out among others."""

import re

_INDENT = re.compile(r"[ \t\f\v]*")
_BREAK = re.compile(r"\r\n|\n|\r")
_FIRST_INDENT = re.compile(r"(?:^|[\r\n])(\t+| {2,8})(?=[^\s*#/])")
_TO_LINE_END = re.compile(r"[^\r\n]*")

DEFAULT_UNIT = "    "


def line_break(code: str) -> str:
    r"""Return how a text ends its lines: ``\r\n``, ``\r`` or, also where it has one line only, ``\n``."""
    found = _BREAK.search(code)
    return found[0] if found else "\n"


def line_start(code: str, place: int) -> int:
    """Return where the line of a place begins."""
    return max(code.rfind("\n", 0, place), code.rfind("\r", 0, place)) + 1


def rest_of_line(code: str, place: int) -> str:
    """Return what stands from a place to the end of its line, without the line break."""
    found = _TO_LINE_END.match(code, place)
    return found[0] if found else ""


def indent_of(code: str, place: int) -> str | None:
    """Return the white space before a place if nothing else stands before it on its line, else ``None``.

    A line that continues the one above, by a backslash, counts as a part of it.
    """
    start = line_start(code, place)
    if not _INDENT.fullmatch(code, start, place) or code.endswith(("\\\n", "\\\r\n"), 0, start):
        return None
    return code[start:place]


def line_indent(code: str, place: int) -> str:
    """Return the white space at the start of the line of a place."""
    found = _INDENT.match(code, line_start(code, place), place)
    return found[0] if found else ""


def indent_unit(code: str) -> str:
    """Return by what a text indents a block: its first indented line's tab or spaces, else four spaces."""
    found = _FIRST_INDENT.search(code)
    if found is None:
        return DEFAULT_UNIT
    return "\t" if found[1].startswith("\t") else found[1]


def reindent(text: str, indent: str, newline: str) -> str:
    """Return a statement without white space around it, its later lines indented like its first."""
    first, *later = _BREAK.split(text.strip())
    opening = text.lstrip("\r\n")
    width = len(opening) - len(opening.lstrip(" \t"))
    own = re.compile(f"[ \t]{{0,{width}}}")
    lines = [indent + own.sub("", line, count=1) if line.strip() else "" for line in later]
    return newline.join([first, *lines])
