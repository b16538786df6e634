"""What a recipe is: how a harvested function becomes a row of one task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from codeward.code import subtokens
from codeward.data.harvest.functions import Found
from codeward.types import Target

_PRESCRIBED: Mapping[str, frozenset[str]] = {
    "java": frozenset({"toString", "hashCode", "equals", "compareTo", "clone", "finalize", "main"}),
    "javascript": frozenset({"constructor", "toString", "valueOf", "toJSON", "exports", "main"}),
    "go": frozenset({"String", "Error", "Len", "Less", "Swap", "init", "main"}),
}
"""Names that a language or its library gives, besides Python's ``__dunder__`` names."""
_FIXTURES = frozenset({"setup", "teardown", "setupclass", "teardownclass", "setupmodule", "teardownmodule"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A row before it has an id."""

    found: Found
    code: str
    target: Target
    unique: tuple[str, ...]
    """Texts of which no two rows may share one."""
    context: Mapping[str, str] = field(default_factory=dict)
    own_group: bool = False
    """Whether the row's own id is its target (retrieval)."""

    def aimed(self, target: Target) -> "Draft":
        """Return the draft with another target."""
        return replace(self, target=target)


Finished = tuple[list[Draft], tuple[str, ...]]
"""The rows, and the names of the classes."""


class Recipe(ABC):
    """Base of all recipes; the author writes ``draft``."""

    task: ClassVar[str]

    @abstractmethod
    def draft(self, found: Found, seed: int) -> Draft | str:
        """Turn a function into a row, or say why it makes none."""

    def finish(self, drafts: Sequence[Draft], labels: int, train: Sequence[Draft]) -> Finished:
        """Choose among all drafts.

        Args:
            drafts: Every draft, each once.
            labels: How many classes are wanted, where the recipe finds them.
            train: Those of the training files.

        Returns:
            The rows, and the names of the classes.
        """
        return list(drafts), ()


def plain_name(found: Found) -> str | None:
    """Say why a function's name tells nothing of what it does; ``None`` where it does.

    Leaves out, as CodeSearchNet does, constructors, methods that the language prescribes, and tests.
    """
    name = found.name
    dunder = name.startswith("__") and name.endswith("__")
    if dunder or name in _PRESCRIBED.get(found.language, {"main"}):
        return "name is prescribed by the language"
    if not name.isidentifier() or (found.language == "java" and name[:1].isupper()):
        return "name is a constructor's or an operator's"
    parts = subtokens(name)
    if not parts or parts[0] in ("test", "tests") or "".join(parts) in _FIXTURES:
        return "function is a test"
    return None
