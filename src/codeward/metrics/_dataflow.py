"""The data flow of a text, for CodeBLEU: where each value of a variable comes from (arXiv 2009.10297, section 3.3)."""

from collections import Counter
from collections.abc import Callable, Iterator

from tree_sitter import Node

from codeward.code import Identifier, Role, identifiers, parse
from codeward.errors import CodeError

_TARGETS = ("left", "name", "declarator", "pattern")
_SOURCES = ("right", "value")
_HOLDERS = ("assign", "declarat", "var_spec", "for_", "named_expression")
"""What the type of a node holds that gives a variable a value."""


def data_flow(code: str, language: str) -> Counter[str]:
    """Count the edges of a text's data flow, variables named by the order of their first occurrence in an edge.

    A use ``comes`` from the nearest occurrence of its variable before; the target of an assignment is ``computed``
    from the variables on its other side. A text that cannot be parsed has no edge.
    """
    try:
        known = identifiers(code, language)
        root = parse(code, language).root
    except CodeError:
        return Counter()
    byte_of = _byte_offsets(code)
    owner = {byte_of(start): each for start, each in _owners(known).items()}
    edges = sorted([*_uses(known, byte_of), *_assignments(root, owner)], key=lambda edge: edge[0])
    names: dict[int, int] = {}
    found: Counter[str] = Counter()
    for _, relation, target, sources in edges:
        for each in (*sources, target):
            names.setdefault(id(each), len(names))
        found[f"{names[id(target)]} {relation} {sorted(names[id(each)] for each in sources)}"] += 1
    return found


_Edge = tuple[int, str, Identifier, tuple[Identifier, ...]]
"""Where the target stands, the relation, the target and its sources."""


def _owners(known: list[Identifier]) -> dict[int, Identifier]:
    flowing = (Role.VARIABLE, Role.PARAMETER, Role.OTHER)
    return {span.start: each for each in known if each.role in flowing for span in each.spans}


def _byte_offsets(code: str) -> Callable[[int], int]:
    """Return the function from a character's place to that of its first byte."""
    if code.isascii():
        return lambda place: place
    starts = [0]
    for character in code:
        starts.append(starts[-1] + len(character.encode("utf-8", "surrogatepass")))
    return starts.__getitem__


def _uses(known: list[Identifier], byte_of: Callable[[int], int]) -> Iterator[_Edge]:
    for each in known:
        if each.role in (Role.VARIABLE, Role.PARAMETER):
            for span in each.spans[1:]:
                yield byte_of(span.start), "comes", each, (each,)


def _assignments(root: Node, owner: dict[int, Identifier]) -> Iterator[_Edge]:
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.named_children)
        if not any(part in node.type for part in _HOLDERS):
            continue
        targets = _variables(node, _TARGETS, owner)
        sources = tuple(each for _, each in _variables(node, _SOURCES, owner))
        for place, target in targets if sources else ():
            yield place, "computed", target, sources


def _variables(node: Node, fields: tuple[str, ...], owner: dict[int, Identifier]) -> list[tuple[int, Identifier]]:
    found = []
    for field in fields:
        for top in node.children_by_field_name(field):
            stack = [top]
            while stack:
                each = stack.pop()
                if each.start_byte in owner and not each.named_children:
                    found.append((each.start_byte, owner[each.start_byte]))
                stack.extend(each.named_children)
    return sorted(found, key=lambda pair: pair[0])
