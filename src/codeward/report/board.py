"""The page of a bench: leaderboards, plots, the full table, and what stands behind each defense."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeward.bench.board import Board, Line, over_seeds
from codeward.experiment.record import Record
from codeward.report import wording
from codeward.report.cells import FILTERS, columns
from codeward.report.detectors import WORKS, detectors
from codeward.report.heat import HeatMap, heat_maps, legend
from codeward.report.markdown import as_markdown
from codeward.report.pages import templates
from codeward.report.pareto import SHAPES, pareto
from codeward.report.ranking import COSTLY, Standing, rank
from codeward.report.remarks import count_seeds, departures, problems
from codeward.report.scores import GENERATED, SEARCH, change, left
from codeward.report.strip import strip
from codeward.report.tables import as_csv, as_json, as_latex

EXAMPLES = 2
"""Of each record."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One task."""

    task: str
    kind: str
    utility: str
    standings: list[Standing]
    models: dict[str, list[Standing]]
    maps: list[HeatMap]
    legend: list[str]
    """What each color of the maps stands for."""

    @property
    def search(self) -> bool:
        """Whether what is left of an attack is a rank, of which more is better."""
        return self.kind == SEARCH

    @property
    def generated(self) -> bool:
        """Whether a success is counted above the floor already."""
        return self.kind == GENERATED

    @property
    def shared(self) -> dict[str, tuple[int, int]]:
        """By model on how many lines its rows are ranked, and how many it has; models without ranked rows are left out."""
        ranked = {model: [each for each in found if each.rank] for model, found in self.models.items()}
        return {model: (found[0].lines, found[0].all_lines) for model, found in ranked.items() if found}


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell whose record is shown."""

    what: str
    line: Line
    record: Record | None
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Download:
    """A file within the page."""

    name: str
    file: str
    address: str


def render_board(board: Board, records: Mapping[str, Record], *, title: str | None = None) -> str:
    """Return the page.

    Args:
        board: What a bench has measured.
        records: By their path in the board: those that ``chosen`` asks for, as far as they are there.
        title: A title other than the board's.
    """
    lines = over_seeds(board.lines)
    seeds = count_seeds(board.lines)
    pages = templates()
    pages.filters |= {name: getattr(wording, name) for name in ("points", "percent", "rate", "amount", "duration")}
    pages.filters |= {"pareto": pareto, "strip": strip, "counted": wording.counted}
    return pages.get_template("board.html").render(
        title=title or board.title or board.name,
        board=board,
        lines=lines,
        measured=[line for line in lines if line.scores],
        seeds=seeds,
        problems=problems(board.lines),
        rankings=rankings(board.lines),
        zoo=detectors(board.zoo),
        working=WORKS,
        columns=columns(lines, seeds),
        filters={name: _choices(lines, name) for name in FILTERS},
        defenses={defense: _shown(found, records) for defense, found in chosen(lines).items()},
        defense_names=list(dict.fromkeys(line.defense for line in lines)),
        stages={line.defense: line.stage for line in lines},
        departures=departures(lines),
        published=sum(1 for line in lines if line.published and line.scores),
        sources=list(dict.fromkeys(each.source for line in lines for each in line.published)),
        files=files(board),
        marks=SHAPES,
        costly=COSTLY,
        example_limit=EXAMPLES,
    )


def rankings(lines: Sequence[Line]) -> list[Ranking]:
    """Return what each task's leaderboard and plots show.

    Args:
        lines: All lines of the board, each a cell and a seed.
    """
    found = []
    for task, standings in rank(lines).items():
        mine = [line for line in lines if line.task == task]
        models = {
            model: [each for each in standings if each.model == model] for model in {line.model: 0 for line in mine}
        }
        maps: list[HeatMap] = []
        for model, rows in models.items():
            cells = over_seeds(line for line in mine if line.model == model)
            maps += heat_maps(cells, [each.defense for each in rows])
        metrics, kind = dict.fromkeys(line.utility for line in mine if line.utility), mine[0].kind
        colors = legend(search=kind == SEARCH)
        found.append(Ranking(task, kind, ", ".join(metrics), standings, models, maps, colors))
    return found


def chosen(lines: Iterable[Line]) -> dict[str, list[tuple[str, Line]]]:
    """Return for each defense the cells whose records are shown: where most and where least is left of the attack.

    Args:
        lines: The cells, one line each.
    """
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.defense, []).append(line)
    found: dict[str, list[tuple[str, Line]]] = {}
    for defense, group in groups.items():
        kept = sorted((line for line in group if line.record), key=_left, reverse=True)
        found[defense] = [("Most is left of the attack", kept[0])] if kept else []
        if len(kept) > 1 and kept[-1].record != kept[0].record:
            found[defense].append(("Least is left of the attack", kept[-1]))
    return found


def records_wanted(board: Board) -> list[str]:
    """Return the records that the page shows, by their paths in the board."""
    return list(dict.fromkeys(line.record for found in chosen(over_seeds(board.lines)).values() for _, line in found))


def files(board: Board) -> list[Download]:
    """Return the data as links that hold it."""
    stem = re.sub(r"[^\w.-]+", "-", board.name).strip("-.") or "board"
    texts = (
        ("CSV", "csv", "text/csv", as_csv),
        ("JSON", "json", "application/json", as_json),
        ("LaTeX", "tex", "text/x-tex", as_latex),
        ("Markdown", "md", "text/markdown", as_markdown),
    )
    found = []
    for name, suffix, kind, write in texts:
        encoded = base64.b64encode(write(board).encode("utf-8", "replace")).decode("ascii")
        found.append(Download(name, f"{stem}.{suffix}", f"data:{kind};charset=utf-8;base64,{encoded}"))
    return found


def _choices(lines: Iterable[Line], name: str) -> dict[str, str]:
    values = dict.fromkeys(getattr(line, name) for line in lines)
    if name == "rate":
        return {f"{value:g}": wording.rate(value) for value in sorted(values)}
    return {value: value for value in sorted(values)}


def _shown(found: Sequence[tuple[str, Line]], records: Mapping[str, Record]) -> list[Shown]:
    shown = []
    for what, line in found:
        record = records.get(line.record)
        shown.append(Shown(what, line, record, {} if record is None else _settings(record.config, line.defense)))
    return shown


def _settings(config: Mapping[str, Any], defense: str) -> dict[str, str]:
    """Return what the record says about how it was made: the defense's options first, then the attack and the rest."""
    defenses = config.get("defenses")
    own = defenses.get(defense, next(iter(defenses.values()), None)) if isinstance(defenses, dict) else None
    names = {"options": "attack's options", "payload_options": "payload's options"}
    rest = {names.get(name, name): value for name, value in config.items() if name != "defenses"}
    found = {f"{defense}: {name}": value for name, value in own.items()} if isinstance(own, dict) else {}
    return {name: _plain(value) for name, value in {**found, **rest}.items()}


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {each}" for name, each in value.items()) or "none"
    return "none" if value is None else str(value)


def _left(line: Line) -> tuple[float, float]:
    value, kept = left(line), change(line)
    danger = -1000.0 if value is None else -value if line.kind == SEARCH else value
    return danger, -(kept or 0.0)
