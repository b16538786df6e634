"""Macros of C: those that take the name of a member, make names of their arguments, or share a name; and attributes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeward.code._table import words
from codeward.code.macros import named_arguments, pasted_words
from codeward.code.scopes.model import Role

if TYPE_CHECKING:
    from codeward.code.scopes.c import CWalk

MEMBER_ARGUMENTS = {
    **dict.fromkeys(
        words(
            "container_of list_entry list_first_entry list_last_entry list_next_entry list_prev_entry "
            "list_for_each_entry list_for_each_entry_continue list_for_each_entry_rcu list_for_each_entry_reverse "
            "list_for_each_entry_safe list_for_each_entry_safe_reverse hlist_entry hlist_for_each_entry "
            "hlist_for_each_entry_rcu hlist_for_each_entry_safe rb_entry offsetof QLIST_FOREACH QLIST_INSERT_HEAD "
            "QLIST_REMOVE QSIMPLEQ_FOREACH QTAILQ_FOREACH QTAILQ_INSERT_TAIL QTAILQ_REMOVE LIST_FOREACH TAILQ_FOREACH "
            "STAILQ_FOREACH TAILQ_INSERT_TAIL TAILQ_REMOVE"
        ),
        -1,
    ),
    "DO_UPCAST": 1,
    "QLIST_FOREACH_SAFE": 2,
    "QSIMPLEQ_FOREACH_SAFE": 2,
    "QTAILQ_FOREACH_SAFE": 2,
    "TAILQ_FOREACH_SAFE": 2,
}
"""By the macro's name, which argument is the name of a member; -1 is the last one."""

_TAGGED = frozenset({"struct", "union", "enum"})
_MADE = "a macro of the text may make this name, or a text of it"
_NAMED = re.compile(r"[A-Za-z_]\w*")


def read_call(walk: CWalk, node: int) -> None:
    """Read the arguments of macros that are types and members, no variables."""
    tree = walk.tree
    callee, arguments = tree.child(node, "function"), tree.child(node, "arguments")
    given = [] if arguments is None else tree.kids(arguments)
    tag = next((number for number, each in enumerate(given) if tree.words(each) in _TAGGED), None)
    if tag is not None:
        for each in tree.within(given[tag + 1]) if tag + 1 < len(given) else ():
            walk.group(each, Role.TYPE)
    known = MEMBER_ARGUMENTS.get(tree.words(callee)) if callee is not None else None
    if known is not None:
        for each in given[known:][:1]:
            if tree.kinds[each] == "identifier":
                walk.member(each)
    elif tag is not None:
        for each in given[tag + 2 :]:
            walk.freeze(each, "it stands in a macro that may take it for a member")


def read_foreign(walk: CWalk, node: int) -> None:
    """Read the names of attributes, which may be functions, and of the symbols of assembly code: no variables."""
    tree, symbol = walk.tree, walk.tree.child(node, "symbol")
    inside = tree.within(node) if tree.kinds[node].startswith("attribute") else ()
    for each in inside if symbol is None else (symbol,):
        if tree.kinds[each] == "identifier":
            walk.group(each, Role.OTHER, "attribute")
    for name in _NAMED.findall(tree.words(node)) if inside else ():
        walk.outside.setdefault(name, "an attribute may name it")


def fix_made(walk: CWalk) -> None:
    """Fix the names that macros of the text put together, or make a text or a member of."""
    for node in named_arguments(walk.tree):
        walk.freeze(node, _MADE)
    made = tuple(pasted_words(walk.tree))
    for entity in set(walk.entity_of.values()) if made else ():
        if entity.name.startswith(made) or entity.name.endswith(made):
            entity.fix(_MADE)
