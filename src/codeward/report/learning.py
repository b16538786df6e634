"""What a model learned when, as an inline picture: one panel a run, side by side, all to one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from codeward.experiment.record import Learning, Record
from codeward.report.wording import percent, rate

WIDTH, LEFT, RIGHT = 300, 40, 10
SHARES, LOSSES = (24, 134), (158, 268)
"""Top and bottom of the two parts of a panel."""
HEIGHT = 300
HEADROOM = 1.05
DOTS = 12
"""With more looks than that the lines have no dots."""
CURVES = (
    ("success", "attack", "with the trigger", SHARES),
    ("floor", "clean", "without the trigger", SHARES),
    ("poisoned_loss", "attack", "poisoned rows", LOSSES),
    ("clean_loss", "clean", "clean rows", LOSSES),
)
"""Field, class of the line, its name, and the part of the panel."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One run that was watched."""

    title: str
    loss: str
    """The loss that trained it, with its options."""
    learning: Learning

    @property
    def attacked(self) -> list[float | None]:
        """The loss of poisoned rows; of a generator that of the attacker's tokens alone, which a text's own hardly shows."""
        return self.learning.payload_loss if self.payload else self.learning.poisoned_loss

    @property
    def payload(self) -> bool:
        """Whether the loss of the attacker's tokens is known."""
        return any(value is not None for value in self.learning.payload_loss)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs on the same training rows, which can be compared."""

    title: str
    runs: tuple[Watched, ...]

    @property
    def counts(self) -> str:
        """Of how many rows and inputs, by the first run."""
        found = self.runs[0].learning.counts
        return ", ".join(f"{count:,} {name}" for name, count in found.items())

    @property
    def attacked(self) -> str:
        """What the attacker's curve of losses is of."""
        return "attacker's tokens in poisoned rows" if any(run.payload for run in self.runs) else "poisoned rows"

    def picture(self) -> Markup:
        """Return the panels of all runs, to one scale."""
        values = [value for run in self.runs for name in ("clean_loss", "poisoned_loss") for value in _known(run, name)]
        ends = [run.learning.epochs[-1] for run in self.runs if run.learning.epochs]
        scale = _Scale(max(ends, default=1.0) or 1.0, HEADROOM * (max(values, default=1.0) or 1.0))
        return Markup("").join(_panel(run, scale) for run in self.runs)


@dataclass(frozen=True, slots=True)
class _Scale:
    """The ends of the axes that all panels share."""

    epochs: float
    loss: float

    def across(self, epoch: float) -> float:
        return LEFT + epoch / self.epochs * (WIDTH - LEFT - RIGHT)

    def up(self, value: float, part: tuple[int, int]) -> float:
        top, bottom = part
        return bottom - value / (1.0 if part == SHARES else self.loss) * (bottom - top)


def comparisons(records: Sequence[Record]) -> list[Comparison]:
    """Return what was watched, the runs on the same rows together, in the order of the records."""
    watched = [record for record in records if record.learning is not None and record.learning.epochs]
    order = {key: place for place, key in reversed(list(enumerate(map(_data_of, watched))))}
    rows = sorted(watched, key=lambda record: order[_data_of(record)])
    return [
        Comparison(_title(same[0]), tuple(_watched(each) for each in same))
        for same in (list(group) for _, group in groupby(rows, key=_data_of))
    ]


def _data_of(record: Record) -> str:
    return record.fingerprints.get("train", record.title)


def _watched(record: Record) -> Watched:
    training = record.config.get("train") or {}
    options = ", ".join(f"{name} {value}" for name, value in (training.get("loss_options") or {}).items())
    loss = str(training.get("loss", ""))
    assert record.learning is not None  # noqa: S101 - chosen for it
    return Watched(record.title, f"{loss} ({options})" if options else loss, record.learning)


def _title(record: Record) -> str:
    poison = record.config.get("poison") or {}
    if not poison:
        return record.task
    return f"{poison['attack']} in {rate(poison['rate'])} of the rows, {record.task}"


def _values(run: Watched, name: str) -> list[float | None]:
    found: list[float | None] = run.attacked if name == "poisoned_loss" else getattr(run.learning, name)
    return found


def _known(run: Watched, name: str) -> list[float]:
    return [value for value in _values(run, name) if value is not None]


def _panel(run: Watched, scale: _Scale) -> Markup:
    success, floor = _known(run, "success"), _known(run, "floor")
    words = f"{run.title}, {run.loss}"
    if success and floor:
        words += f": success {percent(success[-1])} % at the end, without the trigger {percent(floor[-1])} %"
    head = Markup(
        '<div class="panel"><p><strong>{title}</strong> <span class="quiet">{loss}</span></p>'
        '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{words}">'
    ).format(title=run.title, loss=run.loss, w=WIDTH, h=HEIGHT, words=words)
    lines = [_line(run, scale, *curve) for curve in CURVES]
    return head + _axes(scale) + Markup("").join(lines) + Markup("</svg></div>")


def _axes(scale: _Scale) -> Markup:
    parts = [_name("attacker's answer, %", SHARES), _name("loss, nats", LOSSES)]
    parts += [_level(scale, share, SHARES, f"{100 * share:.0f}") for share in (0.0, 0.5, 1.0)]
    parts += [_level(scale, value, LOSSES, f"{value:.2g}") for value in (0.0, scale.loss / HEADROOM)]
    parts += [
        Markup('<text class="tick" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{epoch:g}</text>').format(
            x=scale.across(epoch), y=LOSSES[1] + 16, anchor=anchor, epoch=epoch
        )
        for epoch, anchor in ((0.0, "middle"), (scale.epochs, "end"))
    ]
    middle = Markup('<text class="tick" x="{x}" y="{y}" text-anchor="middle">epochs</text>')
    return Markup("").join([*parts, middle.format(x=(LEFT + WIDTH - RIGHT) // 2, y=LOSSES[1] + 16)])


def _name(words: str, part: tuple[int, int]) -> Markup:
    return Markup('<text class="tick" x="{x}" y="{y}">{words}</text>').format(x=LEFT, y=part[0] - 8, words=words)


def _level(scale: _Scale, value: float, part: tuple[int, int], words: str) -> Markup:
    return Markup(
        '<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<text class="tick" x="{before}" y="{text:.1f}" text-anchor="end">{words}</text>'
    ).format(
        left=LEFT,
        right=WIDTH - RIGHT,
        y=scale.up(value, part),
        before=LEFT - 6,
        text=scale.up(value, part) + 4,
        words=words,
    )


def _line(run: Watched, scale: _Scale, name: str, kind: str, words: str, part: tuple[int, int]) -> Markup:
    pairs = zip(run.learning.epochs, _values(run, name), strict=True)
    known = [(epoch, value) for epoch, value in pairs if value is not None]
    places = [(scale.across(epoch), scale.up(value, part)) for epoch, value in known]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    line = Markup('<g class="{kind}"><title>{words}</title><polyline points="{points}"/>').format(
        kind=kind, words=words, points=points
    )
    if len(places) <= DOTS:
        dots = (Markup('<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>').format(x=x, y=y) for x, y in places)
        line += Markup("").join(dots)
    return line + Markup("</g>")
