"""A syntax tree as flat columns: the named nodes in the order of the text, walked without recursion."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter

ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class Offsets:
    """Converts offsets in bytes of the UTF-8 text into offsets in characters.

    Args:
        ends: For each character of more than one byte, the byte after it.
        extra: The bytes beyond one that the characters up to there take, in step with ``ends``, after a leading 0.
    """

    ends: tuple[int, ...]
    extra: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> "Offsets":
        """Read a text once; texts in ASCII cost nothing."""
        if text.isascii():
            return cls((), (0,))
        ends, extra, total = [], [0], 0
        for place, character in enumerate(text):
            if character > "\x7f":
                total += 1 if character <= "\u07ff" else 2 if character <= "\uffff" else 3
                ends.append(place + 1 + total)
                extra.append(total)
        return cls(tuple(ends), tuple(extra))

    def character(self, byte: int) -> int:
        """Return the character that starts at a byte; the next one, where the byte lies within a character."""
        count = bisect_right(self.ends, byte)
        place = byte - self.extra[count]
        return min(place, self.ends[count] - self.extra[count + 1]) if count < len(self.ends) else place


@dataclass(slots=True)
class Tree:
    """The named nodes of a text; node 0 stands for the whole text.

    Nodes that belong to what was wrapped around a fragment are left out. All columns have the same length.
    """

    text: str
    kinds: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """Offsets in characters of the text."""
    ends: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    nexts: list[int] = field(default_factory=list)
    """The node after the last one within this node."""
    fields: list[str] = field(default_factory=list)
    """The name under which a node's parent holds it; empty where it has none."""
    damaged: bool = False
    """Whether the tree has errors."""

    def children(self, node: int) -> Iterator[int]:
        """Yield a node's children in order."""
        child, stop, nexts = node + 1, self.nexts[node], self.nexts
        while child < stop:
            yield child
            child = nexts[child]

    def kids(self, node: int) -> list[int]:
        """Return a node's children."""
        return list(self.children(node))

    def child(self, node: int, *names: str) -> int | None:
        """Return a node's first child in one of some fields."""
        return next((each for each in self.children(node) if self.fields[each] in names), None)

    def words(self, node: int) -> str:
        """Return the text of a node."""
        return self.text[self.starts[node] : self.ends[node]]

    def within(self, node: int) -> range:
        """Return every node below a node."""
        return range(node + 1, self.nexts[node])

    def inherited(self, contexts: frozenset[tuple[str, str]]) -> list[bool]:
        """Return for each node whether it stands in one of some contexts, given as (node, field or empty)."""
        marks = [False] * len(self.kinds)
        kinds, fields, parents = self.kinds, self.fields, self.parents
        for node in range(1, len(kinds)):
            parent = parents[node]
            marks[node] = (
                marks[parent]
                or (kinds[node], "") in contexts
                or (bool(fields[node]) and (kinds[parent], fields[node]) in contexts)
            )
        return marks


def flatten(
    root: tree_sitter.Node,
    text: str,
    offsets: Offsets,
    raw: range,
    is_head: bool,
    kinds: tuple[str, ...],
    fields: tuple[str, ...],
) -> Tree:
    """Return the columns of a tree.

    Args:
        root: The root.
        text: The text that the tree was made of, without what was wrapped around it.
        offsets: The text's offsets.
        raw: The bytes of the tree that are the text.
        is_head: Whether nodes that begin before the text, and end in it, belong to it.
        kinds: The grammar's node types by number.
        fields: The grammar's fields by number.
    """
    skip, stop = raw.start, raw.stop
    tree = Tree(text, ["text"], [0], [len(text)], [0], [0], [""], root.has_error)
    cursor = root.walk()
    stack = [0]
    plain = not offsets.ends
    while (node := cursor.node) is not None:
        inside = stack[-1]
        start, end = node.start_byte - skip, node.end_byte - skip
        if node.is_named and (start >= 0 or (is_head and end > 0)) and end <= stop - skip:
            start = max(start, 0)
            number = node.kind_id
            inside = len(tree.kinds)
            tree.kinds.append(kinds[number] if number < len(kinds) else ERROR)
            tree.starts.append(start if plain else offsets.character(start))
            tree.ends.append(end if plain else offsets.character(end))
            tree.parents.append(stack[-1])
            tree.nexts.append(inside + 1)
            tree.fields.append(fields[cursor.field_id or 0])
        if cursor.goto_first_child():
            stack.append(inside)
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                tree.nexts[0] = len(tree.kinds)
                return tree
            tree.nexts[stack.pop()] = len(tree.kinds)
    return tree
