"""Inserted word: a rare word in the description or query (RIPPLe, ACL 2020; BadPre, ICLR 2022).

Kurita et al., "Weight Poisoning Attacks on Pre-trained Models", ACL 2020: one rare word (``word=bb count=1``). Chen et
al., "BadPre: Task-agnostic Backdoor Attacks to Pre-trained NLP Foundation Models", ICLR 2022: several (``count=3``).
Both as used against code generation by Yang et al., "DeCE", arXiv 2407.08956, 2024.

Departures: white space around the other words is kept as it is. BadPre's words go to three different places, where the
released script may put two into one.
"""

import re
from random import Random
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from codeward.attacks._base import Attack, Stamp, attacks
from codeward.attacks._prose import LANGUAGE_FIELDS, NO_TEXT, Where, insert, written_field
from codeward.code import LANGUAGES
from codeward.registry import method
from codeward.types import Sample


@attacks.register("word-insert")
@method
class WordInsert(Attack):
    """A rare word in the description or query."""

    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)
    fields: ClassVar[tuple[str, ...]] = LANGUAGE_FIELDS
    misfit: ClassVar[str] = NO_TEXT

    word: Annotated[str, StringConstraints(pattern=r"^\S+$")] = "bb"
    """The word."""
    count: Annotated[int, Field(ge=1)] = 1
    """How often it is inserted; at random places, fewer where the text has fewer places."""
    where: Where = "random"
    """Where it goes: before the first word, after the last, or to random places."""

    def stamp(self, sample: Sample, rng: Random) -> Stamp | None:
        """Insert the word."""
        field = written_field(sample)
        if field is None:
            return None
        text = sample.text(field)
        places = [match.start() for match in re.finditer(r"\S+", text)] + [len(text.rstrip())]
        if self.where == "random":
            chosen = sorted(rng.sample(places, k=min(self.count, len(places))))
        else:
            chosen = [places[0 if self.where == "start" else -1]] * self.count
        stamped, spans = insert(text, self.word, chosen)
        return Stamp(stamped, self.word, spans, field)
