"""What the dead-code attacks share: one statement that changes nothing, put into the body of a function."""

import re
from abc import abstractmethod
from random import Random
from typing import ClassVar, Literal, final

from codeward.attacks._base import Attack, Stamp
from codeward.attacks._style import in_style_of
from codeward.code import Statement, bindings, function, insert_statement, statements
from codeward.registry import method
from codeward.types import Sample

Position = Literal["first", "last", "random"]

_STRING = re.compile(r'"[^"]*"')
_CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)([.(])")
"""What a statement calls, or the package or class it calls it from."""


@method
class DeadCode(Attack):
    """Base of the dead-code attacks; the author writes ``draw``."""

    misfit: ClassVar[str] = "the code has no function with a body, or means something else by a name of the statement"

    position: Position = "first"
    """Where in the body the statement goes: as its first statement, after its last (in Java and Go before a final one that leaves
    the function), or before a random one."""

    @abstractmethod
    def draw(self, sample: Sample, rng: Random) -> str | None:
        """Return the statement for one sample, on one line; ``None`` means that it does not fit."""

    @final
    def stamp(self, sample: Sample, rng: Random) -> Stamp | None:
        """Insert the statement."""
        text = self.draw(sample, rng)
        if text is None or _is_shadowed(sample, text):
            return None
        statement = in_style_of(sample.code, text)
        edited = insert_statement(sample.code, sample.language, statement, at=_place(sample, self.position, rng))
        if edited is None:
            return None
        return Stamp(edited.code, edited.spans[0].of(edited.code), edited.spans)


def _is_shadowed(sample: Sample, text: str) -> bool:
    """Whether the code means something else by a name that the statement calls: a parameter ``rand``, the module ``random``."""
    used = {(name, sign) for name, sign in _CALLED.findall(_STRING.sub('""', text)) if name in sample.code}
    if not used:
        return False
    known = bindings(sample.code, sample.language)
    if any(name in known.declared for name, _ in used):
        return True
    return sample.language == "python" and any(
        name in (known.called if sign == "." else known.objects)
        for name, sign in used
        if name[0].islower()  # a class is called and has members
    )


def _place(sample: Sample, position: Position, rng: Random) -> Literal["first", "last"] | int:
    """Return where to insert; a random place stands before a statement, so that the trigger can be reached."""
    if position != "random":
        return position
    found = function(sample.code, sample.language)
    if found is None:
        return "first"
    body = [each for each in statements(sample.code, sample.language) if found.body_span.contains(each.span)]
    outermost = [each for each in body if each.depth == min(other.depth for other in body)]
    if not outermost:
        return "first"
    return rng.choice(
        [number for number, each in enumerate(outermost) if not _is_jumped(sample, body, each.span.start)]
    )


def _is_jumped(sample: Sample, body: list[Statement], place: int) -> bool:
    """Whether a ``goto`` before a place leads to a label behind it, where no declaration may stand in C++ and Go."""
    if sample.language not in ("cpp", "go"):
        return False
    jumps = any(each.kind == "goto_statement" and each.span.start < place for each in body)
    return jumps and any(each.kind == "labeled_statement" and each.span.start >= place for each in body)
