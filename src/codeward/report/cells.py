"""The full table of a bench: its columns, and what stands in each for a cell of the grid."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean

from codeward.bench.board import Line, Published
from codeward.report.scores import excess, natural
from codeward.report.wording import amount, percent, points, rate, sentence

OWN = ("fpr", "recall", "precision", "f1", "auroc", "localization")
"""What a defense is measured by beside utility and success, in the order of the columns."""
LABELS = {
    "utility": "utility",
    "clean utility": "clean model's utility",
    "success": "success",
    "floor": "floor",
    "clean success": "clean model's success",
    "clean floor": "clean model's floor",
    "anr": "rank (ANR)",
    "clean anr": "clean model's rank",
    "fpr": "false alarms",
    "f1": "F1",
    "auroc": "AUROC",
}
COSTS = (("defense", "once, s", 1), ("training", "training, s", 1), ("input", "an input, ms", 1000))
"""Seconds of a line, their column and the factor of its unit."""
FILTERS = ("data", "model", "attack", "rate", "defense", "stage")


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in one place of the table."""

    text: str = ""
    more: str = ""
    """In small print below: interval and number of inputs."""
    key: float | str = ""
    """What it is sorted by."""
    flag: str = ""
    """Why it is marked; empty where it is not."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and how a cell of the grid fills it."""

    name: str
    label: str
    entry: Callable[[Line], Entry]
    number: bool = True


def score_names(lines: Iterable[Line]) -> list[str]:
    """Return the scores that any line has: those of all defenses first, then the defenses' own."""
    found = dict.fromkeys(name for line in lines for name in line.scores)
    known = ["utility", "clean utility", "success", "floor", "clean success", "clean floor", "anr", "clean anr", *OWN]
    return [name for name in known if name in found] + [name for name in found if name not in known]


def columns(lines: Sequence[Line], seeds: Mapping[tuple[str, ...], tuple[int, int]]) -> list[Column]:
    """Return the columns that hold anything for these lines.

    Args:
        lines: The cells, one line each.
        seeds: By cell: over how many seeds it is measured, and how many there are.
    """
    found = [_text(name) for name in ("defense", "stage", "data", "model", "attack")]
    found.append(Column("rate", "rate", lambda line: Entry(rate(line.rate) if line.rate else "", key=line.rate)))
    published = {each.score for line in lines for each in line.published}
    for name in score_names(lines):
        found.append(Column(name, f"{LABELS.get(name, name)}, %", partial(_score, name)))
        if name in published:
            found.append(Column(f"paper {name}", "in the paper, %", partial(_paper, name)))
        if name == "floor":
            found.append(Column("excess", "excess, points", lambda line: _number(excess(line), points)))
        if name == "clean floor":
            found.append(
                Column("clean excess", "clean model's excess, points", lambda line: _number(natural(line), points))
            )
    if any(line.found for line in lines):
        found += [
            Column("found", "scan ranks first", _found, number=False),
            Column("distance", "edit distance", lambda line: _number(_mean(line, "distance"), amount)),
            Column("bleu", "letters' BLEU, %", lambda line: _number(_mean(line, "bleu"), percent)),
        ]
    for name, label, factor in COSTS:
        if any(line.seconds.get(name) for line in lines):
            found.append(Column(f"cost {name}", label, partial(_seconds, name, factor)))
    if any(planned > 1 for _, planned in seeds.values()):
        found.append(Column("seeds", "seeds", lambda line: _seeds(seeds[line.group])))
    if any(line.note or line.problem for line in lines):
        found.append(Column("note", "note", _note, number=False))
    return found


def departing(line: Line, published: Published) -> bool:
    """Return whether one published figure of a line is far from ours."""
    return line.model_copy(update={"published": (published,)}).departs()


def _text(name: str) -> Column:
    return Column(name, name, lambda line: Entry(getattr(line, name), key=getattr(line, name)), number=False)


def _number(value: float | None, write: Callable[[float | None], str], more: str = "") -> Entry:
    return Entry(write(value), more, "" if value is None else value)


def _score(name: str, line: Line) -> Entry:
    figure = line.scores.get(name)
    if figure is None or figure.value is None:
        return Entry()
    interval = ""
    if figure.low is not None and figure.high is not None:
        interval = f"{percent(max(0.0, figure.low))} to {percent(min(1.0, figure.high))}, "
    return _number(figure.value, percent, f"{interval}n {figure.n:,}")


def _paper(score: str, line: Line) -> Entry:
    found = [each for each in line.published if each.score == score]
    if not found:
        return Entry()
    far = [each for each in found if departing(line, each)]
    sources = "; ".join(dict.fromkeys(each.source for each in found))
    text = " / ".join(percent(each.value) for each in found)
    return Entry(text, key=found[0].value, flag=f"differs from ours: {sources}" if far else "")


def _found(line: Line) -> Entry:
    text = "; ".join(f"{each.label}: {each.trigger}" for each in line.found)
    return Entry(text, f"planted: {line.found[0].planted}" if line.found else "", text)


def _mean(line: Line, name: str) -> float | None:
    return mean(getattr(each, name) for each in line.found) if line.found else None


def _seconds(name: str, factor: int, line: Line) -> Entry:
    value = line.seconds.get(name)
    return _number(None if value is None else factor * value, amount)


def _seeds(counts: tuple[int, int]) -> Entry:
    measured, planned = counts
    return Entry(f"{measured}" if measured == planned else f"{measured} of {planned}", key=measured)


def _note(line: Line) -> Entry:
    text = " ".join(part for part in (line.problem and sentence(f"Not measured: {line.problem}"), line.note) if part)
    return Entry(text, key=text)
