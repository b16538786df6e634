"""Identifiers with all their occurrences in scope, and renaming one of them consistently."""

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache

from codeward.code._table import Language
from codeward.code.edit import Edit, Edited, apply
from codeward.code.languages import table_of
from codeward.code.parse import parse
from codeward.code.scopes import WALKS
from codeward.code.scopes.model import Role
from codeward.code.tree import Tree
from codeward.errors import CodeError
from codeward.types import Span

__all__ = ["Identifier", "Role", "check_name", "identifiers", "rename"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name with every place where it means the same."""

    name: str
    role: Role
    spans: tuple[Span, ...]
    """Its declaration and uses, in the order of the text."""
    fixed: str = field(default="", compare=False)
    """Why renaming it would change what the code does, or may do so by what the text does not show, as a clause.

    Empty where nothing speaks against it: all that the text itself shows has been looked at. What others call it by from
    outside, what reads names at run time (``inspect``, the name of a function that is printed), and, for a name that the
    text does not declare, where that is declared, stay unknown.
    """


@dataclass(frozen=True, slots=True)
class _Names:
    """The identifiers of a text, and what a new name needs around it at some places, as in ``{x: new}``."""

    identifiers: tuple[Identifier, ...]
    by_span: dict[Span, int]
    around: dict[Span, tuple[str, str]]


def identifiers(code: str, language: str) -> list[Identifier]:
    """Return every identifier of a text in the order of their first occurrences.

    What the text declares is resolved by the scoping rules of the language; two variables of one name are two
    identifiers. Names that it does not declare are one identifier for each text and role. Strings and comments hold
    none, but interpolations do.

    Args:
        code: A file or a fragment.
        language: Its language.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is too long to be parsed.
    """
    return list(_names(code, language).identifiers)


def rename(code: str, language: str, identifier: Identifier, new_name: str) -> Edited:
    """Rename an identifier everywhere it is meant, and nothing else.

    What the code does stays the same for what the text declares, as far as the text shows it; see ``Identifier.fixed``. A name
    that it does not declare (``Role.OTHER``, ``FIELD``, ``TYPE``) is renamed in the text, and means something else then unless
    it is renamed where it is declared, too.

    Args:
        code: A file or a fragment.
        language: Its language.
        identifier: One of ``identifiers(code, language)``.
        new_name: Its new name.

    Returns:
        The text; its spans are the occurrences of the new name, in the order of the text.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the new name is no identifier or a keyword, or already stands in the text; if the identifier is
            none of this text, or renaming it would change what the code does, or that cannot be told.
    """
    table, names = table_of(language), _names(code, language)
    number = names.by_span.get(identifier.spans[0]) if identifier.spans else None
    if number is None or names.identifiers[number] != identifier:
        raise CodeError(
            f"{identifier.name!r} is no identifier of this text; take one of identifiers() of this very text"
        )
    if identifier.fixed or names.identifiers[number].fixed:
        raise CodeError(f"{identifier.name!r} cannot be renamed: {names.identifiers[number].fixed or identifier.fixed}")
    check_name(new_name, language)
    tree = parse(code, language).tree
    if _stray(tree, table, names, identifier.name):
        raise CodeError(
            f"{identifier.name!r} cannot be renamed: it also stands in a macro or where the code does not parse"
        )
    if any(each.name == new_name for each in names.identifiers) or _stray(tree, table, names, new_name):
        raise CodeError(f"{new_name!r} already stands in the code; choose a name that does not")
    edits, shifts = [], []
    for span in identifier.spans:
        before, after = names.around.get(span, ("", ""))
        edits.append(Edit(span, f"{before}{new_name}{after}"))
        shifts.append(len(before))
    edited = apply(code, edits)
    spans = tuple(
        Span(span.start + shift, span.start + shift + len(new_name))
        for span, shift in zip(edited.spans, shifts, strict=True)
    )
    return Edited(edited.code, spans, edited.edits)


def check_name(name: str, language: str) -> None:
    """Refuse a name that a language does not take for an identifier.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the name is no identifier, or a keyword.
    """
    table = table_of(language)
    plain = name
    for character in table.name_characters:
        plain = plain.replace(character, "_")
    if not plain.isidentifier() or (table.folds_names and unicodedata.normalize("NFKC", name) != name):
        raise CodeError(f"{name!r} is no identifier of {table.name}; use letters, digits and underscores")
    if name in table.keywords:
        raise CodeError(f"{name!r} is a keyword of {table.name}; choose another name")


def _stray(tree: Tree, table: Language, names: _Names, name: str) -> bool:
    """Whether a name stands as a word where no identifier is known: in a macro's body, or in an error of the tree."""
    edge = f"[\\w{re.escape(table.name_characters)}]"
    found = [
        match.start()
        for match in re.finditer(rf"(?<!{edge}){re.escape(name)}(?!{edge})", tree.text)
        if Span(match.start(), match.end()) not in names.by_span
    ]
    if not found:
        return False
    starts, ends = [], [0]
    for node, kind in enumerate(tree.kinds):
        if kind in table.comments or kind in table.strings:
            starts.append(tree.starts[node])
            ends.append(max(ends[-1], tree.ends[node]))
    return any(ends[bisect_right(starts, place)] <= place for place in found)


@lru_cache(maxsize=32)
def _names(code: str, language: str) -> _Names:
    table, tree = table_of(language), parse(code, language).tree
    walk = WALKS[language](tree, table)
    walk.run()
    entities = {id(entity): entity for entity in walk.entity_of.values()}
    found = [
        Identifier(
            entity.name,
            entity.role,
            tuple(Span(tree.starts[node], tree.ends[node]) for node in sorted(entity.places)),
            entity.fixed,
        )
        for entity in entities.values()
    ]
    found.sort(key=lambda each: each.spans[0])
    by_span = {span: number for number, each in enumerate(found) for span in each.spans}
    around = {Span(tree.starts[node], tree.ends[node]): text for node, text in walk.around.items()}
    return _Names(tuple(found), by_span, around)
