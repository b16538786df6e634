"""A suite: a short TOML file that says which data, models, attacks, rates, defenses and seeds are measured against each other."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codeward.errors import DataError, UnknownNameError

NONE = "none"
"""The attack that does nothing, and the defense that does nothing."""
Stage = Literal["none", "data", "training", "model", "input"]
Rate = Annotated[float, Field(gt=0, le=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataSpec(_Table):
    """A data set, and how much of it is used."""

    path: str | None = None
    """Its folder, relative to ``--data``; unset: functions are harvested from the running Python's library."""
    layout: str | None = None
    task: str | None = None
    train: int = Field(default=4000, ge=1)
    """Rows of each split at most, drawn by the seed of the suite."""
    valid: int = Field(default=250, ge=1)
    """Clean rows that the defenses are given."""
    test: int = Field(default=1000, ge=1)
    training: dict[str, Any] = {}
    """Fields of the training configuration that these rows need, over those of the model."""


class ModelSpec(_Table):
    """A model, and how it is trained."""

    family: str = ""
    """What the published tables call such a model, such as ``encoder``."""
    train: dict[str, Any] = {}
    """Fields of the training configuration."""


class AttackSpec(_Table):
    """An attack."""

    attack: str | None = None
    """Its registered name; unset: the name of the table."""
    options: dict[str, Any] = {}
    payload: str | None = None
    payload_options: dict[str, Any] = {}


class DefenseSpec(_Table):
    """A defense of any stage; ``none`` is the undefended victim."""

    defense: str | None = None
    """Its registered name; unset: the name of the table."""
    stage: Stage | None = None
    """Needed only where two stages have a defense of that name."""
    options: dict[str, Any] = {}
    clean: bool = False
    """Whether a data defense is given clean rows, too."""


class Block(_Table):
    """A part of the grid: every combination of what it names; what it leaves out is all that the suite has."""

    data: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()
    defenses: tuple[str, ...] = ()
    rates: tuple[Rate, ...] = ()
    seeds: tuple[int, ...] = ()


class Note(_Table):
    """A sentence on why a group of cells departs from the published figures; what it leaves out fits everything."""

    text: str
    data: str | None = None
    model: str | None = None
    attack: str | None = None
    defense: str | None = None


class Suite(_Table):
    """What is measured."""

    name: str
    title: str = ""
    paper: str | None = None
    """Whose published figures stand beside ours; see ``reported.toml``."""
    seeds: tuple[int, ...] = (0,)
    rates: tuple[Rate, ...] = (0.05,)
    protected: int = Field(default=300, ge=1)
    """Test rows on which input defenses are measured at most; they ask the model many times for each."""
    include: tuple[str, ...] = ()
    """Suites whose tables and grids are taken in."""
    data: dict[str, DataSpec] = {}
    models: dict[str, ModelSpec] = {}
    attacks: dict[str, AttackSpec] = {}
    defenses: dict[str, DefenseSpec] = {NONE: DefenseSpec()}
    grid: tuple[Block, ...] = ()
    """Empty: every combination."""
    notes: tuple[Note, ...] = ()


def builtin_suites() -> dict[str, Path]:
    """Return the suites that come with Codeward: name and file."""
    folder = Path(str(resources.files("codeward.bench") / "suites"))
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def read_suite(name: str) -> Suite:
    """Read a suite by the name of a built-in one or from a file.

    Raises:
        UnknownNameError: If it is neither.
        DataError: If the file is not a suite; the sentence says where.
    """
    known = builtin_suites()
    file = known.get(name, Path(name))
    if not file.is_file():
        raise UnknownNameError("suite", name, known)
    try:
        suite = Suite.model_validate({"name": file.stem, **tomllib.loads(file.read_text(encoding="utf-8"))})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise DataError(f"{file}: not TOML: {problem}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{file}: {where}: {first['msg']}") from None
    _check_names(file, suite)
    suite = suite.model_copy(update={"grid": _complete(suite)})
    for each in suite.include:
        suite = _taken_in(file, suite, read_suite(each))
    if not suite.grid:
        raise DataError(f"{file}: it needs data, models and attacks, or suites to include")
    return suite


def _complete(suite: Suite) -> tuple[Block, ...]:
    """Return the grid with every block naming all that it means."""
    whole = {noun: tuple(getattr(suite, noun)) for noun in ("data", "models", "attacks", "defenses", "rates", "seeds")}
    if not (suite.data and suite.models and suite.attacks):
        return ()
    return tuple(
        Block.model_validate({noun: getattr(block, noun) or names for noun, names in whole.items()})
        for block in suite.grid or (Block(),)
    )


def _taken_in(file: Path, suite: Suite, other: Suite) -> Suite:
    """Return a suite with the tables and the grid of another.

    Raises:
        DataError: If the two mean different things by one name.
    """
    merged: dict[str, Any] = {"grid": suite.grid + other.grid, "notes": suite.notes + other.notes}
    for noun in ("data", "models", "attacks", "defenses"):
        ours, theirs = getattr(suite, noun), getattr(other, noun)
        unlike = [name for name in ours if name in theirs and ours[name] != theirs[name]]
        if unlike:
            raise DataError(f"{file}: suite {other.name!r} means something else by {noun} {unlike[0]!r}; rename it")
        merged[noun] = {**ours, **theirs}
    merged["protected"] = min(suite.protected, other.protected)
    return suite.model_copy(update=merged)


def _check_names(file: Path, suite: Suite) -> None:
    known: Mapping[str, Mapping[str, object]] = {
        "data": suite.data,
        "models": suite.models,
        "attacks": suite.attacks,
        "defenses": suite.defenses,
    }
    for number, block in enumerate(suite.grid, start=1):
        for noun, allowed in known.items():
            for name in getattr(block, noun):
                if name not in allowed:
                    raise DataError(f"{file}: grid {number}: {UnknownNameError(noun, name, allowed)}")
