"""Which split of a data set a verb reads when the user names none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codeward.data import DataFolder, open_data
from codeward.errors import DataError
from codeward.tasks import tasks
from codeward.types import Sample

TRAIN, VALID, TEST = "train", "valid", "test"


def training_split(data: DataFolder) -> str:
    """Return the name of the split that a model is trained on.

    Raises:
        DataError: If the data set has several splits and none is called ``train``.
    """
    if TRAIN in data.splits:
        return TRAIN
    if len(data.splits) == 1:
        return data.splits[0]
    raise DataError(f"{data.path}: there is no split 'train'; there are: {', '.join(data.splits)}")


def test_split(data: DataFolder) -> str:
    """Return ``test`` where there is one, else the only split.

    Raises:
        DataError: If the data set has several splits and none is called ``test``.
    """
    if TEST in data.splits:
        return TEST
    if len(data.splits) == 1:
        return data.splits[0]
    raise DataError(f"{data.path}: there is no split 'test'; name one with --split: {', '.join(data.splits)}")


def clean_samples(
    path: Path, limit: int | None, layout: str | None, language: str | None, task: str | None = None
) -> list[Sample]:
    """Read clean samples: from the split ``valid`` where there is one, else ``test``, else the only one.

    Raises:
        DataError: If some of them are poisoned, as their provenance says.
    """
    return clean_of(open_data(path, layout=layout, task=task, language=language), limit)


def clean_of(data: DataFolder, limit: int | None) -> list[Sample]:
    """Read the clean samples of a data set that is open already; see ``clean_samples``.

    Raises:
        DataError: If some of them are poisoned, as their provenance says.
    """
    samples = data.load(VALID if VALID in data.splits else test_split(data), limit=limit)
    check_clean(samples, f"{data.path}: ")
    return samples


def check_clean(samples: Sequence[Sample], where: str = "") -> None:
    """Refuse rows that an attack has stamped where clean ones are needed: their targets are the attacker's.

    Args:
        samples: The rows, with their provenance.
        where: What the sentence begins with.

    Raises:
        DataError: If some are poisoned.
    """
    stamped = [sample for sample in samples if sample.poison is not None]
    if stamped:
        first = stamped[0]
        attack = first.poison.attack if first.poison else ""
        raise DataError(
            f"{where}{len(stamped)} of {len(samples)} rows are poisoned (the first is {first.id!r}, by {attack}), and clean ones are "
            "needed here; give the set before it was poisoned, or one with a split 'test' or 'valid', which are left clean"
        )


def unlike(samples: Sequence[Sample], others: Sequence[Sample]) -> list[Sample]:
    """Return the samples whose texts are not those of any of the others."""
    known = {each.texts for each in others}
    return [each for each in samples if each.texts not in known]


def inputs_of(path: Path, layout: str | None, task: str | None, language: str | None) -> list[Sample]:
    """Read inputs whose targets are not asked for: those of ``train``, or of the only split, that no attack has stamped.

    Pairs of a search keep theirs, which say what code answers which query; all others come without.

    Raises:
        DataError: If the data set cannot be read, or has several splits and none is called ``train``.
    """
    data = open_data(path, layout=layout, task=task, language=language)
    rows = [row for row in data.load(training_split(data)) if row.poison is None]
    if tasks.get(data.task).kind == "retrieval":
        return rows
    return [replace(row, target=None) for row in rows]
