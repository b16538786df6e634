"""CodeXGLUE clone detection: functions in ``data.jsonl``, labeled pairs in ``train.txt`` (BigCloneBench, ICSME 2014).

Source of the format: microsoft/CodeXGLUE, Code-Code/Clone-detection-BigCloneBench: ``data.jsonl`` with ``func, idx``,
and ``train.txt``, ``valid.txt``, ``test.txt`` with ``idx1 <tab> idx2 <tab> label`` on each line. On the hub
(``code_x_glue_cc_clone_detection_big_clone_bench``) the pairs are joined: ``func1, func2, label``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from codeward.data.layouts._base import Layout, Table, layouts
from codeward.data.lines import lines
from codeward.data.listing import Listing
from codeward.data.raw import copy_lines, copy_whole, used_up
from codeward.data.rows import Row, rows
from codeward.errors import DataError
from codeward.registry import method
from codeward.types import OTHER, Sample

FUNCTIONS = "data.jsonl"


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The pairs of a file joined with their functions, which are held in memory (each stands in many pairs)."""

    pairs: Path
    functions: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The pairs and their functions; see ``FileTable``."""
        return self.pairs, self.functions

    def copy(self, keep: Sequence[bool], places: Mapping[Path, Path]) -> None:
        """Copy the pairs that are kept, and all functions; see ``FileTable``."""
        verdicts = iter(keep)
        copy_lines(self.pairs, places[self.pairs], verdicts)
        used_up(verdicts, self.pairs)
        copy_whole(self.functions, places[self.functions])

    def __iter__(self) -> Iterator[Row]:
        functions = self._load()
        number = 0
        for number, line in lines(self.pairs):
            cells = line.split("\t")
            if len(cells) != 3:
                raise DataError(
                    f"{self.pairs}, line {number}: a pair is idx1, idx2 and label parted by tabs, not {line!r}"
                )
            for cell in cells[:2]:
                if cell not in functions:
                    raise DataError(f"{self.pairs}, line {number}: there is no function {cell!r} in {self.functions}")
            first, second, label = cells
            values = {"func1": functions[first], "func2": functions[second], "label": label.strip()}
            yield Row(values, str(self.pairs), number)
        if not number:
            raise DataError(f"{self.pairs}: the file is empty")

    def _load(self) -> dict[str, str]:
        functions: dict[str, str] = {}
        for row in rows(self.functions):
            key = row.key("idx") or row.text("idx")
            if key in functions:
                raise DataError(f"{row.where}: two functions have the idx {key!r}")
            functions[key] = row.text("func")
        if not functions:
            raise DataError(f"{self.functions}: the file is empty")
        return functions


@layouts.register("bigclonebench")
@method
class BigCloneBench(Layout):
    """CodeXGLUE clone detection: functions in ``data.jsonl``, labeled pairs in ``train.txt``."""

    tasks: ClassVar[tuple[str, ...]] = ("clone",)
    labels: ClassVar[tuple[str, ...]] = ("different", "clone")
    shape: ClassVar[str] = "data.jsonl beside train.txt (idx1, idx2, label), or rows with func1, func2, label"

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"func1", "func2", "label"} <= fields

    def tables(self, listing: Listing) -> Mapping[str, Table]:
        """Return the rows of each split; see ``Layout.tables``."""
        pairs = {split: paths[0] for split, paths in listing.by_split(".txt").items() if _is_pair_file(paths[0])}
        if not pairs:
            return Layout.tables(self, listing)
        return {split: _Pairs(path, _functions_beside(path)) for split, path in pairs.items()}

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        other = {OTHER: row.text("func2")}
        return Sample(id, row.text("func1"), row.label("label", labels), language, other)


def _is_pair_file(path: Path) -> bool:
    first = next(lines(path), None)
    return first is not None and first[1].count("\t") == 2


def _functions_beside(path: Path) -> Path:
    for ending in ("", ".gz", ".zst"):
        found = path.with_name(FUNCTIONS + ending)
        if found.is_file():
            return found
    raise DataError(f"{path}: {FUNCTIONS}, which holds the functions of the pairs, is missing beside it")
