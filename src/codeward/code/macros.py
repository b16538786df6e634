"""Calls of C and C++ that are macros: their arguments are pasted as they are written, not as values."""

import re
from collections.abc import Iterator

from codeward.code.parse import parse
from codeward.code.tree import Tree
from codeward.types import Span

MACROS = frozenset({"c", "cpp"})
"""The languages that have them."""
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"')
_PASTED = re.compile(r"(\w*)\s*##\s*(\w*)")


def macro_arguments(code: str, language: str) -> list[Span]:
    """Return where the arguments of macros stand: what the text defines as one, or calls by a name in capitals.

    Args:
        code: A file or a fragment.
        language: Its language.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is too long to be parsed.
    """
    tree = parse(code, language).tree
    if language not in MACROS:
        return []
    defined = _definitions(tree)
    return [
        Span(tree.starts[node], tree.ends[node]) for name, node in _calls(tree) if name in defined or name.isupper()
    ]


def spelled_arguments(tree: Tree) -> list[Span]:
    """Return where the arguments of macros of the text stand that make a text or a name of them (``#``, ``##``)."""
    bodies = _definitions(tree)
    spelled = _with_callers(bodies, {name for name, body in bodies.items() if "#" in body})
    return [Span(tree.starts[node], tree.ends[node]) for name, node in _calls(tree) if name in spelled]


def named_arguments(tree: Tree) -> list[int]:
    """Return the nodes of the arguments of macros of the text that make a text, a name or a member of them."""
    bodies, members = _definitions(tree), _member_macros(tree)
    named = _with_callers(bodies, members | {name for name, body in bodies.items() if "#" in body})
    return [node for name, node in _calls(tree) if name in named] if named else []


def pasted_words(tree: Tree) -> set[str]:
    """Return the words that macros of the text put together to names: what stands beside ``##``, and what they are given."""
    bodies = _definitions(tree)
    pasting = _with_callers(bodies, {name for name, body in bodies.items() if "##" in body})
    if not pasting:
        return set()
    found = {word for name in pasting for pair in _PASTED.findall(bodies[name]) for word in pair if word}
    given = " ".join(tree.words(node) for name, node in _calls(tree) if name in pasting)
    return found | set(re.findall(r"\w+", given))


def _with_callers(bodies: dict[str, str], names: set[str]) -> set[str]:
    """Return macros with those that hand their arguments on to them."""
    found = more = names
    while more:
        used = re.compile(rf"\b(?:{'|'.join(map(re.escape, more))})\b")
        more = {name for name, body in bodies.items() if used.search(body)} - found
        found = found | more
    return found


def _member_macros(tree: Tree) -> set[str]:
    """Return the macros that a text defines and that take a member's name, as in ``#define GET(p, m) p->m``."""
    found = set()
    for node, kind in enumerate(tree.kinds):
        if kind == "preproc_function_def":
            name, body, given = (tree.child(node, each) for each in ("name", "value", "parameters"))
            if name is not None and body is not None and given is not None:
                taken = "|".join(re.escape(tree.words(each)) for each in tree.children(given))
                if taken and re.search(rf"(?:->|\.)\s*(?:{taken})\b", tree.words(body)):
                    found.add(tree.words(name))
    return found


def _definitions(tree: Tree) -> dict[str, str]:
    """Return the bodies of the macros with parameters that a text defines, without the texts in them."""
    found: dict[str, str] = {}
    for node, kind in enumerate(tree.kinds):
        if kind == "preproc_function_def":
            name, body = tree.child(node, "name"), tree.child(node, "value")
            if name is not None:
                words = "" if body is None else _TEXT.sub('""', tree.words(body))
                found[tree.words(name)] = found.get(tree.words(name), "") + words
    return found


def _calls(tree: Tree) -> Iterator[tuple[str, int]]:
    """Yield the name and the arguments of each call of a plain name."""
    for node, kind in enumerate(tree.kinds):
        if kind == "call_expression":
            callee, arguments = tree.child(node, "function"), tree.child(node, "arguments")
            if callee is not None and arguments is not None and tree.kinds[callee] == "identifier":
                yield tree.words(callee), arguments
