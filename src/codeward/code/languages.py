"""The six languages: what differs between their grammars is data in one table each, never a branch on a name."""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import PurePath

import tree_sitter

from codeward.code._table import Language
from codeward.code.tables import ALL
from codeward.errors import UnknownNameError

CONTROL_FIELDS = frozenset({"initializer", "init", "update", "condition", "communication"})
"""Fields of a control structure that hold a part of its head, never a statement of its own."""


_TABLES: Mapping[str, Language] = {table.name: table for table in ALL}

LANGUAGES: tuple[str, ...] = tuple(_TABLES)
"""The names of the languages."""


def check_language(name: str) -> str:
    """Return the name of a language.

    Raises:
        UnknownNameError: If there is no such language.
    """
    if name not in LANGUAGES:
        raise UnknownNameError("language", name, LANGUAGES)
    return name


def table_of(name: str) -> Language:
    """Return the table of a language.

    Raises:
        UnknownNameError: If there is no such language.
    """
    return _TABLES[check_language(name)]


def reserved(name: str) -> frozenset[str]:
    """Return the words of a language that are never names.

    Raises:
        UnknownNameError: If there is no such language.
    """
    return table_of(name).reserved


@cache
def grammar(name: str) -> tree_sitter.Language:
    """Return the tree-sitter grammar of a language, for queries.

    Raises:
        UnknownNameError: If there is no such language.
    """
    return tree_sitter.Language(importlib.import_module(f"tree_sitter_{check_language(name)}").language())


@cache
def kinds(name: str) -> tuple[str, ...]:
    """Return the node types of a grammar by their number."""
    known = grammar(name)
    return tuple(known.node_kind_for_id(number) or "" for number in range(known.node_kind_count))


@cache
def statement_kinds(name: str) -> frozenset[str]:
    """Return the node types that are statements."""
    table = table_of(name)
    named = {kind for kind in kinds(name) if kind.endswith("_statement")}
    return frozenset(named - table.not_statements) | table.statements


def language_of_file(path: str | PurePath) -> str | None:
    """Return the language of a file by its extension; ``None`` where it is none of ours."""
    suffix = PurePath(path).suffix
    for table in _TABLES.values():
        if suffix in table.extensions or suffix.lower() in table.extensions:
            return table.name
    return None
