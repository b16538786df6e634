"""Calibrations on disk: the thresholds of an input defense, for one model and no other."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from codeward.data import fingerprint
from codeward.defenses.input import FALSE_POSITIVES, InputDefense, Progress, input_defenses
from codeward.errors import DataError, ModelError, UsageError
from codeward.files import describe, write_text
from codeward.types import Sample
from codeward.victims.base import Victim

SCHEMA = 3
"""Raised when thresholds of before mean something else (2: each piece of a written text is judged by itself)."""

KEPT = ("references", "known")
"""Options that hold what a defense keeps of the clean samples."""
CALIBRATED = ("threshold", *KEPT)
"""Options that calibration sets."""
REMEDY = "calibrate again with --calibration, or remove the file"
"""What is done about a calibration that is damaged."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A defense that is ready to use, and what made it so."""

    defense: InputDefense
    name: str
    false_positive_rate: float
    model: str
    """Fingerprint of the model that it was calibrated for."""
    clean: str
    """Fingerprint of the clean samples."""
    samples: int

    def is_at(self, rate: float | None) -> bool:
        """Whether it was made at a false-positive rate; any will do where none is asked for."""
        return rate is None or math.isclose(rate, self.false_positive_rate, rel_tol=1e-9)

    @property
    def settings(self) -> dict[str, object]:
        """The defense's options, without what it keeps of the clean samples."""
        return {name: value for name, value in input_defenses.settings(self.defense).items() if name not in KEPT}

    def taken_up(self, place: Path, remedy: str) -> str:
        """Return what whoever relies on it is told where it was made before, maybe by somebody else.

        Args:
            place: Where it lies.
            remedy: How clean inputs of one's own are given, at the end of a sentence.
        """
        return (
            f"The calibration in {place} is taken up: {self.samples} clean samples, a false-positive rate of "
            f"{self.false_positive_rate:g}, threshold {self.defense.threshold:.3f}. It is only worth as much as whoever made it: "
            f"if the model came from somebody else, {remedy}."
        )


def calibrate(
    name: str,
    options: dict[str, object],
    clean: Sequence[Sample],
    victim: Victim,
    *,
    false_positive_rate: float = FALSE_POSITIVES,
    progress: Progress | None = None,
) -> Calibration:
    """Make a defense and calibrate it.

    Raises:
        UsageError: If there is no such defense or option, if calibration sets the option, or the rate is none.
        DataError: If the clean samples are too few.
    """
    own = [option for option in CALIBRATED if options.get(option) not in (None, (), [])]
    if own:
        raise UsageError(f"{own[0]} is what calibration finds; leave it out, and choose a false-positive rate instead")
    made = input_defenses.make(name, options)
    ready = made.calibrate(clean, victim, false_positive_rate=false_positive_rate, progress=progress)
    return Calibration(ready, name, false_positive_rate, victim.fingerprint, fingerprint(clean), len(clean))


def ready_for(
    victim: Victim,
    name: str,
    options: dict[str, object],
    clean: Sequence[Sample] | None,
    *,
    model: str | Path | None,
    false_positive_rate: float | None,
    remedy: str,
    progress: Progress | None = None,
) -> Calibration:
    """Calibrate a defense where there are clean samples, else take up the calibration that lies beside the model.

    Args:
        victim: The model to protect.
        name: The defense.
        options: Its options.
        clean: Inputs without triggers; ``None`` where none are given.
        model: Where the model lies; ``None`` where it lies nowhere.
        false_positive_rate: Which share of clean inputs may be taken for suspicious; by default 0.05, or what the calibration
            that is taken up was made at.
        remedy: How the caller is given clean samples, at the end of a sentence.
        progress: Called with the number of inputs done and of all.

    Raises:
        UsageError: If there are neither clean samples nor a calibration, or options or a rate other than the calibration's are
            given without clean samples.
        DataError: If the calibration cannot be read, or the clean samples are too few.
        ModelError: If the calibration was made for another model.
    """
    if clean is not None:
        rate = FALSE_POSITIVES if false_positive_rate is None else false_positive_rate
        return calibrate(name, options, clean, victim, false_positive_rate=rate, progress=progress)
    place = None if model is None else place_of(model, name)
    if place is None or not place.is_file():
        raise UsageError(f"{name} has no threshold for this model yet; {remedy}")
    if options:
        raise UsageError(f"options change the defense {name}, so that it needs a calibration of its own; {remedy}")
    kept = load_calibration(place, victim, name)
    if not kept.is_at(false_positive_rate):
        raise UsageError(
            f"{place}: the calibration is at a false-positive rate of {kept.false_positive_rate:g}, and another one needs a "
            f"calibration of its own; {remedy}"
        )
    return kept


