"""Which split of a data set a verb reads when the user names none."""

from pathlib import Path

from codeward.data import DataFolder, open_data
from codeward.errors import DataError
from codeward.types import Sample

TRAIN, VALID, TEST = "train", "valid", "test"
CLEAN_LIMIT = 500
"""Clean samples from which the threshold of an input defense is set, at most, where the user names no number."""


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
    """Read clean samples: from the split ``valid`` where there is one, else ``test``, else the only one."""
    data = open_data(path, layout=layout, task=task, language=language)
    return data.load(VALID if VALID in data.splits else test_split(data), limit=limit)
