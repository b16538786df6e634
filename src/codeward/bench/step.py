"""One step of a grid: what is done, with which settings, to the results of which other steps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from codeward import __version__

REFERENCE = "reference-"
"""What the roles of a scan's references begin with."""
Kind = Literal["source", "unlabeled", "poison", "train", "audit", "scan", "repair", "evaluate"]
RECIPES: Mapping[Kind, int] = {
    "source": 1,
    "unlabeled": 1,
    "poison": 3,
    "train": 2,
    "audit": 2,
    "scan": 8,
    "repair": 5,
    "evaluate": 6,
}
"""The version of each kind of step, raised when its results change: what was kept of an older one is not used again."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step; two of the same content are one."""

    kind: Kind
    settings: Mapping[str, Any]
    """JSON values; a file that a step reads is in them by the hash of its content."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """The keys of the steps whose results are read, by their role."""
    label: str = field(default="", compare=False)
    """What a person calls it."""

    @property
    def key(self) -> str:
        """Hash of all that the result depends on: 20 hexadecimal digits."""
        whole = {
            "codeward": __version__,
            "recipe": RECIPES[self.kind],
            "kind": self.kind,
            "settings": {name: value for name, value in self.settings.items() if not name.startswith("_")},
            "inputs": dict(self.inputs),
        }
        text = json.dumps(whole, sort_keys=True, ensure_ascii=False)
        return f"{self.kind}-{blake2b(text.encode(errors='surrogatepass'), digest_size=10).hexdigest()}"

    def as_json(self) -> dict[str, Any]:
        """Return the step as JSON values."""
        return {"kind": self.kind, "settings": dict(self.settings), "inputs": dict(self.inputs), "label": self.label}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Step":
        """Return the step that ``as_json`` wrote."""
        return cls(row["kind"], row["settings"], row["inputs"], row["label"])
