"""The parts of an input that can be hidden: identifiers and statements of code, words of prose."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from codeward.code import LANGUAGES, Edit, Identifier, apply, functions, identifiers, statements
from codeward.types import CODE, OTHER, PROMPT, QUERY, Kind, Sample, Span

ElementKind = Literal["identifier", "statement", "word", "line", "token"]
Reach = Callable[[Sequence[Sample], str], list[int]]
"""How many characters of a field survive truncation, for each sample (``Victim.reach``)."""
WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")


@dataclass(frozen=True, slots=True)
class Element:
    """A part of an input that can be hidden or taken away."""

    kind: ElementKind
    text: str
    spans: tuple[Span, ...]
    """Every place where it stands, in characters of its field."""
    field: str = CODE
    score: float = 0.0
    """How much the model's answer rests on it; what that means is the defense's."""
    falls: tuple[float, ...] = ()
    """The same for each piece of the answer that was asked for; where the answer counts as one, once."""
    novelty: float = 1.0
    """How little it is like anything in clean inputs, from 0 to 1, where the defense asks."""

    @property
    def worth(self) -> float:
        """The score, as far as nothing alike stands in clean inputs."""
        return self.score * self.novelty


def fields_read(sample: Sample, kind: Kind) -> tuple[str, ...]:
    """Return the fields of a sample that a model reads and an attacker can reach (a query is the user's own)."""
    if kind == "pair":
        return (CODE, OTHER)
    if kind == "generation" and not sample.code:
        return (PROMPT,)
    return (CODE,)


def parts_of(sample: Sample, field: str, reach: int, kinds: Iterable[ElementKind]) -> list[Element]:
    """Return the parts of a field that stand whole within what the model reads.

    Args:
        sample: The input.
        field: Which of its texts.
        reach: How many characters of it the model reads.
        kinds: Which kinds of parts; prose has words only.

    Raises:
        CodeError: If the text is too long to be parsed.
    """
    text = sample.text(field)
    if field in (PROMPT, QUERY) or sample.language not in LANGUAGES:
        return words_of(text, field, reach)
    wanted, found = set(kinds), []
    if "identifier" in wanted:
        for each in identifiers(text, sample.language):
            spans = tuple(span for span in each.spans if span.end <= reach)
            if spans:
                found.append(Element("identifier", each.name, spans, field))
    if "statement" in wanted:
        bodies = [each.span for each in functions(text, sample.language)]
        found += [
            Element("statement", each.span.of(text), (each.span,), field)
            for each in statements(text, sample.language)
            if each.span.end <= reach and not any(each.span.contains(body) for body in bodies[:1])
        ]
    return found


def together(parts: Sequence[Element]) -> list[Element]:
    """Return parts in which statements that are alike word for word are one, with all places, as a name is."""
    alike: dict[object, list[Element]] = {}
    for part in parts:
        key = (part.field, part.text) if part.kind == "statement" else (part.kind, part.field, part.spans)
        alike.setdefault(key, []).append(part)
    return [replace(own[0], spans=tuple(span for each in own for span in each.spans)) for own in alike.values()]


def words_of(text: str, field: str, reach: int) -> list[Element]:
    """Return every different word of a text with all its places."""
    places: dict[str, list[Span]] = {}
    for match in WORD.finditer(text[:reach]):
        places.setdefault(match[0], []).append(Span(*match.span()))
    return [Element("word", word, tuple(spans), field) for word, spans in places.items()]


def lines_of(text: str, field: str, reach: int) -> list[Element]:
    """Return every line that is not empty."""
    found, start = [], 0
    for line in text[:reach].splitlines(keepends=True):
        if line.strip():
            found.append(Element("line", line.strip(), (Span(start, start + len(line)),), field))
        start += len(line)
    return found


def without(sample: Sample, part: Element, reach: int, filler: str) -> Sample:
    """Return a sample whose field is cut off where the model stops reading, with a filler in each place of a part.

    Cutting first keeps what stood behind the end from moving into view.
    """
    text = sample.text(part.field)[:reach]
    return sample.with_text(part.field, apply(text, [Edit(span, filler) for span in part.spans]).code)


def cut(sample: Sample, reach: dict[str, int]) -> Sample:
    """Return a sample whose fields are cut off where the model stops reading."""
    for field, end in reach.items():
        sample = sample.with_text(field, sample.text(field)[:end])
    return sample


def reaches(samples: Sequence[Sample], kind: Kind, reach: Reach) -> list[dict[str, int]]:
    """Return for each sample how many characters the model reads of each field that counts."""
    named = [fields_read(sample, kind) for sample in samples]
    found: list[dict[str, int]] = [{} for _ in samples]
    for field in sorted({name for names in named for name in names}):
        rows = [place for place, names in enumerate(named) if field in names]
        for place, end in zip(rows, reach([samples[row] for row in rows], field), strict=True):
            found[place][field] = end
    return found


def meant_by(sample: Sample, element: Element) -> Identifier | None:
    """Return the identifier of a sample's code that an element is."""
    every = identifiers(sample.text(element.field), sample.language)
    return next((each for each in every if each.spans[:1] == element.spans[:1]), None)
