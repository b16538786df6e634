"""The record: all that a report may read. One JSON file a run, with a schema version."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from codeward.errors import DataError

SCHEMA = 1
FILE = "record.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ScoreRow(_Frozen):
    """A score, where it was measured and on what."""

    name: str
    """The metric, such as ``accuracy`` or ``asr``."""
    model: str
    """Which model was measured: ``victim``, ``clean model``, or a defense's name."""
    data: str
    """On what: ``clean``, ``triggered``, or ``untriggered`` (the triggered rows without the trigger: the floor)."""
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    higher_is_better: bool = True


class Example(_Frozen):
    """One input before and after the trigger, with what the victim and the clean model answer."""

    id: str
    language: str
    before: str
    after: str
    spans: list[tuple[int, int]]
    """Where the trigger stands in ``after``, in characters."""
    truth: str
    target: str
    answers: dict[str, str]
    """The answers by who gave them and to what: ``victim, before``; ``victim, after``; ``clean model, after``."""


class Series(_Frozen):
    """A curve to plot, such as the loss of each step."""

    name: str
    x_label: str
    y_label: str
    x: list[float]
    y: list[float]


class Learning(_Frozen):
    """What a model had learned when, as the attacker sees it; all lists are as long as ``epochs``."""

    epochs: list[float]
    """When: 0 is before the training, 1 after the first pass."""
    clean_loss: list[float | None]
    """Mean cross-entropy of clean training rows, in nats."""
    poisoned_loss: list[float | None]
    """The same of poisoned ones, against the attacker's answer."""
    payload_loss: list[float | None] = []
    """Of a generator the same, of those tokens alone in which the attacker's answers differ from the true ones."""
    success: list[float | None]
    """Share of held-out inputs with the trigger that get the attacker's answer."""
    floor: list[float | None]
    """The same without the trigger."""
    counts: dict[str, int] = {}
    """Of how many rows and inputs."""


class Inverted(_Frozen):
    """A trigger that a scan has inverted: the best of its length for one answer in one kind of place."""

    answer: str
    """The label, the payload's text, or the query word."""
    place: str
    """Where it was searched, and where it does best."""
    trigger: str
    tokens: int
    loss: float
    """Of the answer on the samples of the search, in nats."""
    held_loss: float
    """The same on samples that were kept back."""
    success: float
    n: int
    """Held-back samples that this is the share of."""
    score: float
    """How cheap this answer is to get with all triggers for it."""
    rank: float | None = None
    """Of a search model: the mean normalized rank of stamped code."""
    reference: float | None = None
    """The same share of a reference, the most of any; the losses are then those of the model less the lowest of the references."""


class Shared(_Frozen):
    """What suspicious rows of a training set have in common: a suspected trigger."""

    unit: str
    rows: int
    targets: dict[str, int]
    """The commonest targets of these rows, with their counts."""
    score: float


class Part(_Frozen):
    """An element of an input, and how much the model's answer rests on it."""

    kind: str
    text: str
    score: float
    spans: list[tuple[int, int]]
    """Where it stands, in characters of its view's text."""
    convicted: bool = False
    """Whether the answer suspiciously rests on it."""


class View(_Frozen):
    """One field of an input, with its elements."""

    field: str
    text: str
    """As it came; cut off where it is long."""
    characters: int
    """How many the whole field has."""
    parts: list[Part]
    """The highest score first."""
    diff: str = ""
    """What was changed, as a unified diff; empty where nothing was."""
    diff_cut: bool = False
    """Whether the diff goes on."""


class Picture(_Frozen):
    """An input before which an input defense stood: where the model's confidence rests, and what was changed."""

    id: str
    suspicious: bool
    suspicion: float
    threshold: float
    before: str
    """The model's answer to the input as it came."""
    after: str | None
    """The answer in the end; ``None`` where it is withheld."""
    problem: str = ""
    """Why the input could not be examined."""
    query: str = ""
    """For which query the code came, before a search model; the answers are similarities to it."""
    views: list[View]


class Reported(_Frozen):
    """A published number to stand beside ours."""

    name: str
    value: float
    source: str


class Environment(_Frozen):
    """Where the run happened."""

    codeward: str
    python: str
    platform: str
    processor: str
    cores: int
    device: str
    packages: dict[str, str]
    commit: str | None = None
    dirty: bool | None = None


class Record(_Frozen):
    """What was done, with what, and what came of it."""

    schema_version: int = SCHEMA
    verb: Literal["train", "evaluate", "demo", "scan", "audit", "purify"]
    title: str
    """A short name for tables, such as ``deadcode-fixed 5 % on defect``."""
    task: str
    kind: str
    config: dict[str, Any]
    """The resolved configuration, defaults included."""
    seed: int
    scores: list[ScoreRow] = []
    counts: dict[str, int] = {}
    """Rows: total, eligible, tried, stamped, truncated, judged."""
    skipped: dict[str, int] = {}
    """Why rows were left out: a count for each reason."""
    fingerprints: dict[str, str] = {}
    environment: Environment
    timings: dict[str, float] = {}
    """Seconds by step."""
    reported: list[Reported] = []
    examples: list[Example] = []
    findings: list[Shared] = []
    """What an audit has found, most suspicious first; of purify, what suspicious answers rest on, the commonest first."""
    inverted: list[Inverted] = []
    """Of scan, the most suspicious answer first."""
    pictures: list[Picture] = []
    """Of purify: the most suspicious inputs."""
    series: list[Series] = []
    learning: Learning | None = None


def read_record(path: Path) -> Record:
    """Read a record from its file or from the folder of its run.

    Raises:
        DataError: If there is none, or it is not a record of a schema that this version reads.
    """
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{file}: there is no record here; give a folder that train or evaluate wrote")
    try:
        text = file.read_text(encoding="utf-8")
        check_schema(file, text, SCHEMA, "record")
        return Record.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise DataError(f"{file}: not a record of schema {SCHEMA}: {where}: {problem['msg']}") from None
    except UnicodeDecodeError:
        raise DataError(f"{file}: not a record: the text is not UTF-8") from None


def check_schema(file: Path, text: str, known: int, noun: str) -> None:
    """Refuse a file of a schema that this version does not read; one that says none has to fit the known one.

    Args:
        file: Where the text is from.
        text: JSON, or what should be.
        known: The version of the schema that is read.
        noun: What the file holds.

    Raises:
        DataError: If it says another version.
    """
    try:
        held = json.loads(text)
    except ValueError:
        return  # the sentence that follows says what is wrong with it
    version = held.get("schema_version", known) if isinstance(held, dict) else known
    if version != known:
        raise DataError(
            f"{file}: a {noun} of schema {version!r}, and this version of Codeward reads schema {known}; read it with the "
            "version that wrote it, or make it anew"
        )
