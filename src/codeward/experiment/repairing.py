"""Repair a model on disk: a cleaned copy with a card that says what was done, judged again, with utility before and after."""

from collections import Counter
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward import __version__
from codeward.defenses.model import FEWEST, Inspection, Progress, better_than_chance, model_defenses, usable
from codeward.errors import DataError
from codeward.experiment.scanning import DEFENSE, class_of
from codeward.experiment.search import usefulness
from codeward.experiment.splits import unlike
from codeward.files import check_writable
from codeward.types import Sample, Score
from codeward.victims.base import CARD, Victim

CHANCE = "the model's answers to the clean samples were no better than chance before the repair; look whether their labels are right"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair came to."""

    model: Victim
    given: str
    """The fingerprint of the model before."""
    first: Inspection | None
    """By what it was repaired, where the defense inspects."""
    before: tuple[Score, ...]
    after: tuple[Score, ...]
    judged: int
    """Clean samples on which utility was measured."""
    apart: bool
    """Whether they were kept apart from those that the repair trained on."""
    notes: tuple[str, ...]
    second: Inspection | None
    """What a second scan says of the cleaned model."""
    fresh: bool = False
    """Whether it was scanned with samples that the repair had not seen."""

    @property
    def changed(self) -> bool:
        """Whether there was anything to repair."""
        return self.model.fingerprint != self.given


def repair(
    victim: Victim,
    clean: Sequence[Sample],
    name: str = DEFENSE,
    options: dict[str, object] | None = None,
    *,
    inspection: Inspection | None = None,
    unlabeled: Sequence[Sample] = (),
    others: Sequence[Sample] = (),
    references: Sequence[Victim] = (),
    verify: str | None = None,
    memory: MutableMapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Repaired:
    """Repair a model.

    Args:
        victim: The model; it is not changed.
        clean: Samples to repair with.
        name: The defense.
        options: Its options.
        inspection: What a scan found.
        unlabeled: Further inputs without triggers, for a defense that wants them; those that are among ``others`` are left out.
        others: Clean samples on which utility is measured, if every class is among them (texts have none), and with as many of which
            the cleaned model is scanned, if there are as many of each class; else the same are taken.
        references: Classifiers of the same task that are trusted; see ``ModelDefense.inspect``.
        verify: The defense that scans the cleaned model, with its default options; unset: none does.
        memory: Where finished steps are kept.
        progress: Called with what is being done.

    Raises:
        UsageError: If there is no such defense or option.
        DataError: If the samples do not suit.
        ModelError: If the model does not, or the inspection is of another one.
    """
    from codeward.victims.huggingface import Classifier

    defense = model_defenses.make(name, options)
    memory = {} if memory is None else memory
    if inspection is None and defense.inspects:
        inspection = defense.inspect(victim, clean, references=references, memory=memory, progress=progress)
    model = defense.repair(
        victim,
        clean,
        inspection,
        unlabeled=unlike(unlabeled, others),
        references=references,
        memory=memory,
        progress=progress,
    )
    # Where a class is used up by the repair, what is left says nothing of it; texts and queries have no classes.
    texts = victim.task.kind in ("generation", "retrieval")
    apart = bool(others) if texts else {sample.target for sample in clean} <= {sample.target for sample in others}
    judged = list(others if apart else clean)
    second, fresh = None, as_many(usable(clean, victim), usable(others, victim))
    if verify is not None and model.fingerprint != victim.fingerprint:
        second = model_defenses.make(verify, {}).inspect(
            model, fresh or clean, references=references, memory=memory, progress=progress
        )
    return Repaired(
        model,
        victim.fingerprint,
        inspection if defense.inspects else None,
        tuple(usefulness(victim, victim.task, judged)),
        tuple(usefulness(model, model.task, judged)),
        len(judged),
        apart,
        (CHANCE,) if isinstance(victim, Classifier) and not better_than_chance(clean, victim) else (),
        second,
        bool(fresh),
    )


def as_many(clean: Sequence[Sample], others: Sequence[Sample]) -> list[Sample]:
    """Return as many other samples of each class, the first of each; none, where a class that a scan needs has fewer."""
    needed, found = Counter(map(class_of, clean)), Counter(map(class_of, others))
    if not others or any(found[each] < count for each, count in needed.items() if count >= FEWEST):
        return []
    taken, kept = Counter[object](), []
    for sample in others:
        taken[class_of(sample)] += 1
        if taken[class_of(sample)] <= needed[class_of(sample)]:
            kept.append(sample)
    return kept


def write_cleaned(out: Path, repaired: Repaired, *, source: str, name: str, options: dict[str, object]) -> None:
    """Write the cleaned model as a standard Hugging Face folder with a card.

    Raises:
        DataError: If the folder exists, or the disk is full.
    """
    check_free(out)
    repaired.model.save(out, card(repaired, source=source, name=name, options=options))


def check_free(out: Path) -> None:
    """Refuse a folder that holds something, or that cannot be made.

    Raises:
        DataError: If it does, or cannot.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: the folder exists; give another one for the cleaned model")
    check_writable(out / CARD)


def card(repaired: Repaired, *, source: str, name: str, options: dict[str, object]) -> str:
    """Return the model card."""
    rows = [
        f"| {before.name} | {number(before)} | {number(after)} | {before.n} |"
        for before, after in zip(repaired.before, repaired.after, strict=True)
    ]
    count = repaired.judged
    on = (
        f"{count} clean samples kept apart"
        if repaired.apart
        else f"the {count} clean samples that it was repaired with"
    )
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            "tags: [code, codeward, repaired]",
            "---",
            "",
            f"# {Path(source).name}, repaired",
            "",
            f"Codeward {__version__} repaired `{source}` by `{name}`"
            + (f" with {', '.join(f'{key}={value}' for key, value in options.items())}" if options else "")
            + f". Fingerprint of the weights before: `{repaired.given}`, after: `{repaired.model.fingerprint}`.",
            "",
            *(line for note in repaired.notes for line in (f"Note: {note}.", "")),
            *_scanned(repaired.first, "The scan before said"),
            *_unlearned(repaired.first),
            *_scanned(
                repaired.second, f"A second scan, with {'other' if repaired.fresh else 'the same'} samples, says"
            ),
            *(() if repaired.second else ("It was not scanned again.", "")),
            f"Utility on {on}:",
            "",
            "| measure | before | after | n |",
            "|---|---|---|---|",
            *rows,
            "",
            "No repair proves that a backdoor is gone: what was removed is what could be found.",
            "",
        ]
    )


def _scanned(inspection: Inspection | None, told: str) -> tuple[str, ...]:
    return () if inspection is None else (f"{told}: {inspection.finding} ({inspection.reason}).", "")


def _unlearned(inspection: Inspection | None) -> tuple[str, ...]:
    """Return the triggers that the repair began with."""
    if inspection is None:
        return ()
    rows = [
        f"| {_code(trial.trigger)} | {_code(each.label)} | {trial.where.removeprefix(', ') or each.place} | {100 * trial.success:.0f} % of {trial.judged} |"
        for each in inspection.suspicions
        for trial in each.trials
    ]
    head = ("| trigger | for | place | success |", "|---|---|---|---|")
    return ("Triggers that were found for suspected answers, from which the unlearning set out:", "", *head, *rows, "")


def _code(text: str) -> str:
    """Return a text as code in a cell of a table."""
    line = " ".join(text.split()).replace("|", "\\|")
    fence = "``" if "`" in line else "`"
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def number(score: Score) -> str:
    """Return a score in percent."""
    return "not judged" if score.value is None else f"{100 * score.value:.1f} %"
