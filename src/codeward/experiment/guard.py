"""A guard before a served model: three lines, one call an input."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from codeward.code import LANGUAGES
from codeward.data.languages import known_language
from codeward.defenses.input import Change, Element, NoveltyTeller, Purified, input_defenses, lack
from codeward.errors import UnknownNameError, UsageError
from codeward.experiment.calibration import Calibration, place_of, ready_for
from codeward.experiment.limits import CLEAN_LIMIT
from codeward.experiment.pipelines import PIPELINE, piped
from codeward.experiment.purifying import answer_of, diff_of
from codeward.experiment.splits import clean_samples
from codeward.tasks import tasks
from codeward.types import CODE, PROMPT, Sample
from codeward.victims.base import Victim

TASK = "defect"
PROMPTED = "generation"
"""The task whose inputs are descriptions, not code."""
DEFENSE = "codepurify-plant"
OPAQUE = "codepurify"
"""For a model that writes text and does not tell what it adds to its input."""
MEMBERS = ("task", "labels", "predict", "confidence", "embed", "reach")
"""By what a victim is known; what it costs to have its fingerprint is left for later."""
REMEDY = "give clean samples by clean=, at least 19 for the default rate"
OWN = "give clean inputs of your own by clean="
GIVEN = {
    "pair": 'a model of pairs reads two codes; give Sample(id, code, None, language, {"other": "..."})',
    "retrieval": 'a search model reads a query, too; give Sample(id, code, None, language, {"query": "..."})',
}
"""How a model is given what it reads beside a code, by its kind of task."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """The answer to one input."""

    answer: int | str | float | None
    """The label, text or (search) similarity to the query after the defense; ``None`` where it is withheld."""
    suspicious: bool
    still_suspicious: bool
    """Whether the purified input is suspicious, too: the answer may still be the attacker's."""
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
    problem_after: str = ""
    """Why the purified input could not be examined again."""

    @property
    def code(self) -> str:
        """The code that the model was given in the end."""
        return self.sample.code


class Guard:
    """A model behind an input defense; call it with code or with a sample.

    Args:
        victim: The model.
        calibration: The defense.
        language: That of inputs that are given as text; the empty string where nothing says it.
        field: What of a sample a text is: its code or its prompt.
        note: What has to be known of the calibration: whose it is, where it was made before. Empty where it is the caller's.
    """

    def __init__(
        self, victim: Victim, calibration: Calibration, language: str, *, field: str = CODE, note: str = ""
    ) -> None:
        self.victim, self.calibration, self.language = victim, calibration, language
        self.field, self.note = field, note

    def __call__(self, code: str | Sample) -> Guarded:
        """Return the model's answer to one input, purified where it is suspicious."""
        return self.many([code])[0]

    def many(self, codes: Sequence[str | Sample]) -> list[Guarded]:
        """Return the answers to several inputs, each as if it came alone; they share batches."""
        if isinstance(codes, str | Sample):
            raise UsageError("many() takes a list of codes; for one call the guard itself")
        listed = _listed(codes, "many()")
        samples = [_sample(code, self.language, place, self.victim, self.field) for place, code in enumerate(listed)]
        purified = self.calibration.defense.purify(samples, self.victim)
        return [self._guarded(each, sample) for each, sample in zip(purified, samples, strict=True)]

    def _guarded(self, each: Purified, sample: Sample) -> Guarded:
        return Guarded(
            None if each.rejected else answer_of(each.after, self.victim),
            each.suspicious,
            each.still,
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
            each.problem_after,
        )


