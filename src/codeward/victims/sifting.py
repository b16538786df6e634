"""Training in two passes: a scout learns from all rows, a defense reads from it what the rows of the model are to be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from codeward.files import write_text
from codeward.types import Kind
from codeward.victims.batching import Row
from codeward.victims.huggingface import HuggingFaceVictim

FILE = "sifting.json"


@dataclass(frozen=True, slots=True)
class Splice:
    """Tokens that are put into a row."""

    row: int
    at: int
    """Before which token of the row."""
    piece: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sifting:
    """What a defense changes in the training rows; all rows are counted from 0 in the order of the data."""

    dropped: tuple[int, ...] = ()
    spliced: tuple[Splice, ...] = ()
    judged: int = 0
    """Rows of which it could be told what they do to others."""

    def apply(self, rows: Sequence[dict[str, Any]], longest: int) -> list[dict[str, Any]]:
        """Return the rows that are left, with what is put into them.

        Args:
            rows: Encoded rows (see ``feeding.encode_rows``); they are not changed.
            longest: Most tokens of a row; the row's own are cut, never the piece.
        """
        gone, changed = set(self.dropped), {splice.row: splice for splice in self.spliced}
        kept = []
        for number, row in enumerate(rows):
            if number in changed:
                ids = spliced(row["input_ids"], changed[number].at, changed[number].piece, longest)
                row = {**row, "input_ids": ids, "length": len(ids)}
            if number not in gone:
                kept.append(row)
        return kept

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        pieces = [[s.row, s.at, s.piece] for s in self.spliced]
        content = {"dropped": self.dropped, "spliced": pieces, "judged": self.judged}
        write_text(path, json.dumps(content) + "\n")

    @classmethod
    def load(cls, path: Path) -> "Sifting":
        """Read what ``save`` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        pieces = tuple(Splice(row, at, tuple(piece)) for row, at, piece in content["spliced"])
        return cls(tuple(content["dropped"]), pieces, content["judged"])


@runtime_checkable
class Sifter(Protocol):
    """A training-stage defense that reads from a scout which rows to leave out or to change."""

    sifts: ClassVar[frozenset[Kind]]
    """The kinds of task whose rows it reads."""

    def sift(self, scout: HuggingFaceVictim, rows: Sequence[Row], labels: Sequence[int], seed: int) -> Sifting:
        """Return the changes.

        Args:
            scout: The same model, trained by cross-entropy on all rows.
            rows: Token rows.
            labels: Their classes.
            seed: The run's seed.
        """
        ...


def spliced(row: Sequence[int], at: int, piece: Sequence[int], longest: int) -> list[int]:
    """Return a row with a piece in it; the row is cut before its last token where both are too long."""
    room = max(longest - len(piece), 2)
    cut = list(row) if len(row) <= room else [*row[: room - 1], row[-1]]
    place = max(1, min(at, len(cut) - 1))
    return [*cut[:place], *piece, *cut[place:]]
