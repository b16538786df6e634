"""Open a data set wherever it lies: a folder, a file or the hub; its layout, splits and language are found out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from codeward.code import LANGUAGES
from codeward.data import hub
from codeward.data.ids import new_ids, repeated
from codeward.data.languages import guess_language, known_language, named_language
from codeward.data.layouts import Layout, Meta, StoredTable, Table, layouts
from codeward.data.listing import Listing, list_files
from codeward.data.rows import Row
from codeward.data.unknown import found_there, unknown_layout
from codeward.errors import DataError, OtherTaskError, UnknownNameError, UsageError
from codeward.tasks import tasks
from codeward.types import Sample

_LOOKED_AT = 30
"""How many rows the language is told from."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A data set on disk or on the hub, of which nothing is read before it is asked for."""

    path: Path
    """What was opened."""
    layout: str
    task: str
    language: str | None
    """The language of its rows; ``None`` where they have several."""
    labels: tuple[str, ...]
    """Class names by index; empty where the task has no classes."""
    splits: tuple[str, ...]
    """``train``, ``valid`` and ``test`` as far as they are there; a single file has the one split ``all``."""
    _tables: Mapping[str, Table] = field(repr=False)
    _given: str | None = field(default=None, repr=False)
    """The language that the user gave, over what rows say."""
    _unique: bool = field(default=False, repr=False)
    """Whether rows of different splits are known to have different ids."""
    _new: dict[str, dict[str, str]] = field(default_factory=dict, repr=False, compare=False)
    """By split the ids that are not the rows' own; kept, since the other splits are read for them."""

    def read(self, split: str, *, limit: int | None = None) -> Iterator[Sample]:
        """Read a split row by row.

        Args:
            split: One of ``splits``.
            limit: Stop after that many rows.

        Returns:
            The samples in the order of the file, with ids unique in the data set: where a row of an earlier split (``train`` is the
            first) has an id, too, the split stands before it.

        Raises:
            UsageError: If there is no such split, or the limit is negative.
            DataError: While reading, if a row cannot be used, or two rows of the split have one id.
        """
        self.check(split)
        if limit is not None and limit < 0:
            raise UsageError(f"the limit has to be 0 or more rows, got {limit}")
        return islice((sample for _, sample in self._samples(split)), limit)

    @property
    def tables(self) -> Mapping[str, Table]:
        """The rows of each split as they stand in their files, before they become samples."""
        return self._tables

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that hold the rows of all splits, each once, as far as that is known."""
        stored = [table for table in self._tables.values() if isinstance(table, StoredTable)]
        return tuple(dict.fromkeys(file for table in stored for file in table.files))

    def placed(self, split: str) -> Iterator[tuple[Row, Sample]]:
        """Read a split as ``read`` does, with the row of its file that each sample was made of."""
        self.check(split)
        return self._samples(split)

    def load(self, split: str, limit: int | None = None) -> list[Sample]:
        """Read a split at once; see ``read``."""
        return list(self.read(split, limit=limit))

    def check(self, split: str) -> None:
        """Refuse a split that is not there.

        Raises:
            UsageError: If so.
        """
        if split not in self._tables:
            raise UsageError(f"{self.path}: there is no split {split!r}; there are: {', '.join(self.splits)}")

    def _samples(self, split: str) -> Iterator[tuple[Row, Sample]]:
        layout = layouts.make(self.layout)
        if split not in self._new:
            self._new[split] = {} if self._unique else new_ids(layout, self._tables, split)
        new = self._new[split]
        seen: set[str] = set()
        for n, row in enumerate(self._tables[split]):
            id = layout.id(row, split, n)
            if id in seen:
                raise repeated(layout, self._tables[split], split, id)
            seen.add(id)
            language = self._given or layout.row_language(row) or self.language or ""
            yield row, layout.sample(row, new.get(id, id), language, self.task, self.labels)


def open_data(
    path: str | Path, *, layout: str | None = None, task: str | None = None, language: str | None = None
) -> DataFolder:
    """Open a data set.

    Args:
        path: A folder or a file; ``org/name``, ``org/name:config`` or ``hub:name`` for the hub.
        layout: The layout, where it should not be found out from the content.
        task: The task, where the layout can serve several, or does not say.
        language: The language, over what is found in the data.

    Raises:
        DataError: If nothing is there, the layout is unknown, the first rows cannot be used, or the language cannot
            be told.
        OtherTaskError: If the data set is for another task.
        UnknownNameError: If there is no such layout, task or language.
        UsageError: If the data is not of the layout that is given.
    """
    given = None if language is None else known_language(language)
    if language is not None and given is None:
        raise UnknownNameError("language", language, LANGUAGES)
    if layout is not None:
        layouts.get(layout)
    if task is not None:
        tasks.get(task)
    place = Path(path)
    name = None if _exists(place) else hub.hub_name(str(path))
    if name is None:
        listing = _list(place)
        chosen, tables = _recognize(listing, layout)
        meta = chosen.meta(listing)
    else:
        listing, meta = None, None
        chosen, tables = _recognize_hub(name, layout)
    serves = _task(chosen, meta, task, place)
    labels = meta.labels if meta is not None else chosen.labels
    unique = meta is not None and meta.unique
    folder = DataFolder(place, chosen.name, serves, given, labels, tuple(tables), tables, given, unique)
    return folder if given else replace(folder, language=_language(folder, chosen, meta, listing))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as problem:
        raise _unreadable(path, problem) from None


def _list(path: Path) -> Listing:
    try:
        return list_files(path)
    except OSError as problem:
        raise _unreadable(path, problem) from None


def _unreadable(path: Path, problem: OSError) -> DataError:
    return DataError(f"{str(path)[:200]}: cannot be read: {(problem.strerror or str(problem)).lower()}")


def _recognize(listing: Listing, layout: str | None) -> tuple[Layout, Mapping[str, Table]]:
    """Return the layout that fits the files, and the rows of its splits."""
    fitting = []
    for name in [layout] if layout else layouts.names():
        candidate = layouts.make(name)
        tables = candidate.tables(listing)
        if tables:
            fitting.append((candidate, tables))
    return _the_one(fitting, layout, listing.root, listing.heads.values(), [path.name for path in listing.files])


def _recognize_hub(name: str, layout: str | None) -> tuple[Layout, Mapping[str, Table]]:
    tables = hub.hub_tables(name)
    fields = frozenset(next(iter(next(iter(tables.values())))).values)
    names = [layout] if layout else layouts.names()
    fitting = [(candidate, tables) for candidate in map(layouts.make, names) if candidate.fits(fields)]
    return _the_one(fitting, layout, Path(name), [fields], list(tables))


def _the_one(
    fitting: Sequence[tuple[Layout, Mapping[str, Table]]],
    layout: str | None,
    place: Path,
    heads: Iterable[frozenset[str] | DataError],
    files: list[str],
) -> tuple[Layout, Mapping[str, Table]]:
    """Return the only candidate, or say what was found instead.

    Raises:
        DataError: If none or several fit; a damaged first row comes first, as it may be the reason.
        UsageError: If a layout is given and does not fit.
    """
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(candidate.name for candidate, _ in fitting)
        raise DataError(f"{place}: several layouts fit ({names}); name one of them (--layout; in Python layout=)")
    fields = [sorted(head) for head in heads if isinstance(head, frozenset)]
    problems = [head for head in heads if isinstance(head, DataError)]
    if problems and not fields:
        raise problems[0]
    rows = fields[0] if fields else []
    if not layout:
        raise unknown_layout(place, rows, files)
    raise UsageError(
        f"{place}: this is not layout {layout!r} ({layouts.make(layout).shape}); found {found_there(rows, files)}"
    )


def _task(layout: Layout, meta: Meta | None, task: str | None, place: Path) -> str:
    """Return the task that the data set serves."""
    if layout.tasks:
        if task is not None and task not in layout.tasks:
            raise OtherTaskError(place, layout.tasks, task)
        return task or layout.tasks[0]
    if task is None and meta is None:
        raise DataError(
            f"{place}: the rows do not say which task they are for; name it (--task; in Python task=) or write a codeward.json"
        )
    if meta is not None and task is not None and task != meta.task:
        raise OtherTaskError(place, [meta.task], task)
    return task or (meta.task if meta else "")


def _language(folder: DataFolder, layout: Layout, meta: Meta | None, listing: Listing | None) -> str | None:
    """Return the language by what the data set, its rows or its file names say, else by the look of the code."""
    if layout.language or (meta is not None and meta.language):
        return layout.language or (meta.language if meta else None)
    split = folder.splits[0]
    rows = list(islice(folder._tables[split], _LOOKED_AT))
    said = {layout.row_language(row) for row in rows} - {None}
    if said:
        return said.pop() if len(said) == 1 else None
    named = {named_language(path.name) for path in listing.files} if listing is not None else set()
    if len(named) == 1 and (language := named.pop()):
        return language
    samples = folder.load(split, limit=_LOOKED_AT)
    language = guess_language(sample.code or str(sample.target) for sample in samples)
    if language is None and samples:
        raise DataError(
            f"{folder.path}: cannot tell the language of the code; name it (--language; in Python language=), one of "
            f"{', '.join(LANGUAGES)}"
        )
    return language
