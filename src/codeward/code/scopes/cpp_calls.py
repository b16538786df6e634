"""Which functions of C++ may share their calls with namesakes from elsewhere: overloads that the text does not show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

from codeward.code._table import words
from codeward.code.scopes.model import Entity, Role, Scope

if TYPE_CHECKING:
    from codeward.code.scopes.cpp import CppWalk

_LIBRARY = words(
    "abs accumulate advance all_of any_of begin binary_search ceil copy cos count count_if distance div empty end equal exp "
    "fabs fill find find_if floor fmod for_each forward gcd generate get hypot isfinite isinf isnan lcm log log2 log10 "
    "lower_bound make_pair make_tuple max max_element merge min min_element mismatch move next none_of partition pow prev "
    "print remove replace reverse rotate round search sin size sort sqrt stoi swap tan tie to_string transform trunc unique "
    "upper_bound"
)
"""Functions of the library that a function of the text overloads without saying so."""
_FOUND_BY_TYPE = frozenset({"begin", "end", "swap"})
_VISIBLE = re.compile(r"\busing\s+namespace\s+std\b|#\s*include\s*<(?:cmath|cstdlib|math\.h|stdlib\.h)>")
_COMMENTS = frozenset({"comment"})


def fix_shared(walk: CppWalk) -> None:
    """Fix the functions some of whose calls may mean a namesake."""
    owners: dict[str, set[Scope]] = {}
    functions: list[tuple[Entity, Scope]] = []
    for entity, scope in walk.declared_in():
        if entity.role is Role.FUNCTION:
            functions.append((entity, scope))
            if scope.kind != "class":
                owners.setdefault(entity.name, set()).add(scope)
    visible = bool(functions) and bool(_VISIBLE.search(walk.tree.text))
    for entity, scope in functions:
        if len(owners.get(entity.name, ())) > 1:
            entity.fix("another namespace of the text has it too")
        elif scope.kind == "namespace" and entity.name in _FOUND_BY_TYPE:
            entity.fix("the language or its library calls it by this name")
        elif visible and scope.kind != "class" and entity.name in _LIBRARY:
            entity.fix("the library has a function of this name, which calls may mean")
    for node, given in walk.given.items():
        called = walk.entity_of.get(node)
        if called is not None and called.role is Role.FUNCTION and not _fits(walk, called, given):
            called.fix("a call gives another number of arguments than it takes")


def count_arguments(walk: CppWalk, arguments: int) -> int | None:
    """Return how many arguments a call gives; ``None`` where a pack makes that any number."""
    kinds = [walk.tree.kinds[each] for each in walk.tree.children(arguments)]
    return None if "parameter_pack_expansion" in kinds else sum(kind not in _COMMENTS for kind in kinds)


def _fits(walk: CppWalk, entity: Entity, given: int) -> bool:
    taken = list(_taken(walk, entity))
    return not taken or any(least <= given <= most for least, most in taken)


def _taken(walk: CppWalk, entity: Entity) -> Iterator[tuple[int, float]]:
    """Yield how many arguments each declaration of a function takes, at least and at most."""
    tree = walk.tree
    for place in entity.places:
        node = place
        while tree.kinds[tree.parents[node]] == "qualified_identifier":
            node = tree.parents[node]
        parameters = tree.child(tree.parents[node], "parameters")
        if tree.kinds[tree.parents[node]] != "function_declarator" or parameters is None:
            continue
        inner = [each for each in tree.children(parameters) if tree.kinds[each] not in _COMMENTS]
        if len(inner) == 1 and tree.words(inner[0]) == "void":
            inner = []
        kinds = [tree.kinds[each] for each in inner]
        plain = kinds.count("parameter_declaration") + kinds.count("explicit_object_parameter_declaration")
        open_end = "..." in tree.words(parameters) or plain + kinds.count("optional_parameter_declaration") < len(kinds)
        yield plain, inf if open_end else len(kinds)
