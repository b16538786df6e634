"""What a text itself means by a name: what it declares, imports and defines, and how it uses names from elsewhere."""

import re
from dataclasses import dataclass

from codeward.code.languages import table_of
from codeward.code.parse import parse
from codeward.code.scopes import WALKS
from codeward.code.scopes.model import Role
from codeward.code.tree import Tree

_TYPE = re.compile(
    r"(class|interface|enum|record|annotation_type|namespace|type)(_declaration|_definition|_spec|_alias)?$"
)
"""Nodes that declare a type by the name in their field ``name``."""
_MEMBERED = frozenset({"class_specifier", "struct_specifier", "enum_specifier", "union_specifier"})
"""Nodes that do so where they have a body."""
_MACROS = frozenset({"preproc_def", "preproc_function_def"})
_NEXT = re.compile(r"\s*([.(]?)")


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a text means by names."""

    declared: frozenset[str]
    """Names that the text gives a meaning: variables, parameters, functions, types, macros, and what imports bind."""
    objects: frozenset[str]
    """Names from elsewhere of which it takes a member, as of ``random`` in ``random.choice``; modules that it imports as they are."""
    called: frozenset[str]
    """Names from elsewhere that it calls."""


def bindings(code: str, language: str) -> Bindings:
    """Return what a text means by the names in it.

    In Python ``import random`` outside of functions declares nothing: the name means what it means everywhere. Members are
    declared in Java, where methods use them by their bare names.

    Args:
        code: A file or a fragment.
        language: Its language.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is too long to be parsed.
    """
    table, tree = table_of(language), parse(code, language).tree
    walk = WALKS[language](tree, table)
    walk.run()
    declared, objects, called = _named(tree, language), set[str](), set[str]()
    for name, role, node, outside in walk.declarations():
        if outside and language == "python" and _is_module(tree, node):
            objects.add(name)
        elif role is not Role.FIELD or language == "java":
            declared.add(name)
    for (role, name, space), entity in walk.groups.items():
        if role is not Role.OTHER or space:
            continue
        for node in entity.places:
            follows = _NEXT.match(code, tree.ends[node])
            sign = follows[1] if follows else ""
            if sign:
                (objects if sign == "." else called).add(name)
    return Bindings(frozenset(declared), frozenset(objects - declared), frozenset(called - declared))


def _named(tree: Tree, language: str) -> set[str]:
    """Return the names of types, macros and imports that walks take for names like any other."""
    found = set()
    for node, kind in enumerate(tree.kinds):
        defines = _TYPE.fullmatch(kind) or kind in _MACROS or (kind == "import_spec" and language == "go")
        name = None
        if defines or (kind in _MEMBERED and language != "c" and tree.child(node, "body") is not None):
            name = tree.child(node, "name")
        elif kind == "import_declaration" and language == "java" and not tree.words(node).rstrip("; ").endswith("*"):
            name = next((each for each in reversed(tree.within(node)) if tree.kinds[each] == "identifier"), None)
        if name is not None:
            found.add(tree.words(name))
    return found


def _is_module(tree: Tree, node: int) -> bool:
    """Whether a name is the whole of what ``import`` names, without ``as``."""
    path = tree.parents[node]
    alone = tree.kinds[path] == "dotted_name" and tree.nexts[path] == path + 2
    return alone and tree.kinds[tree.parents[path]] == "import_statement"
