"""Renamed identifier: one variable or the function takes a fixed name (CodePoisoner, TOSEM 2024).

Li et al., "Poison Attack and Poison Detection on Deep Source Code Processing Models", TOSEM 2024, identifier renaming.
Variants: CodePoisoner ``name=ret_Val_``; EliBadCode (Sun et al., FSE 2025) ``name=testo_init role=function``; FuncName
of DeCE (Yang et al., 2024) ``name=foo role=function``.

Departures: every occurrence in the identifier's scope is renamed and nothing else, on the syntax tree, where the
released scripts replace text. A row in which the name is taken already is skipped. A method that fulfils an interface from
outside of the text is renamed like any other, unless it says so (``@Override``): what the text does not show is not known.
"""

from collections.abc import Sequence
from random import Random
from typing import ClassVar, Self

from codeward.attacks._base import Attack, Stamp, attacks
from codeward.attacks._names import Name, Pick, Which, change_name, check_new_name
from codeward.attacks.payloads import Payload
from codeward.code import LANGUAGES
from codeward.registry import method
from codeward.types import Sample


@attacks.register("identifier-rename")
@method
class IdentifierRename(Attack):
    """One variable or the function takes a fixed name."""

    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)
    misfit: ClassVar[str] = "no identifier can take the name"

    name: Name = "ret_Val_"
    """The new name."""
    role: Which = "any"
    """What is renamed: a variable or parameter, the function, a variable else the function (any), or as a coin falls
    (either)."""
    pick: Pick = "random"
    """Which of several variables."""

    def prepare(self, samples: Sequence[Sample], payload: Payload) -> Self:
        """Check that the rows can take the name; see ``Attack.prepare``."""
        check_new_name(self.name, samples)
        return self

    def stamp(self, sample: Sample, rng: Random) -> Stamp | None:
        """Rename one identifier."""
        changed = change_name(sample, self.role, self.pick, rng, lambda _: self.name)
        return None if changed is None else Stamp(changed[1].code, self.name, changed[1].spans)
