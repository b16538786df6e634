"""Calls in Python: ``self.name`` and the keywords of calls mean what the text's own functions and classes declare.

A keyword of a call names a parameter. Where it is certain whose, both are renamed together; where it may be one of the
text's functions and is not certain, the parameter is fixed. Callers outside of the text are not known.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codeward.code.scopes.model import Entity, Scope

if TYPE_CHECKING:
    from codeward.code.scopes.python import PythonWalk

_BY_KEYWORD = "the text may pass it by keyword to a function that is not certain"
_BY_CLASS = "a class statement of the text passes it by keyword"
_MAKERS = frozenset({"__init_subclass__", "__new__", "__init__", "__prepare__"})
"""What a class statement calls."""
_SPLAT = "a call passes arguments by their names (**)"
_QUOTED = "its name stands in a string that a decorator or call may read"
_OWN = frozenset({"self", "cls"})


@dataclass(slots=True, eq=False)
class Signature:
    """A function that the text declares, and what it takes by keyword."""

    name: int
    """The node of its name."""
    outer: Scope
    decorated: int | None
    """The node that holds its decorators."""
    parameters: dict[str, int] = field(default_factory=dict)
    """The nodes of the parameters that may be given by keyword."""
    first: int | None = None
    """The node of its first parameter."""


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword of a call."""

    callee: int
    name: int | None
    """The keyword's node; ``None`` for ``**``."""
    scope: Scope


def resolve_attributes(walk: PythonWalk) -> None:
    """Say whom each name after a dot means: a member of the class at hand where the object is known."""
    owners = _owners(walk)
    for owner, name in walk.attributes:
        entity = None if owner is None else walk.entity_of.get(owner)
        walk.attach_member(name, None if entity is None else owners.get(entity))


def resolve_keywords(walk: PythonWalk) -> None:
    """Join each keyword with the parameter that it names, and fix the parameters that are in doubt."""
    by_entity: dict[Entity, list[Signature]] = {}
    by_name: dict[str, list[Signature]] = {}
    for signature in walk.signatures:
        by_entity.setdefault(walk.entity_of[signature.name], []).append(signature)
        by_name.setdefault(walk.name(signature.name), []).append(signature)
    bodies = {walk.entity_of[name]: body for name, body in walk.classes}
    owners = _owners(walk)
    loose: set[str] = set()
    for keyword in walk.arguments:
        found, certain = _signatures(walk, keyword.callee, by_entity, by_name, bodies, owners)
        if keyword.name is None:
            for signature in found:
                _fix(walk, signature, signature.parameters, _SPLAT)
            continue
        name = walk.name(keyword.name)
        takers = [signature for signature in found if name in signature.parameters]
        if certain and len(takers) == 1:
            walk.attach(keyword.name, walk.entity_of[takers[0].parameters[name]])
            continue
        walk.attach_member(keyword.name, None)
        loose.add(name)
        for signature in takers:
            _fix(walk, signature, {name}, _BY_KEYWORD)
    for node in walk.lambda_parameters:
        if walk.name(node) in loose:
            walk.entity_of[node].fix(_BY_KEYWORD)
    quoted = set(re.findall(r"[\"'](\w+)[\"']", walk.tree.text))
    for signature in walk.signatures:
        _fix_named(walk, signature, loose, quoted)


def _owners(walk: PythonWalk) -> dict[Entity, Scope]:
    """Return the class that each name of an object or class stands for, as a scope.

    The first parameter of a method is its object. A function alone with a ``self`` is a method of a class unseen, in
    which it stands as in the text around.
    """
    owners = {walk.entity_of[name]: body for name, body in walk.classes}
    for signature in walk.signatures:
        if signature.first is not None:
            lone = signature.outer is walk.root and walk.name(signature.first) in _OWN
            if signature.outer.kind == "class" or lone:
                owners[walk.entity_of[signature.first]] = signature.outer
    return owners


def _signatures(
    walk: PythonWalk,
    callee: int,
    by_entity: dict[Entity, list[Signature]],
    by_name: dict[str, list[Signature]],
    bodies: dict[Entity, Scope],
    owners: dict[Entity, Scope],
) -> tuple[list[Signature], bool]:
    """Return the functions of the text that a call may mean, and whether it can be no other."""
    kind = walk.tree.kinds[callee]
    target = walk.tree.child(callee, "attribute") if kind == "attribute" else callee
    entity = None if target is None else walk.entity_of.get(target)
    if entity in by_entity:
        others = by_name[entity.name] if entity.method else by_entity[entity]
        return others, len(others) == 1
    body = None if entity is None else bodies.get(entity) or (owners.get(entity) if kind == "identifier" else None)
    if body is not None:
        maker = body.names.get("__init__")
        return ([] if maker is None else by_entity.get(maker, [])), True
    if kind == "attribute" and target is not None:
        methods = [each for each in by_name.get(walk.name(target), []) if each.outer.kind == "class" or each.first]
        return [each for each in methods if not _is_super(walk, callee, each)], False
    return [], False


def _is_super(walk: PythonWalk, callee: int, signature: Signature) -> bool:
    """Whether a call goes to the method's namesake in a base class."""
    owner = walk.tree.child(callee, "object")
    if owner is None or not walk.tree.words(owner).startswith("super("):
        return False
    return (
        walk.tree.starts[signature.name] < walk.tree.starts[callee] < walk.tree.ends[walk.tree.parents[signature.name]]
    )


def _fix_named(walk: PythonWalk, signature: Signature, loose: set[str], quoted: set[str]) -> None:
    """Fix the parameters that decorators, or the callers of a function that is handed on, may name.

    Args:
        walk: The walk.
        signature: The function.
        loose: The keywords of calls that may mean any function.
        quoted: The words that are a string of their own.
    """
    if walk.name(signature.name) in _MAKERS:
        _fix(walk, signature, walk.class_keywords, _BY_CLASS)
    if signature.decorated is not None:
        head = walk.tree.text[walk.tree.starts[signature.decorated] : walk.tree.starts[signature.name]]
        words = set(re.findall(r"\w+", " ".join(re.findall(r"\"[^\"]*\"|'[^']*'", head))))
        _fix(walk, signature, words, _QUOTED)
    if signature.decorated is not None or _is_handed_on(walk, walk.entity_of[signature.name], signature):
        _fix(walk, signature, loose, _BY_KEYWORD)
        _fix(walk, signature, quoted, _QUOTED)


def _is_handed_on(walk: PythonWalk, entity: Entity, signature: Signature) -> bool:
    """Whether a function is used other than by calling it."""
    tree = walk.tree
    for place in entity.places:
        node = tree.parents[place] if tree.fields[place] == "attribute" else place
        called = tree.kinds[tree.parents[node]] == "call" and tree.fields[node] == "function"
        if place != signature.name and not called and tree.fields[place] != "name":
            return True
    return False


def _fix(walk: PythonWalk, signature: Signature, names: Collection[str], reason: str) -> None:
    """Fix those parameters of a function that have some names."""
    for name, node in signature.parameters.items():
        if name in names:
            entity = walk.entity_of[node]
            entity.fix(reason)