def place_of(model: str | Path, name: str) -> Path:
    """Return where a calibration of a model lies: beside its weights."""
    return Path(model) / f"calibration-{name}.json"


def save_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration, whole or not at all."""
    row = {
        "schema_version": SCHEMA,
        "defense": calibration.name,
        "options": input_defenses.settings(calibration.defense),
        "false_positive_rate": calibration.false_positive_rate,
        "model": calibration.model,
        "clean": calibration.clean,
        "samples": calibration.samples,
    }
    write_text(path, json.dumps(row, indent=1, ensure_ascii=False) + "\n")


def load_calibration(path: Path, victim: Victim, name: str | None = None) -> Calibration:
    """Read a calibration.

    Args:
        path: The file.
        victim: The model to protect.
        name: The defense that it has to be for; ``None`` for any.

    Raises:
        DataError: If the file is no whole calibration of a schema that this version reads, is for another defense, or its defense
            has options by now that it does not hold.
        ModelError: If it was made for another model.
    """
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        _check_row(path, row, name)
        found = Calibration(
            _defense_of(path, row),
            row["defense"],
            float(row["false_positive_rate"]),
            row["model"],
            row["clean"],
            row["samples"],
        )
    except OSError as problem:
        raise DataError(describe(problem, path)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(f"{path}: this is no calibration; {REMEDY}") from None
    if found.model != victim.fingerprint:
        raise ModelError(
            f"{path}: the calibration was made for another model ({found.model}, this one is {victim.fingerprint}); "
            "calibrate again with --calibration"
        )
    return found


def _check_row(path: Path, row: dict[str, Any], name: str | None) -> None:
    """Refuse a calibration in which a value is none that calibration writes.

    Raises:
        DataError: If so.
    """
    if row["schema_version"] != SCHEMA:
        raise DataError(
            f"{path}: written in schema {row['schema_version']}, but this version reads {SCHEMA}; calibrate again with --calibration"
        )
    if row["defense"] != name and name is not None:
        raise DataError(f"{path}: the calibration is for the defense {row['defense']!r}, not {name!r}; {REMEDY}")
    rate, samples, options = row["false_positive_rate"], row["samples"], row["options"]
    if not _is_number(rate) or not 0 < rate < 1:
        raise _damaged(path, "false_positive_rate", rate, "a number between 0 and 1")
    if type(samples) is not int or samples < 1:
        raise _damaged(path, "samples", samples, "a whole number of samples")
    for field in ("model", "clean"):
        if not isinstance(row[field], str):
            raise _damaged(path, field, row[field], "a fingerprint")
    if not _is_number(options.get("threshold")):
        raise _damaged(path, "threshold", options.get("threshold"), "a finite number")
    for option, value in options.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise _damaged(path, option, value, "a finite number")


def _defense_of(path: Path, row: dict[str, Any]) -> InputDefense:
    """Return the defense that a calibration holds.

    Raises:
        DataError: If there is none of its name or with its options, or it lacks the clean inputs that it needs.
    """
    options = dict(row["options"])
    references = TypeAdapter(tuple[Sample, ...]).validate_python(options.pop("references", []))
    kept = {"references": references} if references else {}
    try:
        defense = input_defenses.make(row["defense"], {**options, **kept})
    except UsageError as problem:
        raise DataError(f"{path}: the defense cannot be made ({str(problem).rstrip('.')}); {REMEDY}") from None
    known = input_defenses.settings(defense).keys()
    fresh = sorted(known - {*options, *KEPT})
    if fresh:
        raise DataError(
            f"{path}: made by a version without the option{'s' if len(fresh) > 1 else ''} {', '.join(fresh)}, which the "
            "threshold depends on; calibrate again with --calibration"
        )
    if "references" in known and not references:
        raise DataError(f"{path}: it lacks the clean inputs (references) that {row['defense']} needs; {REMEDY}")
    return defense


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _damaged(path: Path, field: str, value: object, expected: str) -> DataError:
    return DataError(f"{path}: {field} is {value!r}, not {expected}; {REMEDY}")
