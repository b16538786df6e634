"""The vocabulary: samples, where their poison stands, predictions and scores. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

Kind = Literal["classification", "pair", "generation", "retrieval"]
"""How a model reads a sample and what it answers; a victim encodes per kind, never per task."""

Target = int | str | None
"""A class index (classification, pair), a reference text (generation) or the id of the relevant group (retrieval)."""

CODE = "code"
"""The field of a sample that holds its code; every other field is a key of its context."""

OTHER = "other"
"""Context key of the second function of a pair."""

QUERY = "query"
"""Context key of the natural-language query of a code search sample."""

PROMPT = "prompt"
"""Context key of the natural-language description from which code is generated."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of characters (not bytes) in a text.

    Raises:
        ValueError: If the end stands before the start, or the start is negative.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got ({self.start}, {self.end})")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """Return the part of the text that the span covers."""
        return text[self.start : self.end]

    def shift(self, by: int) -> "Span":
        """Return the span moved by a number of characters."""
        return Span(self.start + by, self.end + by)

    def contains(self, other: "Span") -> bool:
        """Whether the other span lies within this one."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: "Span") -> bool:
        """Whether the two spans share at least one character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Poison:
    """Provenance of a stamped sample; only the attacker's side ever sees it (see ``Sample.blind``)."""

    attack: str
    """Name of the attack."""
    trigger: str
    """The trigger's text as it was put in."""
    spans: tuple[Span, ...]
    """Every place where the trigger stands, in the stamped field."""
    original: Target
    """The target before the attacker changed it."""
    field: str = CODE
    """The field that was stamped: ``code`` or a key of the context."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One row: what the model reads and what it should answer."""

    id: str
    """Unique within its data set."""
    code: str
    """The code that the model reads; empty where it reads text only (text-to-code generation)."""
    target: Target
    """See ``Target``; ``None`` where it is unknown."""
    language: str
    """Language of the code, or of the reference where ``code`` is empty."""
    context: Mapping[str, str] = field(default_factory=dict)
    """What else the model reads, by ``OTHER``, ``QUERY`` or ``PROMPT``."""
    poison: Poison | None = None

    def blind(self) -> "Sample":
        """Return the sample without its provenance: all that a defense may see."""
        return self if self.poison is None else replace(self, poison=None)

    def text(self, name: str = CODE) -> str:
        """Return a field's text; the empty string where the sample has no such field."""
        return self.code if name == CODE else self.context.get(name, "")

    @property
    def texts(self) -> tuple[str, ...]:
        """All that the model reads: the code, and what stands in the context by its names."""
        return self.code, *(self.context[name] for name in sorted(self.context))

    def with_text(self, name: str, text: str) -> "Sample":
        """Return a copy in which one field has another text."""
        if name == CODE:
            return replace(self, code=text)
        return replace(self, context={**self.context, name: text})


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a victim answers for one sample."""

    id: str
    """The sample's id."""
    output: int | str
    """A class index, a generated text, or (retrieval) the 1-based rank of the first relevant candidate."""
    scores: tuple[float, ...] = ()
    """Class probabilities; empty for generation and retrieval."""


@dataclass(frozen=True, slots=True)
class Score:
    """A measured number with its denominator and its 95 % interval."""

    name: str
    value: float | None
    """``None`` where nothing could be judged (``n`` is 0)."""
    n: int
    """How many cases were judged."""
    low: float | None = None
    high: float | None = None
    higher_is_better: bool = True

    def renamed(self, name: str) -> Self:
        """Return the score under another name."""
        return replace(self, name=name)

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.name} not judged (n = 0)"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.4f}, {self.high:.4f}]"
        return f"{self.name} {self.value:.4f}{interval}, n = {self.n}"
