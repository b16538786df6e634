"""Where pretraining text comes from: trees, archives and JSONL files of source code, each document once.

Left out and counted: what cannot be read, is generated or minified; copies (whatever their white space); and every file
that holds a function of the evaluation data. The licence comment at a file's head is cut off.
"""

import contextlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codeward.code import LANGUAGES, functions, language_of_file
from codeward.data import open_data
from codeward.data.harvest.functions import key_of, normalize
from codeward.data.harvest.sources import members, read_member
from codeward.data.lines import lines
from codeward.data.listing import split_of
from codeward.errors import CodeError, DataError
from codeward.types import OTHER

LARGEST = 400_000
"""Characters; longer texts are tables."""
JSONL = re.compile(r"\.jsonl(?:\.gz|\.zst)?$")
_HEAD = {
    "python": re.compile(r"\s*(?:#[^\n]*\n\s*)+"),
    "": re.compile(r"\s*(?:/\*.*?\*/\s*|//[^\n]*\n\s*)+", re.S),
}
_LEGAL = re.compile(r"copyright|licen[sc]e|SPDX", re.I)


@dataclass(frozen=True, slots=True)
class Document:
    """One file of source code."""

    name: str
    """The repository and path, or the source's name and the path within it."""
    language: str
    text: str
    license: str = ""
    split: str | None = None
    """The side that its source gives it: ``train``, ``valid`` or ``test``."""


def documents(
    sources: Sequence[Path],
    languages: Sequence[str],
    skipped: Counter[str],
    *,
    exclude: frozenset[str] = frozenset(),
) -> Iterator[Document]:
    """Yield every document of the sources once.

    Args:
        sources: Folders, archives, and JSONL files (``text``, and ``path`` or ``language``), plain or compressed.
        languages: Only these.
        skipped: Counts what is left out, by reason.
        exclude: Keys of functions that must not occur (see ``function_keys``).

    Raises:
        DataError: If a source is missing, or a JSONL file is damaged.
    """
    check_there(sources)
    seen: set[str] = set()
    for source in sources:
        for raw in _read(source, languages, skipped):
            found = replace(raw, text=without_legal_head(raw.text, raw.language))
            key = key_of("".join(found.text.split()))
            if key in seen:
                skipped["file occurs twice"] += 1
            elif len(found.text) > LARGEST:
                skipped["file is too long"] += 1
            elif exclude and keys_of(found.text, found.language) & exclude:
                skipped["file holds a function of the evaluation data"] += 1
            else:
                seen.add(key)
                yield found


def check_there(sources: Sequence[Path]) -> None:
    """Refuse sources that are missing, before any is read.

    Raises:
        DataError: If one is.
    """
    for source in sources:
        if not source.exists():
            raise DataError(f"{source}: there is no such file or folder; name one that is there")


def stamps(sources: Sequence[Path], languages: Sequence[str] | None = None) -> list[tuple[str, int, int]]:
    """Return name, size and time of change of the files that sources consist of, by which a change is noticed.

    Args:
        sources: Files and folders.
        languages: Only files in these, and JSONL, of a folder; all if not given.
    """
    found = []
    for source in sources:
        for path in [source] if source.is_file() else _files(source, languages):
            with contextlib.suppress(OSError):
                about = path.stat()
                found.append((path.as_posix(), about.st_size, about.st_mtime_ns))
    return found


def function_keys(data: Sequence[Path]) -> frozenset[str]:
    """Return the keys of all functions of data sets, so that they can be kept out of a corpus."""
    keys: set[str] = set()
    for path in data:
        folder = open_data(path)
        for split in folder.splits:
            for sample in folder.read(split):
                for code in (sample.code, sample.text(OTHER)):
                    keys |= keys_of(code, sample.language) | {key_of(normalize(code, sample.language))}
    return frozenset(keys)


def keys_of(text: str, language: str) -> set[str]:
    """Return the keys of the functions of a text, whatever their comments and white space."""
    if language not in LANGUAGES:
        return set()
    try:
        return {key_of(normalize(each.span.of(text), language)) for each in functions(text, language)}
    except CodeError:
        return set()


def without_legal_head(text: str, language: str) -> str:
    """Return a text without the comment at its start, if that is about copyright."""
    match = _HEAD.get(language, _HEAD[""]).match(text)
    return text[match.end() :] if match and _LEGAL.search(match[0]) else text


def _read(source: Path, languages: Sequence[str], skipped: Counter[str]) -> Iterator[Document]:
    tables = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    tables = [path for path in tables if JSONL.search(path.name)]
    for path in tables:
        yield from _rows(path, languages, skipped)
    if tables:
        return
    for member in members(source, languages, skipped):
        file = read_member(member, skipped)
        if file is not None:
            yield Document(file.name, file.language, file.text)


def _files(folder: Path, languages: Sequence[str] | None) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if languages is None or JSONL.search(name) or language_of_file(name) in languages:
                yield Path(place, name)


def _rows(path: Path, languages: Sequence[str], skipped: Counter[str]) -> Iterator[Document]:
    split = split_of(path.name.split(".")[0])
    for number, line in lines(path):
        where = f"{path}, line {number}"
        row = _row(line, where)
        text, name, repo, told, license = (
            _field(row, key, where) for key in ("text", "path", "repo", "language", "license")
        )
        language = told or language_of_file(name)
        if not name and not told:
            skipped["row has neither path nor language"] += 1
        elif language in languages and not text.isascii() and not _encodes(text):
            skipped["file is not UTF-8"] += 1
        elif language is not None and language in languages:
            place = "/".join(part for part in (repo, name) if part)
            yield Document(place or f"{path.name}:{number}", language, text, license, split)


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or row.get("text") is None:
        raise DataError(f"{where}: a row of a corpus is a JSON object with 'text'; mend or remove it")
    return row


def _field(row: Mapping[str, Any], key: str, where: str) -> str:
    """Return a field of a row, empty where it has none."""
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where}: {key!r} of a row is text, not {json.dumps(value)[:40]}; mend or remove the row")
    return value or ""


def _encodes(text: str) -> bool:
    """Tell whether a text is free of halves of characters, which JSON may hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
