"""Findings as SARIF 2.1.0, which code hosts and editors show beside the line."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from codeward import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
COLUMNS = "unicodeCodePoints"
"""What columns count; a reader who is not told counts units of UTF-16, of which some characters have two."""
ALSO = "It stands here, too."
"""What is said of each place of a finding after the first one."""


def sarif(
    rule: str, summary: str, results: Iterable[Mapping[str, Any]], properties: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a log of one run.

    Args:
        rule: The rule's id, such as ``codeward/codepurify``.
        summary: What the rule finds, in one sentence.
        results: What ``sarif_result`` or ``sarif_file_result`` made.
        properties: What else is to be said of the run.
    """
    driver = {
        "name": "codeward",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": summary}}],
    }
    run: dict[str, Any] = {"tool": {"driver": driver}, "columnKind": COLUMNS, "results": list(results)}
    if properties:
        run["properties"] = dict(properties)
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def sarif_file_result(rule: str, message: str, uri: str) -> dict[str, Any]:
    """Return a finding on a whole file or folder, such as a model.

    Args:
        rule: The rule's id.
        message: What was found.
        uri: Its path.
    """
    location = {"physicalLocation": {"artifactLocation": {"uri": _uri(uri)}}}
    return {**_warning(rule, message), "locations": [location]}


def sarif_result(
    rule: str,
    message: str,
    uri: str,
    text: str,
    start: int,
    end: int,
    row: str = "",
    *,
    field: str = "",
    others: Sequence[tuple[int, int]] = (),
) -> dict[str, Any]:
    """Return one finding.

    A row's code has no lines of its own in the file that holds the rows, so that a row's region stands in the properties.

    Args:
        rule: The rule's id.
        message: What was found.
        uri: The file's path, or ``-`` for standard input.
        text: The code that the offsets count in.
        start: First character.
        end: The character after the last one.
        row: The row's id, where the file holds many codes.
        field: Which of the row's texts it is.
        others: Where else the same stands in the text, as first character and the one after the last.
    """
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(uri)}}
    result = _warning(rule, message)
    region, more = _region(text, start, end), [_region(text, *other) for other in others]
    if row:
        result["locations"] = [
            {"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": row, "kind": "row"}]}
        ]
        named = {"field": field} if field else {}
        result["properties"] = {"row": row, **named, "region": region, **({"relatedRegions": more} if more else {})}
        return result
    result["locations"] = [{"physicalLocation": {**physical, "region": region}}]
    if more:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": {**physical, "region": each}, "message": {"text": ALSO}}
            for number, each in enumerate(more, start=1)
        ]
    return result


def _warning(rule: str, message: str) -> dict[str, Any]:
    return {"ruleId": rule, "level": "warning", "message": {"text": message}}


def _region(text: str, start: int, end: int) -> dict[str, Any]:
    (line, column), (last_line, last_column) = place(text, start), place(text, end)
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": last_line,
        "endColumn": last_column,
        "snippet": {"text": text[start:end]},
    }


def _uri(path: str) -> str:
    """Return a path as a URI reference; spaces, signs and letters beyond ASCII are encoded."""
    return "stdin" if path == "-" else quote(PurePath(path).as_posix())


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of a character, both from 1 on."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
