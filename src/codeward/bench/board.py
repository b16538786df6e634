"""The board: one line a cell of the grid, with its scores, their cost and the published figure. Reports read only this."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from codeward.bench.suite import Stage
from codeward.errors import DataError
from codeward.experiment.record import Environment, check_schema

SCHEMA = 1
FILE = "board.json"
FAR = 0.1
"""A published share further from ours than that, and outside our interval, is flagged."""


FEW = 2
"""Seeds whose spread says too little."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Figure(_Frozen):
    """A measured number."""

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    higher_is_better: bool = True
    seeds: int = 1
    """Over how many seeds it is the mean; the interval is then that of the mean over seeds."""


class Published(_Frozen):
    """A figure of a paper beside ours."""

    score: str
    value: float
    """As a share."""
    source: str


class Found(_Frozen):
    """What a scan ranks first in a model whose trigger is known."""

    label: str
    """The label, payload or query word."""
    trigger: str
    """The best trigger found for it."""
    planted: str
    """The planted one; the first row's where they differ."""
    distance: float
    """Edit distance between the two in letters, the mean over poisoned rows."""
    bleu: float
    """BLEU over letters in 0..1, likewise."""


class Place(_Frozen):
    """Where a cell stands in the table: a victim under an attack behind a defense."""

    data: str
    task: str
    kind: str
    model: str
    family: str
    attack: str
    rate: float
    defense: str
    """What the suite calls it."""
    stage: Stage
    seed: int | None
    """``None``: the mean over several."""


class Line(Place):
    """A cell with what was measured in it."""

    options: dict[str, Any] = {}
    """The defense's resolved options."""
    utility: str = ""
    """The name of the task's first metric."""
    scores: dict[str, Figure] = {}
    """``utility`` and ``success`` behind the defense, ``floor`` (the rate without trigger), ``clean utility``, ``clean success`` and
    ``clean floor`` (of a clean model: what the trigger does without any backdoor), for search ``anr`` and ``clean anr``, and what the defense itself has: ``recall``, ``fpr``, ``precision``,
    ``f1``, ``auroc``, ``localization``."""
    seconds: dict[str, float] = {}
    """``defense``: what auditing or repairing cost; ``training``: what the model that it leads to cost; ``input``: what each clean
    input costs."""
    found: tuple[Found, ...] = ()
    """What the defense's scan ranks first, one for each seed."""
    published: tuple[Published, ...] = ()
    note: str = ""
    """Why the published figure is another one."""
    problem: str = ""
    """Why there are no scores."""
    record: str = ""
    """The record that holds everything measured, relative to the board."""

    @property
    def group(self) -> tuple[str, ...]:
        """What lines of other seeds have in common."""
        return (self.data, self.model, self.attack, f"{self.rate:g}", self.defense)

    def departs(self) -> bool:
        """Whether a published figure is far from ours."""
        for each in self.published:
            ours = self.scores.get(each.score)
            if ours is None or ours.value is None:
                continue
            inside = ours.low is not None and ours.high is not None and ours.low <= each.value <= ours.high
            if abs(ours.value - each.value) > FAR and not inside:
                return True
        return False


class Judged(Place):
    """A model of a zoo, what it truly is, and what a detector says of it."""

    name: str
    options: dict[str, Any] = {}
    """The detector's resolved options."""
    target: str | None = None
    """The class that the backdoor serves."""
    utility: str = ""
    """The name of the task's first metric."""
    scores: dict[str, Figure] = {}
    """``utility``, and of the planted trigger ``success`` and ``floor``."""
    finding: str = ""
    """``backdoored``, ``clean`` or ``inconclusive``; empty where it is not judged."""
    suspected: str | None = None
    """The class that the detector names."""
    trigger: str = ""
    """The trigger that it shows."""
    anomaly: float | None = None
    """Higher is more suspicious."""
    reason: str = ""
    seconds: float | None = None
    """Of the scan."""
    problem: str = ""
    """Why it is not judged."""

    @property
    def backdoored(self) -> bool:
        """Whether its training rows were poisoned."""
        return self.rate > 0


class Board(_Frozen):
    """Everything that a run of a suite has measured."""

    schema_version: int = SCHEMA
    name: str
    title: str
    command: str
    """The command that made it."""
    lines: tuple[Line, ...]
    zoo: tuple[Judged, ...] = ()
    """Models of zoos, by detector."""
    environment: Environment
    steps: int
    """Steps that are done."""
    seconds: float
    """Of all steps together, as if they had run one after the other."""


def over_seeds(lines: Iterable[Line]) -> list[Line]:
    """Return one line a group: the mean over seeds, or the only one as it is."""
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(line.group, []).append(line)
    return [_mean(group) if len(group) > 1 else group[0] for group in groups.values()]


def _mean(group: Sequence[Line]) -> Line:
    measured = [line for line in group if line.scores] or list(group)
    first = measured[0]
    names = [name for name in first.scores if all(name in line.scores for line in measured)]
    scores = {name: mean_of([line.scores[name] for line in measured]) for name in names}
    seconds = {name: sum(line.seconds.get(name, 0.0) for line in measured) / len(measured) for name in first.seconds}
    found = tuple(each for line in measured for each in line.found)
    return first.model_copy(update={"seed": None, "scores": scores, "seconds": seconds, "found": found})


def mean_of(figures: Sequence[Figure]) -> Figure:
    """Return the mean over seeds with an interval that holds what one more seed adds.

    From three seeds on it is the wider of Student's t over the seeds and the mean of their own intervals; two seeds say
    too little about their spread, so it reaches from the lower end of one to the upper end of the other.
    """
    from scipy import stats

    known = [each for each in figures if each.value is not None]
    if not known:
        return figures[0]
    values = [each.value for each in known if each.value is not None]
    mean = sum(values) / len(values)
    lows = [value if each.low is None else each.low for each, value in zip(known, values, strict=True)]
    highs = [value if each.high is None else each.high for each, value in zip(known, values, strict=True)]
    low, high = min(lows), max(highs)
    if len(values) > FEW:
        half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
        own = (sum(lows) / len(lows), sum(highs) / len(highs))
        # No further than the ends that a share has.
        low, high = max(min(mean - half, own[0]), min(0.0, low)), min(max(mean + half, own[1]), max(1.0, high))
    return Figure(
        value=mean,
        n=min(each.n for each in known),
        low=low,
        high=high,
        higher_is_better=known[0].higher_is_better,
        seeds=len(values),
    )


def read_board(path: Path) -> Board:
    """Read a board from its file or from the folder of a bench.

    Raises:
        DataError: If there is none, or it is not one that this version reads.
    """
    file = path / FILE if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
        check_schema(file, text, SCHEMA, "board")
        return Board.model_validate_json(text)
    except UnicodeDecodeError:
        raise DataError(f"{file}: not a board: the text is not UTF-8") from None
    except OSError:
        raise DataError(f"{file}: there is no board here; give a folder that codeward bench wrote") from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise DataError(f"{file}: not a board of schema {SCHEMA}: {where}: {problem['msg']}") from None
