"""Build labeled data sets from any source tree: deduplicated, split by file, deterministic, and said by the counts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codeward.code import LANGUAGES
from codeward.data.harvest._base import Draft, Recipe
from codeward.data.harvest.defect import Defect
from codeward.data.harvest.functions import Found, Limits, find_functions, key_of
from codeward.data.harvest.generation import Generation
from codeward.data.harvest.naming import Naming
from codeward.data.harvest.repair import Repair
from codeward.data.harvest.search import Search
from codeward.data.harvest.sources import Member, members, read_member
from codeward.data.languages import known_language
from codeward.data.listing import SPLITS
from codeward.data.write import write_data
from codeward.errors import DataError, UnknownNameError, UsageError
from codeward.seeds import derive_int
from codeward.types import Sample

Progress = Callable[[int, int], None]

_RECIPES: Mapping[str, Recipe] = {
    recipe.task: recipe for recipe in (Naming(), Search(), Generation(), Defect(), Repair())
}
HARVESTED = tuple(sorted(_RECIPES))
"""The tasks that sets can be harvested for."""

_ROUNDS = (1 / 32, 1 / 8, 1 / 2, 1.0)
"""Share of the files that have been read after each round, where a limit may end the harvest early."""


@dataclass(frozen=True, slots=True)
class Harvest:
    """A harvested data set and how it came about."""

    task: str
    language: str | None
    """The language of the rows; ``None`` where they have several."""
    labels: tuple[str, ...]
    """Class names by index; empty where the task has no classes."""
    splits: Mapping[str, tuple[Sample, ...]]
    """The rows of ``train``, ``valid`` and ``test``."""
    files: int
    """How many source files were read."""
    functions: int
    """How many functions of the right length they hold."""
    skipped: Mapping[str, int]
    """What was left out: a count for each reason."""

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows of each split."""
        return {split: len(samples) for split, samples in self.splits.items()}


def harvest(
    sources: Sequence[str | Path],
    task: str,
    *,
    languages: Sequence[str] | None = None,
    seed: int = 0,
    limit: int | None = None,
    labels: int = 14,
    min_lines: int = 3,
    max_chars: int = 2_500,
    progress: Progress | None = None,
) -> Harvest:
    """Build a labeled data set from source code.

    Test files, generated and minified files, foreign packages, and functions that occur twice (whatever their comments
    and white space) are left out and counted; so is what cannot be read or parsed. A file's functions are all in one
    split, drawn by its name: growing sources move no file, and the seed does not either.

    Args:
        sources: Folders, source files, and archives (zip, wheel, tar), such as sdists and the JDK's ``src.zip``.
        task: ``naming``, ``search``, ``generation``, ``defect`` or ``repair``.
        languages: Only these; all that Codeward reads unless given.
        seed: What is planted where, and which rows a limit keeps.
        limit: Keep at most that many rows; then files are read, in an order drawn by name, only until they suffice.
        labels: How many verbs the naming task tells apart.
        min_lines: The fewest lines of a function without its documentation.
        max_chars: The most characters of one.
        progress: Called with the number of files read and of files there are.

    Returns:
        The rows, 80/10/10 by file, with ids that derive from their content.

    Raises:
        DataError: If a source is missing or cannot be read, or nothing suits the task.
        UnknownNameError: If there is no such task or language.
        UsageError: If a number makes no sense.
    """
    if task not in _RECIPES:
        raise UnknownNameError("task to harvest for", task, HARVESTED)
    if labels < 2 or (limit is not None and limit < 1):
        raise UsageError(f"a harvest needs at least 2 labels and a limit of 1 row, got {labels} and {limit}")
    work = _Work(_RECIPES[task], _languages(languages), seed, labels, Limits(min_lines, max_chars))
    paths = sorted({Path(source) for source in sources}, key=lambda path: (path.name, str(path)))
    drafts, names = work.run(paths, limit, progress)
    if not drafts:
        raise DataError(_nothing(task, paths, work))
    samples = _samples(drafts, seed, limit)
    spoken = {sample.language for rows in samples.values() for sample in rows}
    language = spoken.pop() if len(spoken) == 1 else None
    return Harvest(task, language, names, samples, work.files, work.functions, dict(work.skipped))


def write_harvest(path: str | Path, harvested: Harvest, *, overwrite: bool = False) -> dict[str, int]:
    """Write a harvest in Codeward's layout; see ``write_data``."""
    return write_data(
        path,
        task=harvested.task,
        language=harvested.language,
        labels=harvested.labels,
        splits=harvested.splits,
        overwrite=overwrite,
    )


