"""What verbs read for a model: a data set of its task, or for ``codeward purify`` one source file or standard input, too."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeward.data import DataFolder
    from codeward.types import Sample

MARK = "\ufeff"


class Inputs:
    """The inputs in their order, which can be read again and again."""

    def __init__(
        self,
        name: str,
        model: str,
        layout: str | None = None,
        task: str | None = None,
        language: str | None = None,
        split: str | None = None,
    ) -> None:
        from codeward.experiment.splits import test_split

        self.name = name
        self.one: Sample | None = None
        """The only input, where there is no data set."""
        self.mark = ""
        """The byte order mark that it begins with."""
        if name == "-" or _is_source(Path(name)):
            self.one, self.mark = _one(name, language)
        self.folder: DataFolder | None = None
        self.split = split or ""
        if self.one is None:
            self.folder = opened_for(model, name, layout, task, language)
            self.split = split or test_split(self.folder)

    def __iter__(self) -> "Iterator[Sample]":
        """Read them from the first on."""
        if self.folder is None:
            return iter([] if self.one is None else [self.one])
        return iter(self.folder.read(self.split))

    def at(self, numbers: set[int]) -> "dict[int, Sample]":
        """Return the inputs of some places, counted from 0."""
        found: dict[int, Sample] = {}
        for number, sample in enumerate(self):
            if len(found) == len(numbers):
                break
            if number in numbers:
                found[number] = sample
        return found


def _is_source(path: Path) -> bool:
    from codeward.code import language_of_file

    return path.is_file() and language_of_file(path) is not None


def _one(data: str, language: str | None) -> "tuple[Sample, str]":
    """Return a source file, or standard input, as a sample, and the byte order mark before it."""
    from codeward.code import check_language, language_of_file
    from codeward.errors import DataError, UsageError
    from codeward.types import Sample

    place = "standard input" if data == "-" else data
    raw = sys.stdin.buffer.read() if data == "-" else Path(data).read_bytes()
    known = language or (None if data == "-" else language_of_file(data))
    if known is None:
        raise UsageError("nothing says which language standard input is in; give --language")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise DataError(f"{place}: the text is not UTF-8 (byte {problem.start}); convert it first") from None
    code = text.removeprefix(MARK)
    if not code.strip():
        raise DataError(f"{place}: {'nothing came' if data == '-' else 'the file is empty'}")
    return Sample(place, code, None, check_language(known)), MARK if code != text else ""


def opened_for(
    model: str, data: str | Path, layout: str | None, task: str | None, language: str | None
) -> "DataFolder":
    """Open the data set for the task that is asked for, else for the one that the model is made for.

    Raises:
        ModelError: If the data set is for another task than the model.
    """
    from codeward.data import open_data
    from codeward.errors import ModelError, OtherTaskError
    from codeward.victims import made_for

    made = made_for(model)
    try:
        return open_data(data, layout=layout, task=task or made, language=language)
    except OtherTaskError:
        if task is not None or made is None:
            raise
        serves = open_data(data, layout=layout, language=language).task
        raise ModelError(
            f"{model}: the model is made for task {made!r}, and the data set {data} is for {serves!r}; give a data set for {made!r}"
        ) from None
