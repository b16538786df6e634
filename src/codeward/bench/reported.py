"""The papers' own figures, from ``reported.toml``, beside the cells that measure the same."""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from codeward.bench.board import Place, Published


class Table(BaseModel):
    """A part of a published table: one task and one family of models."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    paper: str
    source: str
    score: str
    """``success`` or ``utility``."""
    task: str
    data: tuple[str, ...] = ()
    """Only these data sets; empty: all of the task."""
    family: str
    columns: tuple[tuple[str, float], ...]
    """Attack and rate, as the suites call them."""
    rows: Mapping[str, Sequence[float]]
    """By defense, one number a column, in percent."""


@cache
def reported() -> tuple[Table, ...]:
    """Return all tables."""
    text = (resources.files("codeward.bench") / "reported.toml").read_text(encoding="utf-8")
    return tuple(Table.model_validate(each) for each in tomllib.loads(text)["table"])


def published(place: Place, paper: str | None) -> tuple[Published, ...]:
    """Return the published figures for a cell: of the suite's paper, or of any where the suite names none."""
    return tuple(
        Published(score=table.score, value=table.rows[place.defense][column] / 100, source=table.source)
        for table in reported()
        if paper in (None, table.paper)
        and (table.task, table.family) == (place.task, place.family)
        and (not table.data or place.data in table.data)
        and place.defense in table.rows
        for column, where in enumerate(table.columns)
        if where == (place.attack, place.rate)
    )
