"""The manifest of a poisoned data set: what was done to it, how much of it, and from which data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from codeward.attacks import Attack, attacks
from codeward.attacks.payloads import Payload, payloads
from codeward.errors import DataError, UsageError
from codeward.tasks import Task

FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Threat:
    """An attack with its payload: all that is needed to stamp a set and to say whether a stamp worked."""

    attack: Attack
    payload: Payload

    @classmethod
    def make(
        cls,
        task: Task,
        attack: str,
        options: Mapping[str, object] | None = None,
        payload: str | None = None,
        payload_options: Mapping[str, object] | None = None,
    ) -> "Threat":
        """Build a threat by names; the payload defaults to the task's.

        Raises:
            UnknownNameError: If a name is not registered.
            OptionError: If an option does not exist or does not take its value.
            UsageError: If the payload does not suit the task's kind.
        """
        name = payload or task.payload
        made = payloads.make(name, payload_options)
        if task.kind not in made.kinds:
            fitting = [known for known in payloads.names() if task.kind in payloads.get(known).kinds]
            raise UsageError(
                f"payload {name!r} does not suit task {task.name!r} ({task.kind}); choose one of: {', '.join(fitting)}"
            )
        return cls(attacks.make(attack, options), made)

    @property
    def name(self) -> str:
        """The attack's registered name."""
        return attacks.name_of(self.attack)

    def settings(self) -> dict[str, Any]:
        """Return names and resolved options as JSON values."""
        return {
            "attack": self.name,
            "options": attacks.settings(self.attack),
            "payload": payloads.name_of(self.payload),
            "payload_options": payloads.settings(self.payload),
        }


class Manifest(BaseModel):
    """What stands in ``manifest.json`` beside a poisoned set."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    schema_version: int = 1
    task: str
    attack: str
    options: dict[str, Any]
    """The attack's resolved options, what it learned from the training set included."""
    payload: str
    payload_options: dict[str, Any]
    rate: float
    """Share of all training rows that were stamped, as asked."""
    rate_eligible: float | None
    """The same number of rows as a share of the eligible ones."""
    seed: int
    total: int
    eligible: int
    tried: int
    stamped: int
    skipped: dict[str, int]
    """Why rows were left out: a count for each reason."""
    source: str
    """The data set that was poisoned."""
    fingerprints: dict[str, str]
    """``before`` and ``after``: content hashes of the training rows."""
    codeward: str

    def threat(self, task: Task) -> Threat:
        """Rebuild the attack and payload, to stamp test rows as the training rows were."""
        return Threat.make(task, self.attack, self.options, self.payload, self.payload_options)


def read_manifest(folder: Path) -> Manifest | None:
    """Read a data folder's manifest; ``None`` where the folder was not poisoned by Codeward.

    Raises:
        DataError: If there is a manifest and it cannot be read.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        return Manifest.model_validate_json(file.read_text(encoding="utf-8"))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the file"
        raise DataError(f"{file}: not a manifest that this version reads: {where}: {problem['msg']}") from None
