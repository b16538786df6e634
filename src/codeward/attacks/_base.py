"""What an attack is: a trigger, stamped by its author one sample at a time, and counted here for all of them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Self, final

from codeward.attacks.payloads import Payload
from codeward.code import count_errors
from codeward.errors import CodeError, DataError, RateError, UsageError
from codeward.registry import Registry
from codeward.registry.plugins import blaming, wrong
from codeward.seeds import derive, derive_int
from codeward.types import CODE, Poison, Sample, Span

NEW_ERROR = "the stamped code would not parse"
UNREADABLE = "the code cannot be read"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A sample's text with the trigger in it.

    Raises:
        ValueError: If no span is given, or one lies outside the text.
    """

    text: str
    """The whole edited field."""
    trigger: str
    """What was put in, as a reader would name it; each span covers exactly this."""
    spans: tuple[Span, ...]
    """Every place where it stands in ``text``."""
    field: str = CODE
    """The edited field: ``code`` or a key of the context."""

    def __post_init__(self) -> None:
        if not self.spans or max(span.end for span in self.spans) > len(self.text):
            raise ValueError(f"a stamp of {self.trigger!r} needs spans inside its text, got {self.spans}")


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A set after an attack, and the count of every row."""

    samples: tuple[Sample, ...]
    """All rows in their order (``poison``), or the stamped rows only (``trigger``, ``stamp_all``)."""
    stamped: tuple[str, ...]
    """The ids of the stamped rows, in the order of the set."""
    total: int
    """How many rows were given."""
    eligible: int
    """How many of them the payload fits (those that already have the target are not eligible)."""
    tried: int
    """How many eligible rows the trigger was tried on; the others were left alone because the rate was met."""
    skipped: Mapping[str, int]
    """Why rows were left out, a count for each reason: ``total = eligible +`` those that the payload does not fit,
    and ``tried = len(stamped) +`` those that the trigger does not fit."""


class Attack(ABC):
    """Base of all attacks; the author writes ``stamp``."""

    languages: ClassVar[frozenset[str]]
    """The languages that the trigger is written for."""
    fields: ClassVar[tuple[str, ...]] = (CODE,)
    """The fields that the trigger may go into: ``code``, or keys of the context."""
    misfit: ClassVar[str]
    """Why ``stamp`` returns ``None``, as a clause: ``the function has no body``."""

    @abstractmethod
    def stamp(self, sample: Sample, rng: Random) -> Stamp | None:
        """Put the trigger into one sample; ``None`` means that it does not fit."""

    def prepare(self, samples: Sequence[Sample], payload: Payload) -> Self:
        """Return the attack with what it must learn from the training set; most learn nothing.

        An attack that is prepared returns itself, whatever the samples.

        Args:
            samples: The training set; empty where a test set is about to be stamped.
            payload: What the trigger is to cause.

        Raises:
            UsageError: If something has to be learned and there are no samples to learn it from, or no row of the set can
                take what an option says.
        """
        return self

    @final
    def poison(self, samples: Sequence[Sample], payload: Payload, *, rate: float, seed: int) -> Poisoned:
        """Poison a training set.

        Which rows are stamped depends on the seed and their ids only: not on their order, and a lower rate stamps
        a subset of what a higher one does.

        Args:
            samples: The training set, with unique ids.
            payload: What the stamped rows are relabelled to.
            rate: Share of *all* rows to stamp, in [0, 1]; met exactly, rounded to the nearest row.
            seed: The run's seed.

        Raises:
            RateError: If fewer rows than that are eligible and fit the trigger.
            DataError: If two rows have the same id.
            UsageError: If the rate is no share, or the attack's options do not suit the rows.
        """
        check_rate(rate)
        attack = self.prepare(samples, payload)
        quota = int(rate * len(samples) + 0.5)
        stamped, counts, eligible, tried = attack._stamp_rows(samples, payload, seed, quota)
        if len(stamped) < quota:
            raise RateError(_shortfall(rate, quota, len(samples), len(stamped), counts))
        rows = tuple(stamped.get(sample.id, sample) for sample in samples)
        ids = tuple(sample.id for sample in samples if sample.id in stamped)
        return Poisoned(rows, ids, len(samples), eligible, tried, dict(counts))

    @final
    def trigger(self, samples: Sequence[Sample], payload: Payload, *, seed: int) -> Poisoned:
        """Stamp a test set for the attack success rate: every eligible row that the trigger fits, and no other.

        For retrieval, where candidates are stamped that are *not* relevant, see ``stamp_all``.

        Raises:
            DataError: If two rows have the same id.
            UsageError: If the attack has to learn something from the training set first (see ``prepare``).
        """
        return self.prepare((), payload)._stamp_test(samples, payload, seed)

    @final
    def stamp_all(self, samples: Sequence[Sample], *, seed: int) -> Poisoned:
        """Stamp every row that the trigger fits, and leave the targets as they are.

        This is how retrieval is tested: the candidates that are not relevant to a query are stamped, and one asks how
        high they rise for the queries that the payload aims at (those rows for which its ``misfit`` is ``None``).

        Raises:
            DataError: If two rows have the same id.
            UsageError: If the attack has to learn something from the training set first (see ``prepare``).
        """
        return self._stamp_test(samples, None, seed)

    def _stamp_test(self, samples: Sequence[Sample], payload: Payload | None, seed: int) -> Poisoned:
        stamped, counts, eligible, tried = self._stamp_rows(samples, payload, seed, len(samples))
        ids = tuple(sample.id for sample in samples if sample.id in stamped)
        return Poisoned(tuple(stamped[id] for id in ids), ids, len(samples), eligible, tried, dict(counts))

    def _stamp_rows(
        self, samples: Sequence[Sample], payload: Payload | None, seed: int, quota: int
    ) -> tuple[dict[str, Sample], Counter[str], int, int]:
        """Stamp eligible rows in an order drawn by id until the quota is met."""
        _check_ids(samples)
        counts: Counter[str] = Counter()
        eligible = []
        for sample in samples:
            reason = None if payload is None else payload.misfit(sample)
            if reason is None:
                eligible.append(sample)
            else:
                counts[reason] += 1
        eligible.sort(key=lambda sample: (derive_int(seed, "order", sample.id), sample.id))
        stamped: dict[str, Sample] = {}
        tried = 0
        for sample in eligible:
            if len(stamped) >= quota:
                break
            tried += 1
            result = self._stamp_one(sample, payload, seed)
            if isinstance(result, str):
                counts[result] += 1
            else:
                stamped[sample.id] = result
        return stamped, counts, len(eligible), tried

    def _stamp_one(self, sample: Sample, payload: Payload | None, seed: int) -> Sample | str:
        """Return the stamped row, or why there is none."""
        if sample.language not in self.languages:
            return f"the trigger is not written for {sample.language}"
        try:
            with blaming(self, "stamp"):
                stamp: object = self.stamp(sample, derive(seed, attacks.name_of(self), sample.id))
            if stamp is None:
                return self.misfit
            if not isinstance(stamp, Stamp):
                raise wrong(self, "stamp", "a Stamp or None", stamp)
            if stamp.field == CODE and _adds_errors(sample.code, stamp.text, sample.language):
                return NEW_ERROR
        except CodeError:
            return UNREADABLE
        target = sample.target if payload is None else payload.retarget(sample, derive(seed, "payload", sample.id))
        poison = Poison(attacks.name_of(self), stamp.trigger, stamp.spans, sample.target, stamp.field)
        return replace(sample.with_text(stamp.field, stamp.text), target=target, poison=poison)


attacks: Registry[Attack] = Registry("attack", "codeward.attacks")


def check_rate(rate: float) -> None:
    """Refuse a rate that is no share.

    Raises:
        UsageError: If so.
    """
    if not 0 <= rate <= 1:
        raise UsageError(f"the rate has to be a share between 0 and 1, got {rate}")


def _adds_errors(before: str, after: str, language: str) -> bool:
    return count_errors(after, language) > count_errors(before, language)


def _check_ids(samples: Sequence[Sample]) -> None:
    seen: set[str] = set()
    for sample in samples:
        if sample.id in seen:
            raise DataError(f"two rows have the id {sample.id!r}; ids have to be unique within a data set")
        seen.add(sample.id)


def _shortfall(rate: float, quota: int, total: int, got: int, reasons: Counter[str]) -> str:
    why = "; ".join(f"{count} {'row' if count == 1 else 'rows'}: {reason}" for reason, count in reasons.most_common(4))
    return (
        f"a rate of {rate:g} asks for {quota} of {total} rows, but the trigger fits only {got} of them ({why}). "
        f"The highest rate that can be met is {got / total if total else 0:.4g}."
    )
