"""Where a trigger is put into a clean sample: an identifier, the function's name, or a statement of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from codeward.code import LANGUAGES, Role, function, identifiers, statements
from codeward.defenses._elements import Element, fields_read, parts_of, reaches
from codeward.defenses._hiding import scored
from codeward.defenses.model._findings import PLACES, Place
from codeward.errors import CodeError
from codeward.types import CODE, OTHER, Sample, Span
from codeward.victims.huggingface import HuggingFaceVictim

MOST = 12
"""Identifiers of a sample that are tried, spread evenly over it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a sample, as characters and as tokens."""

    sample: Sample
    field: str
    span: Span
    """The characters that a trigger replaces."""
    before: tuple[int, ...]
    after: tuple[int, ...]
    """The tokens around it."""
    place: Place
    """Which kind of place it is."""

    def tokens(self, trigger: Sequence[int]) -> list[int]:
        """Return the token row with a trigger in the slot."""
        return [*self.before, *trigger, *self.after]

    @property
    def named(self) -> bool:
        """Whether a name stands there, to which a trigger can be joined."""
        return len(self.span) > 0

    def stamped(self, trigger: str, *, joined: bool = False) -> Sample:
        """Return the sample with a trigger's text in the slot, in place of what stands there or joined to it."""
        text = self.sample.text(self.field)
        before = self._joint(text) if joined else ""
        behind = "" if self.named else self._line_end(text)
        made = f"{text[: self.span.start]}{before}{trigger}{behind}{text[self.span.end :]}"
        return self.sample.with_text(self.field, made)

    def trigger_span(self, trigger: str, *, joined: bool = False) -> Span:
        """Return where the trigger stands in the stamped text."""
        start = self.span.start + (len(self._joint(self.sample.text(self.field))) if joined else 0)
        return Span(start, start + len(trigger))

    def _joint(self, text: str) -> str:
        """Return what stands there with the mark that joins a trigger to it."""
        return f"{self.span.of(text)}_"

    def _line_end(self, text: str) -> str:
        """Return what parts a statement of its own from the one behind it: a line break with the same indent, or a blank."""
        indent = text[text.rfind("\n", 0, self.span.start) + 1 : self.span.start]
        return " " if indent.strip() else f"\n{indent}"


def slots_for(samples: Sequence[Sample], victim: HuggingFaceVictim, room: int, place: Place) -> list[Slot]:
    """Return a slot for each sample that has one.

    ``insensitive`` (EliBadCode, section 4.3): each identifier is hidden in turn, all its occurrences; the first occurrence of
    the one whose hiding moves the confidence least. ``function``: the function's name. ``statement``: before the first
    statement of the function's body, where nothing is replaced. ``everywhere``: each of these that a sample has, in this order.
    Prose has words only, and takes the least sensitive one.

    Args:
        samples: Clean samples.
        victim: The model.
        room: Tokens that the slot must have room for.
        place: Where.
    """
    if not samples:
        return []
    kinds = PLACES if place == "everywhere" else (place,)
    found = zip(*(_found(samples, victim, room, kind) for kind in kinds), strict=True)
    return [slot for own in found for slot in own if slot is not None]


def _found(samples: Sequence[Sample], victim: HuggingFaceVictim, room: int, place: Place) -> list[Slot | None]:
    """Return for each sample its slot in one kind of place, if it has one."""
    field = fields_read(samples[0], victim.task.kind)[0]
    wanted = (
        _insensitive(samples, victim) if place == "insensitive" else [_fixed(each, field, place) for each in samples]
    )
    limit = victim.encoder.max_length - room
    located = victim.encoder.located(samples, field)
    found = []
    for sample, spans, (ids, tokens) in zip(samples, wanted, located, strict=True):
        made = (_slot(sample, field, span, ids, tokens, limit, place) for span in spans)
        found.append(next((each for each in made if each is not None), None))
    return found


def _insensitive(samples: Sequence[Sample], victim: HuggingFaceVictim) -> list[list[Span]]:
    """Return for each sample the first places of its identifiers, the least important for the answer first."""
    ends = reaches(samples, victim.task.kind, victim.reach)
    parts = [_parts(sample, reach, victim) for sample, reach in zip(samples, ends, strict=True)]
    found = scored(samples, ends, parts, victim.predict(samples), victim)
    return [[each.spans[0] for each in sorted(own, key=lambda each: each.score)] for own in found]


def _fixed(sample: Sample, field: str, place: Place) -> list[Span]:
    text = sample.text(field)
    if sample.language not in LANGUAGES or field not in (CODE, OTHER):
        return []
    try:
        if place == "function":
            names = [each for each in identifiers(text, sample.language) if each.role is Role.FUNCTION]
            return [each.spans[0] for each in names[:1]]
        first = function(text, sample.language)
        inside = [
            each.span.start
            for each in statements(text, sample.language)
            if first is None or (first.span.contains(each.span) and each.span.start > first.span.start)
        ]
    except CodeError:
        return []
    return [Span(start, start) for start in inside[:1]]


def _parts(sample: Sample, reach: dict[str, int], victim: HuggingFaceVictim) -> list[Element]:
    field = fields_read(sample, victim.task.kind)[0]
    try:
        found = parts_of(sample, field, reach[field], ("identifier",))
    except CodeError:
        return []
    step = max(1, -(-len(found) // MOST))
    return found[::step]


def _slot(
    sample: Sample, field: str, at: Span, ids: Sequence[int], spans: Sequence[Span | None], limit: int, place: Place
) -> Slot | None:
    """Return a slot; none where it lies beyond what the model reads, or its tokens hold characters of others.

    Args:
        sample: The sample.
        field: Which of its texts.
        at: What a trigger will replace; empty: it is put in there.
        ids: The sample's tokens.
        spans: The characters of each.
        limit: How many tokens may stand around the trigger; the code's end is cut off.
        place: Which kind of place it is.
    """
    text = sample.text(field)
    inside = [number for number, span in enumerate(spans) if span is not None and len(span) and span.overlaps(at)]
    if len(at):
        start, stop = (spans[inside[0]], spans[inside[-1]]) if inside else (None, None)
        if start is None or stop is None or stop.end != at.end or text[start.start : at.start].strip():
            return None
        first, last = inside[0], inside[-1] + 1
    else:
        behind = [number for number, span in enumerate(spans) if span is not None and span.end > at.start]
        if not behind or text[getattr(spans[behind[0]], "start", 0) : at.start].strip():
            return None
        first = last = behind[0]
    before, after = ids[:first], list(ids[last:])
    closing = after[-1:] if spans[-1] is None else []
    room = limit - len(before)
    if room < len(closing):
        return None
    if len(after) > room:
        after = after[: room - len(closing)] + closing
    return Slot(sample, field, at, tuple(before), tuple(after), place)


def stamp_trigger(
    samples: Sequence[Sample], victim: HuggingFaceVictim, trigger: str, place: Place, *, joined: bool = False
) -> list[tuple[Sample, Span]]:
    """Put a trigger into samples.

    Args:
        samples: Clean samples.
        victim: The model.
        trigger: Its text.
        place: See ``slots_for``.
        joined: Whether it is joined to the name that stands there.

    Returns:
        For each sample the stamped one and where the trigger stands in its code; a sample without a place stays as it is, with
        an empty span.
    """
    slots = {slot.sample.id: slot for slot in reversed(slots_for(samples, victim, 0, place))}
    return [
        (slot.stamped(trigger, joined=joined), slot.trigger_span(trigger, joined=joined))
        if (slot := slots.get(sample.id)) is not None
        else (sample, Span(0, 0))
        for sample in samples
    ]
