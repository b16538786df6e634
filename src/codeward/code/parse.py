"""Parsing: any text becomes a tree; fragments are parsed in the wrapper in which they have the fewest errors."""

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import tree_sitter

from codeward.code.languages import check_language, grammar, kinds, table_of
from codeward.code.tree import Offsets, Tree, flatten
from codeward.errors import CodeError
from codeward.types import Span

_KEPT = 32
"""How many parsed texts are kept; one row of a data set is parsed a few times over."""
_LONGEST = 1 << 24
"""The longest text that is parsed, in characters."""
_LONGEST_FRAGMENT = 200_000
"""The longest text that wrappers are tried on, in characters; longer ones are files."""


@dataclass(frozen=True, eq=False)
class Source:
    """A parsed text.

    Spans are offsets in characters of the text as it was given, whatever was wrapped around it.
    """

    code: str
    language: str
    root: tree_sitter.Node
    """The root of the tree, the wrapper included; its byte offsets start ``skip`` bytes before the text."""
    skip: int = 0
    """How many bytes of the wrapper stand before the text."""
    is_head: bool = False
    """Whether the text continues what stands before it (see ``Wrapper``)."""

    @cached_property
    def offsets(self) -> Offsets:
        """The text's offsets."""
        return Offsets.of(self.code)

    @cached_property
    def tree(self) -> Tree:
        """The named nodes of the text as flat columns."""
        raw = range(self.skip, self.byte(len(self.code)))
        names = kinds(self.language), _fields(self.language)
        return flatten(self.root, self.code, self.offsets, raw, self.is_head, *names)

    def span(self, node: tree_sitter.Node) -> Span:
        """Return where a node stands in the text; what lies in the wrapper is cut off."""
        return Span(self.character(node.start_byte), self.character(node.end_byte))

    def character(self, byte: int) -> int:
        """Return the offset in the text of a byte of the tree."""
        return min(self.offsets.character(max(byte - self.skip, 0)), len(self.code))

    def byte(self, character: int) -> int:
        """Return the byte of the tree at an offset in the text."""
        head = self.code[:character]
        return self.skip + (character if head.isascii() else len(head.encode("utf-8", "surrogatepass")))


@lru_cache(maxsize=_KEPT)
def parse(code: str, language: str) -> Source:
    """Parse a text; a text that is wrong, or not code at all, gives a tree with errors.

    Args:
        code: The text: a file, or a fragment such as a lone method.
        language: Its language.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is longer than 16 million characters.
    """
    check_language(language)
    if len(code) > _LONGEST:
        raise CodeError(f"the text has {len(code)} characters, and at most {_LONGEST} are parsed; split the file")
    return _best(code, language)[0]


def count_errors(code: str, language: str) -> int:
    """Return how many errors a text has: what could not be parsed, and what had to be supplied.

    Raises:
        UnknownNameError: If there is no such language.
        CodeError: If the text is longer than 16 million characters.
    """
    return _count(parse(code, language).root)


def _best(code: str, name: str) -> tuple[Source, int]:
    """Parse a text in the wrapper in which it has the fewest errors; alone, if that is as good."""
    raw = code.encode("utf-8", "surrogatepass")
    best = Source(code, name, _parsed(raw, name))
    errors = _count(best.root)
    if errors == 0 or len(code) > _LONGEST_FRAGMENT:
        return best, errors
    for wrapper in table_of(name).wrappers:
        head = wrapper.before.encode()
        root = _parsed(head + raw + wrapper.after.encode(), name)
        found = _count(root)
        if found < errors:
            best, errors = Source(code, name, root, len(head), wrapper.is_head), found
            if errors == 0:
                break
    return best, errors


def _parsed(raw: bytes, name: str) -> tree_sitter.Node:
    return tree_sitter.Parser(grammar(name)).parse(raw).root_node


def _count(root: tree_sitter.Node) -> int:
    """Count the nodes that are errors or missing."""
    if not root.has_error:
        return 0
    count = 0
    cursor = root.walk()
    while (node := cursor.node) is not None:
        count += node.is_error or node.is_missing
        if node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return count
    return count


@cache
def _fields(name: str) -> tuple[str, ...]:
    known = grammar(name)
    return ("", *(known.field_name_for_id(number) or "" for number in range(1, known.field_count + 1)))
