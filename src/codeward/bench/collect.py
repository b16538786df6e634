"""Collect what the steps of a grid have left into its board."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import TypeVar

from codeward.bench.board import Board, Figure, Found, Judged, Line
from codeward.bench.graph import Cell, Graph
from codeward.bench.reported import published
from codeward.bench.store import Done, Store
from codeward.bench.suite import NONE, Note, Suite
from codeward.bench.suspects import Suspect
from codeward.bench.work import DATA, INSPECTION, RECORD, SCORES
from codeward.data import open_data
from codeward.defenses.model import Inspection
from codeward.errors import DataError
from codeward.experiment.environment import environment
from codeward.experiment.evaluation import CLEAN_MODEL, VICTIM
from codeward.experiment.record import Record, ScoreRow, read_record
from codeward.experiment.scanning import read_inspection
from codeward.experiment.splits import training_split
from codeward.metrics.resemblance import edit_distance, letter_bleu

T = TypeVar("T")
RANKS = {"success": "anr", "clean success": "clean anr"}
"""What of a search model stands in the place of success: the mean normalized rank of triggered code."""
DAMAGED = "damaged; remove the folder"
OWN = ("recall", "fpr", "precision", "auroc", "localization")


def collect(
    suite: Suite, graph: Graph, store: Store, out: Path, command: str, failed: Mapping[str, Done] | None = None
) -> Board:
    """Return the board of a graph: all cells, with the scores of those whose steps are in the store.

    Args:
        suite: What was measured.
        graph: Its steps and cells.
        store: Where the results are.
        out: The folder that the board will lie in.
        command: What made it.
        failed: How steps ended that are not in the store.
    """
    found = {key: store.find(key) for key in graph.steps}
    done = {**(failed or {}), **{key: how for key, how in found.items() if how is not None}}
    records: dict[str, Record] = {}
    lines = tuple(_line(suite, cell, done, store, out, records) for cell in graph.cells if cell.suspect is None)
    return Board(
        name=suite.name,
        title=suite.title or suite.name,
        command=command,
        lines=lines,
        zoo=tuple(_judged(cell, cell.suspect, done, store) for cell in graph.cells if cell.suspect is not None),
        environment=environment(),
        steps=sum(how is not None for how in found.values()),
        seconds=round(sum(each.seconds for each in done.values()), 1),
    )


def _line(
    suite: Suite, cell: Cell, done: Mapping[str, Done], store: Store, out: Path, records: dict[str, Record]
) -> Line:
    place, key = cell.place, cell.steps["evaluate"]
    common = {
        **place.model_dump(),
        "options": dict(cell.options),
        "published": published(place, suite.paper),
        "note": _note(suite.notes, cell),
    }
    problem = _problem(cell, done)
    if problem:
        return Line.model_validate({**common, "problem": problem})
    try:
        record, reference = (_read(store, each, records) for each in (key, cell.steps.get("reference", key)))
        scores = {**_scores(record.scores, cell), **_clean(reference.scores, cell), **_audited(store, cell)}
        found = _found(store, cell)
    except DamagedError as damage:
        return Line.model_validate({**common, "problem": str(damage)})
    return Line.model_validate(
        {
            **common,
            "utility": _utility(record),
            "scores": scores,
            "found": found,
            "seconds": _seconds(cell, done, record),
            "record": os.path.relpath((store.place(key) / RECORD).resolve(), out.resolve()),
        }
    )


class DamagedError(DataError):
    """What a finished step has left in the store is not whole."""

    def __init__(self, place: Path) -> None:
        super().__init__(f"{place} is {DAMAGED} {place}, and run the same command again")


def is_damaged(problem: str) -> bool:
    """Whether a line's problem is that what its steps have left is not whole."""
    return f" is {DAMAGED} " in problem


def _kept(place: Path, read: Callable[[Path], T]) -> T:
    """Read what a finished step has left in its folder.

    Raises:
        DamagedError: If it is not there or not whole.
    """
    try:
        return read(place)
    except (DataError, OSError, ValueError, KeyError, TypeError):
        raise DamagedError(place) from None


def _read(store: Store, key: str, records: dict[str, Record]) -> Record:
    if key not in records:
        records[key] = _kept(store.place(key), lambda place: read_record(place / RECORD))
    return records[key]


def _judged(cell: Cell, suspect: Suspect, done: Mapping[str, Done], store: Store) -> Judged:
    common = {
        **cell.place.model_dump(),
        "options": dict(cell.options),
        "name": suspect.name,
        "target": suspect.target,
    }
    problem = _problem(cell, done)
    if problem:
        return Judged.model_validate({**common, "problem": problem})
    try:
        record = _kept(store.place(cell.steps["evaluate"]), lambda place: read_record(place / RECORD))
        found = _inspection(store, cell)
    except DamagedError as damage:
        return Judged.model_validate({**common, "problem": str(damage)})
    return Judged.model_validate(
        {
            **common,
            "utility": _utility(record),
            "scores": _scores(record.scores, cell),
            "finding": found.finding,
            "suspected": found.target,
            "trigger": found.trigger,
            "anomaly": found.anomaly,
            "reason": found.reason,
            "seconds": round(done[cell.steps["scan"]].seconds, 1),
        }
    )