class _Work:
    """A harvest in progress: what has been seen, what was kept and what was left out."""

    def __init__(self, recipe: Recipe, languages: tuple[str, ...], seed: int, labels: int, limits: Limits) -> None:
        self.recipe = recipe
        self.languages = languages
        self.seed = seed
        self.labels = labels
        self.limits = limits
        self.files = 0
        self.functions = 0
        self.skipped: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.drafts: list[Draft] = []

    def run(
        self, paths: Sequence[Path], limit: int | None, progress: Progress | None
    ) -> tuple[list[Draft], tuple[str, ...]]:
        """Read the files, in rounds where there is a limit, and choose among their drafts."""
        total = sum(1 for path in paths for _ in members(path, self.languages, Counter()))
        low = 0.0
        for high in (1.0,) if limit is None else _ROUNDS:
            for member in self._members(paths, low, high):
                self._read(member)
                self.files += 1
                if progress is not None:
                    progress(self.files, total)
            low = high
            if limit is not None and high < 1 and self._suffices(limit):
                break
        return self._finish()

    def _members(self, paths: Sequence[Path], low: float, high: float) -> Iterator[Member]:
        """Yield the files whose place in the drawn order lies between two shares."""
        for path in paths:
            left_out = self.skipped if low == 0 else Counter[str]()
            for member in members(path, self.languages, left_out):
                if low <= _share("order", member.name) < high:
                    yield member

    def _read(self, member: Member) -> None:
        file = read_member(member, self.skipped)
        if file is None:
            return
        for found in find_functions(file, self.limits, self.skipped):
            self.functions += 1
            draft = self.recipe.draft(found, self.seed)
            if isinstance(draft, str):
                self.skipped[draft] += 1
                continue
            keys = {key_of(text) for text in draft.unique}
            if keys & self.seen:
                self.skipped["function or description occurs twice"] += 1
                continue
            self.seen |= keys
            self.drafts.append(draft)

    def _suffices(self, limit: int) -> bool:
        """Whether there are rows enough, and some in every split."""
        try:
            drafts, _ = self._finish()
        except DataError:
            return False
        return len(drafts) >= limit and len({_split(draft.found) for draft in drafts}) == len(SPLITS)

    def _finish(self) -> tuple[list[Draft], tuple[str, ...]]:
        train = [draft for draft in self.drafts if _split(draft.found) == SPLITS[0]]
        return self.recipe.finish(self.drafts, self.labels, train) if self.drafts else ([], ())


def _samples(drafts: Sequence[Draft], seed: int, limit: int | None) -> dict[str, tuple[Sample, ...]]:
    """Give ids, keep as many rows as are wanted, and divide them by file."""
    keyed = [(key_of(draft.unique[0]), draft) for draft in drafts]
    if limit is not None and len(keyed) > limit:
        kept = set(sorted((derive_int(seed, "limit", key), key) for key, _ in keyed)[:limit])
        keyed = [(key, draft) for key, draft in keyed if (derive_int(seed, "limit", key), key) in kept]
    splits: dict[str, list[Sample]] = {split: [] for split in SPLITS}
    for key, draft in keyed:
        split = _split(draft.found)
        id = f"{split}-{key}"
        target = id if draft.own_group else draft.target
        splits[split].append(Sample(id, draft.code, target, draft.found.language, draft.context))
    return {split: tuple(samples) for split, samples in splits.items()}


def _split(found: Found) -> str:
    share = _share("split", found.file)
    return SPLITS[0] if share < 0.8 else SPLITS[1] if share < 0.9 else SPLITS[2]


def _share(purpose: str, name: str) -> float:
    """Return a number in [0, 1) that depends on the purpose and the name only."""
    return (derive_int(0, "harvest", purpose, name) >> 11) / 2**53


def _languages(names: Sequence[str] | None) -> tuple[str, ...]:
    if not names:
        return LANGUAGES
    chosen = []
    for name in names:
        language = known_language(name)
        if language is None:
            raise UnknownNameError("language", name, LANGUAGES)
        chosen.append(language)
    return tuple(chosen)


def _nothing(task: str, paths: Sequence[Path], work: _Work) -> str:
    where = ", ".join(str(path) for path in paths) or "no source"
    if not work.files:
        return f"{where}: there is no source file in {', '.join(work.languages)} to harvest from"
    reasons = "; ".join(f"{count}: {reason}" for reason, count in work.skipped.most_common(4)) or "no function found"
    return f"{where}: nothing in {work.files} files suits task {task!r} ({reasons})"
