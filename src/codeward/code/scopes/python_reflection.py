"""Where Python reads variables and members by their names: ``locals``, ``getattr``, ``__all__``, f-strings that show names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeward.code.scopes.model import Role

if TYPE_CHECKING:
    from codeward.code.scopes.python import PythonWalk

_DYNAMIC = frozenset({"locals", "eval", "exec", "globals", "execfile"})
_DYNAMIC_ALONE = frozenset({"vars", "dir"})
"""What reads variables by name when it is called without arguments."""
_BY_NAME = frozenset({"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller"})
"""What reads members by names in strings."""
_VARIABLES = "the code reads variables by their names (locals, eval, exec)"
_STRINGS = "the code reads or exports it by its name in a string"
_NAME = re.compile(r"\w+")


def read_call(walk: PythonWalk, node: int, callee: int, arguments: int) -> None:
    """Fix the variables that a call may read by their names, and note the members."""
    words = walk.tree.words(callee)
    if words.rpartition(".")[2] in _BY_NAME:
        _note_strings(walk, arguments)
    if words in _DYNAMIC or (words in _DYNAMIC_ALONE and arguments + 1 == walk.tree.nexts[arguments]):
        walk.freeze_chain(node, _VARIABLES)


def read_exec(walk: PythonWalk, node: int) -> None:
    """Fix the variables that ``exec`` of Python 2 may read."""
    walk.freeze_chain(node, _VARIABLES)


def read_assignment(walk: PythonWalk, node: int, target: int) -> None:
    """Note the names that ``__all__`` exports."""
    if walk.tree.words(target) == "__all__":
        _note_strings(walk, node)


def read_interpolation(walk: PythonWalk, node: int) -> None:
    """Fix what ``f"{x=}"`` shows by its name."""
    tree = walk.tree
    inner = [each for each in tree.children(node) if tree.kinds[each] != "comment"]
    if inner:
        end = tree.starts[inner[1]] if len(inner) > 1 else tree.ends[node]
        if "=" in tree.text[tree.ends[inner[0]] : end]:
            walk.freeze(inner[0], "an f-string shows it by its name")


def fix_reflected(walk: PythonWalk) -> None:
    """Fix the members, and what modules hold, whose names stand in strings that read them."""
    for name in walk.reflected:
        walk.outside[name] = _STRINGS
        member = walk.groups.get((Role.FIELD, name, ""))
        if member is not None:
            member.fix(_STRINGS)


def _note_strings(walk: PythonWalk, node: int) -> None:
    for each in walk.tree.within(node):
        if walk.tree.kinds[each] == "string":
            walk.reflected.update(_NAME.findall(walk.tree.words(each)))
