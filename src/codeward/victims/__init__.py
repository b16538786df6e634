"""Victims: the models under attack. Importing this package loads no torch; loading or training a model does."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from codeward.victims.base import Victim
from codeward.victims.config import TrainConfig, builtin_models, check_name, make_config
from codeward.victims.planted import PlantedVictim

if TYPE_CHECKING:
    from codeward.tasks import Task

__all__ = [
    "PlantedVictim",
    "TrainConfig",
    "Victim",
    "builtin_models",
    "has_fast_bf16",
    "load",
    "made_for",
    "make_config",
]


def load(
    model: str | Path,
    *,
    allow_pickle: bool = False,
    trust_remote_code: bool = False,
    task: "Task | None" = None,
    labels: Sequence[str] = (),
) -> Victim:
    """Load a victim; see ``codeward.victims.loading.load_victim``."""
    from codeward.victims.loading import load_victim

    return load_victim(model, allow_pickle, trust_remote_code, task, tuple(labels))


def has_fast_bf16() -> bool:
    """Whether this machine multiplies bf16 matrices in hardware."""
    from codeward.victims.batching import fast_bf16

    return fast_bf16()


def made_for(model: str | Path) -> str | None:
    """Return the task that a model's folder says it is made for, without loading it; ``None`` where it does not say.

    Raises:
        ModelError: If there is no such model.
    """
    check_name(str(model))
    try:
        about = json.loads((Path(model) / "codeward.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = about.get("task") if isinstance(about, dict) else None
    return found if isinstance(found, str) else None