def _problem(cell: Cell, done: Mapping[str, Done]) -> str:
    """Return why a cell has no scores; nothing where it has."""
    problem = next((done[each].problem for each in cell.steps.values() if each in done and done[each].problem), "")
    return problem or ("" if all(each in done for each in cell.steps.values()) else "not measured yet")


def _utility(record: Record) -> str:
    """Return the name of the task's first metric."""
    return next((row.name for row in record.scores if row.data == "clean"), "")


def _scores(rows: Sequence[ScoreRow], cell: Cell) -> dict[str, Figure]:
    """Return the scores behind a defense; one that stands before the model has rows of its own."""
    judged = cell.method if cell.place.stage == "input" else VICTIM
    wanted = {(judged, "clean"): "utility", (judged, "triggered"): "success", (VICTIM, "untriggered"): "floor"}
    own = {row.name: _figure(row) for row in rows if row.name in OWN and row.model == cell.method}
    return {**_named(rows, wanted), **own}


def _clean(rows: Sequence[ScoreRow], cell: Cell) -> dict[str, Figure]:
    """Return the scores of the clean model, which is its own victim where there is no attack."""
    clean = CLEAN_MODEL if cell.place.attack != NONE else VICTIM
    wanted: dict[tuple[str | None, str], str] = {
        (clean, "clean"): "clean utility",
        (clean, "triggered"): "clean success",
        (CLEAN_MODEL, "untriggered"): "clean floor",
    }
    return _named(rows, wanted)


def _named(rows: Sequence[ScoreRow], wanted: Mapping[tuple[str | None, str], str]) -> dict[str, Figure]:
    """Return scores by their names in the board; the task's first metric is its utility, the others stand in the record.

    What an attack on a search model comes to is no share of successes but a rank.
    """
    found: dict[str, Figure] = {}
    for row in rows:
        name = wanted.get((row.model, row.data))
        if row.name == "anr":
            name = RANKS.get(name or "")
        if name is not None and (row.data == "clean" or row.name in ("asr", "anr")):
            found.setdefault(name, _figure(row))
    return found


def _figure(row: ScoreRow) -> Figure:
    return Figure(value=row.value, n=row.n, low=row.low, high=row.high, higher_is_better=row.higher_is_better)


def _audited(store: Store, cell: Cell) -> dict[str, Figure]:
    if "audit" not in cell.steps:
        return {}

    def read(place: Path) -> dict[str, Figure]:
        rows = json.loads((place / SCORES).read_text(encoding="utf-8"))
        return {row.pop("name"): Figure.model_validate(row) for row in rows}

    return _kept(store.place(cell.steps["audit"]), read)


def _found(store: Store, cell: Cell) -> tuple[Found, ...]:
    """Return what a scan ranks first, beside what was planted."""
    if not {"scan", "poison"} <= cell.steps.keys():
        return ()
    inspection = _inspection(store, cell)
    planted = _kept(store.place(cell.steps["poison"]), _planted)
    if not inspection.suspicions or not planted:
        return ()
    first = inspection.suspicions[0]
    trigger = first.best.trigger
    return (
        Found(
            label=first.label,
            trigger=trigger,
            planted=planted[0],
            distance=mean(edit_distance(trigger, each) for each in planted),
            bleu=mean(letter_bleu(trigger, each) for each in planted),
        ),
    )


def _inspection(store: Store, cell: Cell) -> Inspection:
    return _kept(store.place(cell.steps["scan"]), lambda place: read_inspection(place / INSPECTION))


@lru_cache(maxsize=64)
def _planted(folder: Path) -> tuple[str, ...]:
    """Return the triggers of poisoned training rows, by the folder of their step."""
    data = open_data(folder / DATA)
    return tuple(sample.poison.trigger for sample in data.load(training_split(data)) if sample.poison is not None)


def _seconds(cell: Cell, done: Mapping[str, Done], record: Record) -> dict[str, float]:
    """Return what the defense cost: the steps that only it needs, and for each input."""
    seconds: dict[str, float] = {}
    own = [done[cell.steps[role]].seconds for role in ("audit", "scan") if role in cell.steps]
    if cell.place.stage in ("data", "training"):
        seconds["training"] = done[cell.steps["model"]].seconds
    if cell.place.stage == "model":
        own.append(done[cell.steps["model"]].seconds)
    if own:
        seconds["defense"] = sum(own)
    each = record.timings.get(f"{cell.method}, a clean input")
    if each is not None:
        seconds["input"] = each
    return {name: round(value, 4) for name, value in seconds.items()}


def _note(notes: Sequence[Note], cell: Cell) -> str:
    place = cell.place
    return " ".join(
        note.text
        for note in notes
        if all(getattr(note, name) in (None, getattr(place, name)) for name in ("data", "model", "attack", "defense"))
    )
