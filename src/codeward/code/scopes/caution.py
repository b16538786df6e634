"""What cannot be renamed with certainty, and why; said for each entity once all names are resolved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from codeward.code.scopes.model import Entity, Role, Scope

if TYPE_CHECKING:
    from codeward.code.scopes._base import Walk

_VALUES = frozenset({Role.FUNCTION, Role.PARAMETER, Role.VARIABLE})
_DECLARED = _VALUES | {Role.TYPE}
_DEFINITIONS = ("_definition", "_declaration", "_specifier")
"""How the types of nodes that are definitions end."""


def settle(walk: Walk) -> None:
    """Fix every entity whose occurrences may not all be known."""
    for root, reason in walk.frozen:
        for node in (root, *walk.tree.within(root)):
            if node in walk.entity_of:
                walk.entity_of[node].fix(reason)
    for scope, reason in walk.dynamic.items():
        current: Scope | None = scope
        while current is not None:
            for entity in current.names.values():
                entity.fix(reason)
            current = current.parent
    entities = list(dict.fromkeys(walk.entity_of.values()))
    _fix_methods(walk, entities)
    _fix_doubtful(walk)
    if walk.tree.damaged:
        _fix_torn(walk, [each for each in entities if each.role in _DECLARED])


def _fix_methods(walk: Walk, entities: list[Entity]) -> None:
    """Fix the methods that an unknown object may have too, and the functions that the language calls."""
    methods: dict[str, Entity] = {}
    for entity in entities:
        if entity.role is not Role.FUNCTION:
            continue
        if entity.name in walk.table.special or (entity.method and entity.name in walk.table.special_methods):
            entity.fix("the language calls it by this name")
        if entity.method:
            first = methods.setdefault(entity.name, entity)
            if first is not entity or (Role.FIELD, entity.name, "") in walk.groups:
                first.fix("another object or class of the text may have it too")
                entity.fix(first.fixed)


def _fix_doubtful(walk: Walk) -> None:
    """Fix what shares its name with something that the text does not show."""
    for entity, reason in walk.doubtful_declarations():
        if entity.role in _DECLARED:
            entity.fix(reason)
    for entity in walk.unsure:
        if entity.role in _VALUES:
            entity.fix("a class of the text may inherit something of this name")


def _fix_torn(walk: Walk, declared: list[Entity]) -> None:
    """Fix what errors of the tree may have torn apart: names with uses elsewhere, or with a namesake close by."""
    counts = Counter(entity.name for entity in declared)
    regions: dict[str, set[int]] = {}
    for entity in declared:
        regions.setdefault(entity.name, set()).add(_region(walk, entity.places[0]))
    for entity in declared:
        close_by = counts[entity.name] > len(regions[entity.name])
        torn = close_by or (counts[entity.name] > 1 and 0 in regions[entity.name])
        if torn or (Role.OTHER, entity.name, "") in walk.groups:
            entity.fix("the code has parse errors, and it is not certain where it is meant")


def _region(walk: Walk, node: int) -> int:
    """Return the outermost definition around a node; 0 where it stands in none that is whole."""
    tree = walk.tree
    while tree.parents[node] and tree.parents[tree.parents[node]]:
        node = tree.parents[node]
    return node if tree.kinds[node].endswith(_DEFINITIONS) else 0
