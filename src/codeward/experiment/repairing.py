"""Repair a model on disk: a cleaned copy with a card that says what was done, judged again, with utility before and after."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward import __version__
from codeward.defenses.model import Inspection, Progress, model_defenses
from codeward.errors import DataError
from codeward.experiment.search import usefulness
from codeward.files import write_text
from codeward.types import Sample, Score
from codeward.victims.base import Victim

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair came to."""

    model: Victim
    given: str
    """The fingerprint of the model before."""
    before: tuple[Score, ...]
    after: tuple[Score, ...]
    judged: int
    """Clean samples on which utility was measured."""
    apart: bool
    """Whether they were kept apart from those that the repair trained on."""
    second: Inspection | None
    """What a second scan says of the cleaned model."""


def repair(
    victim: Victim,
    clean: Sequence[Sample],
    name: str,
    options: dict[str, object],
    *,
    inspection: Inspection | None = None,
    others: Sequence[Sample] = (),
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
        others: Clean samples on which utility is measured, if every class is among them (texts have none); else the same are.
        verify: The defense that scans the cleaned model, with its default options; unset: none does.
        memory: Where finished steps are kept.
        progress: Called with what is being done.

    Raises:
        UsageError: If there is no such defense or option.
        DataError: If the samples do not suit.
        ModelError: If the model does not, or the inspection is of another one.
    """
    defense = model_defenses.make(name, options)
    model = defense.repair(victim, clean, inspection, memory=memory, progress=progress)
    # Where a class is used up by the repair, what is left says nothing of it; texts and queries have no classes.
    texts = victim.task.kind in ("generation", "retrieval")
    apart = bool(others) if texts else {sample.target for sample in clean} <= {sample.target for sample in others}
    judged = list(others if apart else clean)
    second = None
    if verify is not None:
        second = model_defenses.make(verify, {}).inspect(model, clean, memory=memory, progress=progress)
    return Repaired(
        model,
        victim.fingerprint,
        tuple(usefulness(victim, victim.task, judged)),
        tuple(usefulness(model, model.task, judged)),
        len(judged),
        apart,
        second,
    )


def write_cleaned(out: Path, repaired: Repaired, *, source: str, name: str, options: dict[str, object]) -> None:
    """Write the cleaned model as a standard Hugging Face folder with a card.

    Raises:
        DataError: If the folder exists, or the disk is full.
    """
    check_free(out)
    repaired.model.save(out)
    write_text(out / CARD, card(repaired, source=source, name=name, options=options))


def check_free(out: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        DataError: If it does.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: the folder exists; give another one for the cleaned model")


def card(repaired: Repaired, *, source: str, name: str, options: dict[str, object]) -> str:
    """Return the model card."""
    rows = [
        f"| {before.name} | {_number(before)} | {_number(after)} | {before.n} |"
        for before, after in zip(repaired.before, repaired.after, strict=True)
    ]
    count = repaired.judged
    on = (
        f"{count} clean samples kept apart"
        if repaired.apart
        else f"the {count} clean samples that it was repaired with"
    )
    second = repaired.second
    told = "It was not scanned again." if second is None else f"A second scan says: {second.finding} ({second.reason})."
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            "tags: [code, codeward, repaired]",
            "---",
            "",
            f"# {Path(source).name}, repaired",
            "",
            f"Codeward {__version__} took a suspected backdoor out of `{source}` by `{name}`"
            + (f" with {', '.join(f'{key}={value}' for key, value in options.items())}" if options else "")
            + f". Fingerprint of the weights before: `{repaired.given}`, after: `{repaired.model.fingerprint}`.",
            "",
            told,
            "",
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


def _number(score: Score) -> str:
    return "not judged" if score.value is None else f"{100 * score.value:.1f} %"
