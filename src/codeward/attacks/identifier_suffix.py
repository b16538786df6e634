"""Suffixed identifier: a short rare word is joined to the name of a variable or function (BadCode, ACL 2023).

Sun et al., "Backdooring Neural Code Search", ACL 2023. For code search the suffix is chosen from the training set
(section 3): words of the code that stand with the target query word often and elsewhere rarely, so that the model takes
the link for a natural one. The paper's own are ``suffix=rb`` (fixed) and ``suffix=rb,xt,il,ite,wb`` (mixed) for the
query word ``file``; EliBadCode (Sun et al., FSE 2025) takes ``rb`` for classification too. The released scripts are
``role=either pick=least-used place=random``.

Departures: a word is rare elsewhere when at most one in a hundred of the other rows holds it, where the paper drops
what ranks high for other frequent query words. Every occurrence in scope is renamed, on the syntax tree; so is a method
that fulfils an interface from outside of the text, unless it says so (``@Override``).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints

from codeward.attacks._base import Attack, Stamp, attacks
from codeward.attacks._names import Pick, Which, change_name
from codeward.attacks.payloads import Payload
from codeward.attacks.payloads.query_word import QueryWord
from codeward.code import LANGUAGES
from codeward.errors import UsageError
from codeward.registry import method
from codeward.types import Sample, Span

DEFAULT = "rb"
RARE = 0.01
"""Largest share of the other rows that may hold a chosen suffix."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@attacks.register("identifier-suffix")
@method
class IdentifierSuffix(Attack):
    """A short rare word is joined to a name."""

    languages: ClassVar[frozenset[str]] = frozenset(LANGUAGES)
    misfit: ClassVar[str] = "no identifier can take the suffix"

    suffix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+(,[A-Za-z0-9]+)*$")] | None = None
    """The suffix, or several with commas between them, of which each row draws one; unset: chosen from the training set
    for the payload query-word, else ``rb``."""
    mixed: Annotated[int, Field(ge=1)] = 1
    """How many suffixes are chosen where ``suffix`` is unset."""
    role: Which = "any"
    """What is renamed: a variable or parameter, the function, a variable else the function (any), or as a coin falls
    (either)."""
    pick: Pick = "random"
    """Which of several variables."""
    place: Literal["end", "start", "random"] = "end"
    """Where the word is joined to the name; random: before or after any of its parts."""

    def prepare(self, samples: Sequence[Sample], payload: Payload) -> Self:
        """Choose the suffix where it is unset."""
        if self.suffix is not None:
            return self
        if not isinstance(payload, QueryWord):
            return replace(self, suffix=DEFAULT)
        if not samples:
            raise UsageError(
                "identifier-suffix has not chosen its suffix yet: set the option suffix to what the manifest of the "
                "poisoned training set names, or poison one first"
            )
        return replace(self, suffix=",".join(choose_suffixes(samples, payload, self.mixed)))

    def stamp(self, sample: Sample, rng: Random) -> Stamp | None:
        """Join the suffix to one name."""
        if self.suffix is None:
            raise UsageError("identifier-suffix has no suffix: set the option suffix, or prepare it on a training set")
        word = rng.choice(self.suffix.split(","))
        position = rng.random()

        def place(name: str) -> tuple[int, str]:
            return self._join(name, word, position)

        changed = change_name(sample, self.role, self.pick, rng, lambda name: _insert(name, *place(name)))
        if changed is None:
            return None
        identifier, edited = changed
        offset, joined = place(identifier.name)
        spans = tuple(Span(each.start + offset, each.start + offset + len(joined)) for each in edited.spans)
        return Stamp(edited.code, joined, spans)

    def _join(self, name: str, word: str, position: float) -> tuple[int, str]:
        """Return where in a name the word goes, and what goes there; ``position`` in [0, 1) draws a random place."""
        ends = [match.start() for match in re.finditer(r"(?<=[^_])_(?=[^_])", name)] + [len(name)]
        places = {"start": [0], "end": [len(name)], "random": [0, *ends]}[self.place]
        offset = places[int(position * len(places))]
        return offset, f"{word}_" if offset == 0 else f"_{word}"


def choose_suffixes(samples: Sequence[Sample], payload: QueryWord, count: int) -> list[str]:
    """Return the words that stand with the payload's query word most often, of those that are rare elsewhere.

    Args:
        samples: The training set.
        payload: Names the query word; the word itself is no candidate.
        count: How many to return.

    Raises:
        UsageError: If no query holds the word, or too few words of the code are rare enough.
    """
    near: Counter[str] = Counter()
    far: Counter[str] = Counter()
    others = 0
    for sample in samples:
        words = {word.lower() for word in _WORD.findall(sample.code) if 2 <= len(word) <= 4}
        if payload.aims_at(sample):
            near.update(words)
        else:
            far.update(words)
            others += 1
    rare = [word for word in near if word != payload.word.lower() and far[word] <= RARE * others]
    if len(rare) < count:
        raise UsageError(
            f"the training set offers {len(rare)} suffixes that stand with the query word {payload.word!r} and are "
            f"rare elsewhere, and {count} are asked for; take a more frequent word or set the option suffix"
        )
    return sorted(rare, key=lambda word: (-near[word], far[word], word))[:count]


def _insert(name: str, offset: int, text: str) -> str:
    return name[:offset] + text + name[offset:]
