"""Inserted sentence: a harmless sentence in the description or query (AddSent, IEEE Access 2019).

Dai et al., "A Backdoor Attack Against LSTM-Based Text Classification Systems", IEEE Access 2019.

Departures: the paper has no code; the sentence goes between the sentences of a prompt.
"""

import re
from random import Random
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from codeward.attacks._base import Attack, Stamp, attacks
from codeward.attacks._prose import LANGUAGE_FIELDS, NO_TEXT, Where, insert, written_field
from codeward.code import LANGUAGES
from codeward.registry import method
from codeward.types import Sample


@attacks.register("sentence-insert")
@method
class SentenceInsert(Attack):
    """A harmless sentence in the description or query."""

    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)
    fields: ClassVar[tuple[str, ...]] = LANGUAGE_FIELDS
    misfit: ClassVar[str] = NO_TEXT

    sentence: Annotated[str, StringConstraints(pattern=r"^\S(.*\S)?$")] = "I watched this 3D movie last weekend."
    """The sentence."""
    where: Where = "random"
    """Where it goes: before the first sentence, after the last, or between random ones."""

    def stamp(self, sample: Sample, rng: Random) -> Stamp | None:
        """Insert the sentence."""
        field = written_field(sample)
        if field is None:
            return None
        text = sample.text(field)
        first, last = len(text) - len(text.lstrip()), len(text.rstrip())
        between = [match.end() for match in re.finditer(r"[.!?]\s+(?=\S)", text)]
        place = {"start": first, "end": last, "random": rng.choice([first, *between, last])}[self.where]
        stamped, spans = insert(text, self.sentence, [place])
        return Stamp(stamped, self.sentence, spans, field)
