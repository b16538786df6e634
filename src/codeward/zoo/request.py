"""What a pretraining run is asked for and what it gives back, and the refusal of what cannot be done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from codeward.errors import DataError, UsageError
from codeward.files import check_writable
from codeward.zoo import embedded, resolve
from codeward.zoo.shapes import ModelKind

PLAN = "plan.json"
"""What of a run's folder of checkpoints says how many steps it takes."""


class PretrainConfig(BaseModel):
    """How a model is pretrained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ModelKind
    shape: Literal["mini", "base"] = "mini"
    start: str = ""
    """A decoder of the same shape and tokenizer from which an encoder-decoder starts: a folder or ``mini-decoder``; empty: from
    random weights."""
    minutes: float = Field(default=0, ge=0, allow_inf_nan=False)
    """How long to train; the number of steps is set by the speed of the first ones."""
    steps: int = Field(default=0, ge=0)
    """How many steps to take, in place of minutes."""
    batch_tokens: int = Field(default=4096, ge=256)
    """Tokens a step."""
    learning_rate: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of all steps in which the learning rate rises."""
    decay: float = Field(default=0.2, ge=0, le=1)
    """Share of all steps, the last ones, in which it falls to zero."""
    short_length: int = Field(default=128, ge=0)
    """Tokens of a row until the learning rate falls, and whole blocks after; 0: whole blocks always."""
    optimizer: Literal["muon", "adamw"] = "muon"
    seed: int = 0
    judge_every: int = Field(default=250, ge=1)
    """Steps between two measurements, which are also checkpoints."""


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """What a run left behind."""

    curve: list[dict[str, Any]]
    """Accuracy and perplexity by tokens seen and language."""
    tokens: int
    seconds: float
    parameters: int
    unmeasured: list[str]
    """Languages that were trained on, and of which the corpus holds no block by which to judge."""


def check_request(config: PretrainConfig, out: Path) -> None:
    """Refuse, before any work, a run that cannot begin or whose model cannot be written.

    Raises:
        UsageError: If not one of minutes and steps is given, or the start does not suit.
        DataError: If the folder is a file, is not empty, or lies where nobody may write.
    """
    if not config.minutes and not config.steps:
        raise UsageError("nothing says how long to pretrain; give minutes or steps (--minutes or --steps)")
    if config.minutes and config.steps:
        raise UsageError("minutes and steps both say how long to pretrain; give one of them")
    if config.start:
        start_of(config)
    if out.name in ("", ".."):
        raise UsageError(f"{out}: the model needs a folder with a name of its own; give one")
    if out.is_file():
        raise DataError(f"{out}: this is a file; give a folder that is new or empty")
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out}: the folder is not empty; give another one")
    check_writable(work_of(out) / PLAN)


def work_of(out: Path) -> Path:
    """Return where checkpoints and measurements of a run stand."""
    return out.with_name(f".{out.name}.pretraining")


def start_of(config: PretrainConfig) -> str:
    """Return folder or hub name of the decoder that a run starts from; only a name with a slash may be the hub's."""
    if config.kind != "seq2seq":
        raise UsageError("only an encoder-decoder starts from a decoder; leave out start")
    start = resolve(config.start)
    if not Path(start).is_dir() and "/" not in start:
        raise UsageError(
            f"start = {start!r}: this is neither a folder nor a built-in model; give one of {', '.join(embedded())}, or a folder"
        )
    return start