def guard(
    model: Any,
    *,
    clean: Sequence[str | Sample] | str | Path | None = None,
    defense: str | None = None,
    options: dict[str, object] | None = None,
    false_positive_rate: float | None = None,
    language: str | None = None,
    task: str | None = None,
) -> Guard:
    """Put an input defense before a model.

    Where no clean samples are given, the calibration that lies beside the model is taken up; a warning (and the guard's ``note``)
    says which one, since it may be somebody else's.

    Args:
        model: A folder or hub name, a ``Victim``, or a ``transformers`` text-classification pipeline, of which as many tokens are
            read as its ``max_length`` says, or 512 at most where it says none.
        clean: Inputs without triggers, or the path of a data set of them, from which the threshold is set; may be left out where
            the model's folder holds a calibration.
        defense: Its name; by default CodePurify with planting.
        options: The defense's options.
        false_positive_rate: Which share of clean inputs may be taken for suspicious; by default 0.05, or what the calibration that
            is taken up was made at.
        language: The language of inputs that are given as text, or of what is written where these are prompts; by default that of the
            clean samples.
        task: What a pipeline or a model that does not say so is for; by default ``defect``.

    Raises:
        UsageError: If there is neither a clean sample nor a calibration, options or a rate other than the calibration's are given
            without clean samples, nothing says the language, or the model or an input is none.
        UnfitError: If the model's answer is no class of several, such as one sigmoid's, or a sigmoid of each class.
    """
    if defense is not None:
        input_defenses.get(defense)
    victim = _victim(model, task)
    name = defense or default_defense(victim)
    if isinstance(clean, str | Path):
        clean = clean_samples(Path(clean), CLEAN_LIMIT, None, language, victim.task.name)
    given = None if clean is None else _listed(clean, "clean=")
    named = language or next((each.language for each in given or () if isinstance(each, Sample)), None)
    known = None if named is None else known_language(named)
    if named is not None and known is None:
        raise UnknownNameError("language", named, LANGUAGES)
    if given is not None and known is None:
        raise UsageError("nothing says which language the code is in; give language=")
    field = _field(victim, given or ())
    ready = ready_for(
        victim,
        name,
        options or {},
        None
        if given is None
        else [_sample(code, known or "", place, victim, field, "clean=: ") for place, code in enumerate(given)],
        model=model if isinstance(model, str | Path) else None,
        false_positive_rate=false_positive_rate,
        remedy=REMEDY,
    )
    note = "" if given is not None else ready.taken_up(place_of(model, name), OWN)
    if note:
        warnings.warn(note, stacklevel=2)
    return Guard(victim, ready, known or "", field=field, note=note)


def default_defense(victim: Victim) -> str:
    """Return the input defense that suits a model."""
    follows = victim.task.kind != "generation" or isinstance(victim, NoveltyTeller)
    return DEFENSE if follows else OPAQUE


def _listed(codes: Iterable[str | Sample], what: str) -> list[str | Sample]:
    """Return inputs as a list.

    Raises:
        UsageError: If they are none that can be counted up.
    """
    if isinstance(codes, bytes) or not isinstance(codes, Iterable):
        raise UsageError(f"{what} takes a list of codes, not {_kind(codes)}")
    return list(codes)


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _field(victim: Victim, clean: Iterable[str | Sample]) -> str:
    """Return what of a sample a text is: the prompt, where the clean samples have nothing else, or the task is to write to one."""
    if victim.task.kind != "generation":
        return CODE
    whole = [each for each in clean if isinstance(each, Sample)]
    prompted = not any(each.code for each in whole) if whole else victim.task.name == PROMPTED
    return PROMPT if prompted else CODE


def _sample(code: str | Sample, language: str, place: int, victim: Victim, field: str, where: str = "") -> Sample:
    """Return an input as a sample; text is known by its content, so that its answer does not depend on what else is asked.

    Raises:
        UsageError: If it is no code, or the model reads more than what is given.
    """
    needed = GIVEN.get(victim.task.kind, "")
    if isinstance(code, Sample):
        if lack(code, victim.task.kind):
            raise UsageError(f"{where}input {place} ({code.id!r}) is not whole: {needed}")
        return replace(code, language=known_language(code.language) or code.language)
    if not isinstance(code, str):
        raise UsageError(f"{where}input {place} is {_kind(code)}; a guard takes code as text (str) or a Sample")
    if needed:
        raise UsageError(needed)
    if not language:
        raise UsageError("nothing says which language the code is in; give guard(..., language=)")
    digest = blake2b(code.encode("utf-8", "surrogatepass"), digest_size=8)
    return Sample(digest.hexdigest(), "", None, language).with_text(field, code)


def _victim(model: Any, task: str | None) -> Victim:
    from codeward.victims import load, made_for

    if isinstance(model, str | Path):
        return load(model, task=tasks.make(task or made_for(model) or TASK))
    if all(hasattr(model, name) for name in MEMBERS):
        victim: Victim = model
        return victim
    if getattr(model, "model", None) is None or getattr(model, "tokenizer", None) is None:
        raise UsageError(
            f"the model is {_kind(model)}; give a folder or hub name, a {PIPELINE} pipeline of transformers with its tokenizer, "
            "or an object with the members of codeward.Victim"
        )
    return piped(model, tasks.make(task or TASK))
