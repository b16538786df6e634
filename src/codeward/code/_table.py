"""What the source layer has to know about a language."""

from dataclasses import dataclass


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What may be put around a fragment to make it parse."""

    before: str
    after: str = ""
    is_head: bool = False
    """Whether the fragment continues what stands before it, as a function does its missing return type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What the source layer has to know about one language; node types are those of its tree-sitter grammar."""

    name: str
    extensions: tuple[str, ...]
    keywords: frozenset[str]
    """Words that are no good names, contextual ones included."""
    contextual: frozenset[str] = frozenset()
    """Keywords that can be names all the same, and so are read as such."""
    name_characters: str = ""
    """What a name may hold beside letters, digits and underscores."""
    folds_names: bool = False
    """Whether two spellings with the same compatibility form (NFKC) are one name."""
    special: frozenset[str] = frozenset()
    """Functions that the language itself calls by name."""
    special_methods: frozenset[str] = frozenset()
    """Methods that the language or its library calls by name."""
    strict_ends: bool = False
    """Whether a function that gives a value has to end with a statement that leaves it, and nothing may stand behind that."""
    asi: str = ""
    """Signs that a line may begin with to continue the statement above, where that ends without a semicolon."""
    wrappers: tuple[Wrapper, ...] = ()
    """What may be put around a fragment that does not parse alone."""
    line_comment: str
    separator: str = " "
    """What stands between two statements on one line."""
    semicolon_between: bool = False
    """Whether a semicolon parts two statements, and so belongs to neither."""
    closers: tuple[str, ...] = ()
    """Ends of a statement after which that is not needed."""
    indented: bool = False
    """Whether blocks are made by indentation."""
    comments: frozenset[str]
    strings: frozenset[str]
    functions: frozenset[str]
    """Functions and methods; the field ``body`` holds the block where there is one."""
    anonymous_functions: frozenset[str] = frozenset()
    """Functions without a name of their own; they count where a text has no other."""
    bodies: frozenset[str]
    """Blocks that a function's body can be."""
    blocks: frozenset[str]
    """Nodes in which any number of statements stand, one after the other."""
    transparent: frozenset[str] = frozenset()
    """Nodes between a block and its statements."""
    statements: frozenset[str] = frozenset()
    """Statements whose node type does not end in ``_statement``."""
    not_statements: frozenset[str] = frozenset()
    """Nodes whose type ends in ``_statement`` and that are none."""
    wrapping: frozenset[str] = frozenset()
    """Statements that decorate the one within them, which is then no statement of its own."""
    prologue: frozenset[str] = frozenset()
    """What has to stay first in a body: a call of another constructor."""
    string_prologue: bool = False
    """Whether strings that stand first in a body mean something: a docstring, ``"use strict"``."""
    integers: frozenset[str]
    fixed_constants: frozenset[tuple[str, str]] = frozenset()
    """Where a constant has to stay a literal, as (node, field); an empty field means all of the node."""
    empty_statement: str = ";"
    """What stands for nothing where a statement is needed."""

    @property
    def reserved(self) -> frozenset[str]:
        """Words that are never names."""
        return self.keywords - self.contextual
