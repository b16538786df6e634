"""Findings as SARIF 2.1.0, which code hosts and editors show beside the line."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from codeward import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


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
    run: dict[str, Any] = {"tool": {"driver": driver}, "results": list(results)}
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
    return {"ruleId": rule, "level": "warning", "message": {"text": message}, "locations": [location]}


def sarif_result(rule: str, message: str, uri: str, text: str, start: int, end: int, row: str = "") -> dict[str, Any]:
    """Return one finding.

    Args:
        rule: The rule's id.
        message: What was found.
        uri: The file's path, or ``-`` for standard input.
        text: The code that the offsets count in.
        start: First character.
        end: The character after the last one.
        row: The row's id, where the file holds many codes; lines then count within the row's code.
    """
    first, last = place(text, start), place(text, end)
    region = {"startLine": first[0], "startColumn": first[1], "endLine": last[0], "endColumn": last[1]}
    region["snippet"] = {"text": text[start:end]}  # type: ignore[assignment]
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(uri)}, "region": region}}
    if row:
        location["logicalLocations"] = [{"fullyQualifiedName": row, "kind": "row"}]
    return {"ruleId": rule, "level": "warning", "message": {"text": message}, "locations": [location]}


def _uri(path: str) -> str:
    """Return a path as a URI reference; spaces, signs and letters beyond ASCII are encoded."""
    return "stdin" if path == "-" else quote(PurePath(path).as_posix())


def place(text: str, offset: int) -> tuple[int, int]:
    """Return line and column of a character, both from 1 on."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
