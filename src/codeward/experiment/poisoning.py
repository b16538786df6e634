"""Poison a data set on disk: the training split is stamped, the others are copied, a manifest says what was done."""

from collections.abc import Iterable
from pathlib import Path

from codeward import __version__
from codeward.attacks import Poisoned, check_rate
from codeward.data import DataFolder, check_place, fingerprint, write_data
from codeward.experiment.manifest import FILE, Manifest, Threat
from codeward.experiment.splits import training_split
from codeward.types import Sample


def poison_folder(
    data: DataFolder, threat: Threat, *, rate: float, seed: int, out: Path, overwrite: bool = False
) -> Manifest:
    """Write a poisoned copy of a data set in Codeward's layout.

    Args:
        data: The clean data set; needs a ``train`` split, or one split only.
        threat: The attack and what it causes.
        rate: Share of all training rows to stamp.
        seed: The run's seed.
        out: Folder to write; whole or not at all.
        overwrite: Replace a folder that Codeward wrote.

    Returns:
        The manifest, also written to ``out``.

    Raises:
        DataError: If the data set has no training rows, or the folder exists or cannot be written.
        RateError: If the trigger fits fewer rows than the rate asks for.
        UsageError: If the rate is no share, or the data set has no such class as the payload wants.
    """
    check_rate(rate)
    threat.payload.check(data.labels)
    check_place(out, overwrite)
    split = training_split(data)
    rows = data.load(split)
    prepared = Threat(threat.attack.prepare(rows, threat.payload), threat.payload)
    poisoned = prepared.attack.poison(rows, prepared.payload, rate=rate, seed=seed)
    manifest = _manifest(data, prepared, poisoned, rows, rate, seed)
    splits: dict[str, Iterable[Sample]] = {
        name: poisoned.samples if name == split else data.read(name) for name in data.splits
    }
    write_data(
        out,
        task=data.task,
        language=data.language,
        labels=data.labels,
        splits=splits,
        overwrite=overwrite,
        extra={FILE: manifest.model_dump_json(indent=2) + "\n"},
    )
    return manifest


def _manifest(
    data: DataFolder, threat: Threat, poisoned: Poisoned, rows: list[Sample], rate: float, seed: int
) -> Manifest:
    stamped = len(poisoned.stamped)
    return Manifest(
        task=data.task,
        **threat.settings(),
        rate=rate,
        rate_eligible=stamped / poisoned.eligible if poisoned.eligible else None,
        seed=seed,
        total=poisoned.total,
        eligible=poisoned.eligible,
        tried=poisoned.tried,
        stamped=stamped,
        skipped=dict(poisoned.skipped),
        source=str(data.path),
        fingerprints={"before": fingerprint(rows), "after": fingerprint(poisoned.samples)},
        codeward=__version__,
    )
