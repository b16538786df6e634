"""A guard before a served model: three lines, one call an input."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward.code import LANGUAGES
from codeward.defenses.input import FALSE_POSITIVES, Change, Element, NoveltyTeller, Purified, input_defenses
from codeward.errors import UnknownNameError, UsageError
from codeward.experiment.calibration import Calibration, calibrate, load_calibration, place_of
from codeward.experiment.purifying import answer_of, diff_of
from codeward.experiment.splits import CLEAN_LIMIT, clean_samples
from codeward.tasks import tasks
from codeward.types import CODE, Sample
from codeward.victims.base import Victim

TASK = "defect"
DEFENSE = "codepurify-plant"
OPAQUE = "codepurify"
"""For a model that writes text and does not tell what it adds to its input."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The answer to one input."""

    answer: int | str | float | None
    """The label, text or (search) similarity to the query after the defense; ``None`` where it is withheld."""
    suspicious: bool
    original_answer: int | str | float
    """What the model answers to the input as it came."""
    suspicion: float
    threshold: float
    sample: Sample
    """What the model was given in the end."""
    changes: tuple[Change, ...]
    elements: tuple[Element, ...]
    """The parts of the input, the one on which the answer rests most first."""
    diff: str
    """What was changed, in all of its texts."""
    problem: str = ""
    """Why the input could not be examined."""
    piece: str = ""
    """What of a suspicious answer that is a text rests on the first element."""

    @property
    def code(self) -> str:
        """The code that the model was given in the end."""
        return self.sample.code


class Guard:
    """A model behind an input defense; call it with code or with a sample."""

    def __init__(self, victim: Victim, calibration: Calibration, language: str) -> None:
        self.victim, self.calibration, self.language = victim, calibration, language

    def __call__(self, code: str | Sample) -> Guarded:
        """Return the model's answer to one input, purified where it is suspicious."""
        return self.many([code])[0]

    def many(self, codes: Sequence[str | Sample]) -> list[Guarded]:
        """Return the answers to several inputs; they share batches."""
        if isinstance(codes, str):
            raise UsageError("many() takes a list of codes; for one call the guard itself")
        samples = [_sample(code, self.language, str(place), self.victim) for place, code in enumerate(codes)]
        purified = self.calibration.defense.purify(samples, self.victim)
        return [self._guarded(each, sample) for each, sample in zip(purified, samples, strict=True)]

    def _guarded(self, each: Purified, sample: Sample) -> Guarded:
        return Guarded(
            None if each.rejected else answer_of(each.after, self.victim),
            each.suspicious,
            answer_of(each.before, self.victim),
            each.examination.suspicion,
            float(self.calibration.defense.threshold or 0.0),
            each.sample,
            each.changes,
            each.examination.elements,
            "".join(
                diff_of(sample.text(field), each.sample.text(field), sample.id, field)
                for field in (CODE, *sample.context)
            ),
            each.examination.problem,
            each.examination.piece,
        )


def guard(
    model: Any,
    *,
    clean: Sequence[str | Sample] | str | Path | None = None,
    defense: str | None = None,
    options: dict[str, object] | None = None,
    false_positive_rate: float = FALSE_POSITIVES,
    language: str | None = None,
    task: str | None = None,
) -> Guard:
    """Put an input defense before a model.

    Args:
        model: A folder or hub name, a ``Victim``, or a ``transformers`` text-classification pipeline.
        clean: Inputs without triggers, or the path of a data set of them, from which the threshold is set; may be left out where
            the model's folder holds a calibration.
        defense: Its name; by default CodePurify with planting.
        options: The defense's options.
        false_positive_rate: Which share of clean inputs may be taken for suspicious.
        language: The language of inputs that are given as text; by default that of the clean samples.
        task: What a pipeline or a model that does not say so is for; by default ``defect``.

    Raises:
        UsageError: If there is neither a clean sample nor a calibration, options are given without clean samples, or nothing says
            the language.
    """
    if defense is not None:
        input_defenses.get(defense)
    victim = _victim(model, task)
    name = defense or default_defense(victim)
    if isinstance(clean, str | Path):
        clean = clean_samples(Path(clean), CLEAN_LIMIT, None, language, victim.task.name)
    known = language or next((each.language for each in clean or () if isinstance(each, Sample)), None)
    if known is not None and known not in LANGUAGES:
        raise UnknownNameError("language", known, LANGUAGES)
    if clean is None:
        place = place_of(model, name) if isinstance(model, str | Path) else None
        if place is None or not place.is_file():
            raise UsageError(
                "the guard has no threshold: give clean samples by clean=, at least 19 for the default rate"
            )
        if options or false_positive_rate != FALSE_POSITIVES:
            raise UsageError(
                "options and false_positive_rate need a calibration of their own; give clean samples by clean="
            )
        return Guard(victim, load_calibration(place, victim), known or "")
    if known is None:
        raise UsageError("nothing says which language the code is in; give language=")
    samples = [_sample(code, known, str(place), victim) for place, code in enumerate(clean)]
    ready = calibrate(name, options or {}, samples, victim, false_positive_rate=false_positive_rate)
    return Guard(victim, ready, known)


def default_defense(victim: Victim) -> str:
    """Return the input defense that suits a model."""
    follows = victim.task.kind != "generation" or isinstance(victim, NoveltyTeller)
    return DEFENSE if follows else OPAQUE


def _sample(code: str | Sample, language: str, id: str, victim: Victim) -> Sample:
    if isinstance(code, Sample):
        return code
    if victim.task.kind == "pair":
        raise UsageError('a model of pairs reads two codes; give Sample(id, code, None, language, {"other": "..."})')
    if victim.task.kind == "retrieval":
        raise UsageError('a search model reads a query, too; give Sample(id, code, None, language, {"query": "..."})')
    if not language:
        raise UsageError("nothing says which language the code is in; give guard(..., language=)")
    return Sample(id, code, None, language)


def _victim(model: Any, task: str | None) -> Victim:
    from codeward.victims import load, made_for

    if isinstance(model, str | Path):
        return load(model, task=tasks.make(task or made_for(model) or TASK))
    made = tasks.make(task or TASK)
    if hasattr(model, "model") and hasattr(model, "tokenizer"):
        from codeward.victims.loading import MAX_LENGTH, labels_of, wrap

        length = min(MAX_LENGTH, int(model.tokenizer.model_max_length))
        return wrap(model.model, model.tokenizer, made, labels_of(model.model.config), length, length // 2)
    victim: Victim = model
    return victim
