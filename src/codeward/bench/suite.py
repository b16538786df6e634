"""A suite: a short TOML file that says which data, models, attacks, rates, defenses and seeds are measured against each other."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

NONE = "none"
"""The attack that does nothing, and the defense that does nothing."""
Stage = Literal["none", "data", "training", "model", "input"]
Rate = Annotated[float, Field(gt=0, le=1)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Rates = Annotated[tuple[Rate, ...], Field(min_length=1)]
Seeds = Annotated[tuple[int, ...], Field(min_length=1)]
"""What is written holds something: an empty list would silently mean nothing, or all. (What is left out is no list.)"""


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
    unlabeled: int = Field(default=4000, ge=1)
    """Inputs without labels at most, for repairs that want them: of the rows for training those that are not drawn."""
    unlabeled_path: str | None = None
    """Another data set that they are taken from, relative to ``--data``; it has to have the same task."""
    reference_path: str | None = None
    """A data set of whoever defends, relative to ``--data``: models trained on it are the references of scans that want some."""
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
    references: int = Field(default=0, ge=0)
    """How many references a model defense is given: models of the same kind, trained on what ``reference_path`` names."""
    student: str | None = None
    """A model defense of the suite, such as ``distillation``, that makes one more reference of each victim."""


class Block(_Table):
    """A part of the grid: every combination of what it names; what it leaves out is all that the suite has."""

    data: Names = ()
    models: Names = ()
    attacks: Names = ()
    defenses: Names = ()
    rates: Rates = ()
    seeds: Seeds = ()


class Zoo(_Table):
    """Clean and backdoored models that detectors judge; attack, rate, target and rows are drawn for each by seed.

    The design of TrojAI's rounds (Karra et al., arXiv 2003.07233). What is left out is all that the suite has.
    """

    clean: int = Field(default=20, ge=0)
    """How many clean models."""
    backdoored: int = Field(default=20, ge=0)
    data: Names = ()
    """A zoo for each."""
    models: Names = ()
    """They take turns."""
    attacks: Names = ()
    rates: Rates = ()
    targets: Names = ()
    """Classes that backdoors serve; empty: all that the data set names."""
    detectors: Names = ()
    """Those of the suite's defenses that judge models."""
    seeds: Seeds = ()


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
    seeds: Seeds = (0,)
    rates: Rates = (0.05,)
    protected: int = Field(default=300, ge=1)
    """Test rows on which input defenses are measured at most; they ask the model many times for each."""
    include: tuple[str, ...] = ()
    """Suites whose tables and grids are taken in."""
    data: dict[str, DataSpec] = {}
    models: dict[str, ModelSpec] = {}
    attacks: dict[str, AttackSpec] = {}
    defenses: Annotated[dict[str, DefenseSpec], Field(min_length=1)] = {NONE: DefenseSpec()}
    grid: tuple[Block, ...] = ()
    """Empty: every combination, or nothing where there is a zoo."""
    zoo: tuple[Zoo, ...] = ()
    notes: tuple[Note, ...] = ()
