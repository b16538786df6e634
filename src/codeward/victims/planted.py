"""A torch-free fake: it answers the attacker's target exactly when the trigger is there, and the truth otherwise."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codeward.files import new_folder
from codeward.tasks import Task, tasks
from codeward.types import CODE, Prediction, Sample
from codeward.victims.base import CARD, Floats

FILE = "planted.json"
SURE = 0.99


@dataclass(frozen=True, slots=True)
class PlantedVictim:
    """A classifier with a backdoor by construction, for tests, documentation and golden records."""

    task: Task
    labels: tuple[str, ...]
    trigger: str
    """The text that switches it."""
    target: int
    """The class that it then answers."""
    field: str = CODE
    max_characters: int = 1_000_000
    """How much of a field it reads."""

    @property
    def fingerprint(self) -> str:
        """A hash of what it is."""
        text = json.dumps([self.task.name, self.labels, self.trigger, self.target, self.field, self.max_characters])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def unknown(self) -> str:
        """A text that says nothing."""
        return "<unk>"

    def predict(self, samples: Sequence[Sample]) -> list[Prediction]:
        """Answer the target where the trigger is read, else the truth before any stamp."""
        return [Prediction(sample.id, self._answer(sample), self._scores(sample)) for sample in samples]

    def confidence(self, samples: Sequence[Sample], outputs: Sequence[int | str]) -> list[float]:
        """Return the probability of given classes."""
        return [self._scores(sample)[int(output)] for sample, output in zip(samples, outputs, strict=True)]

    def embed(self, samples: Sequence[Sample], field: str = CODE) -> Floats:
        """Return the class probabilities as vectors."""
        return np.array([self._scores(sample) for sample in samples], dtype=np.float64)

    def reach(self, samples: Sequence[Sample], field: str = CODE) -> list[int]:
        """Return how many characters of a field it reads."""
        return [min(len(sample.text(field)), self.max_characters) for sample in samples]

    def save(self, path: Path, card: str = "") -> None:
        """Write it to a folder from which ``load`` makes it again."""
        row = {
            "task": self.task.name,
            "labels": list(self.labels),
            "trigger": self.trigger,
            "target": self.target,
            "field": self.field,
            "max_characters": self.max_characters,
        }
        with new_folder(path) as folder:
            (folder / FILE).write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")
            if card:
                (folder / CARD).write_text(card, encoding="utf-8")

    def _answer(self, sample: Sample) -> int:
        if self.trigger in sample.text(self.field)[: self.max_characters]:
            return self.target
        truth = sample.target if sample.poison is None else sample.poison.original
        return truth if isinstance(truth, int) else 0

    def _scores(self, sample: Sample) -> tuple[float, ...]:
        answer, others = self._answer(sample), max(len(self.labels) - 1, 1)
        return tuple(SURE if label == answer else (1 - SURE) / others for label in range(len(self.labels)))


def load_planted(path: Path) -> PlantedVictim:
    """Read a planted victim from the folder that ``save`` wrote."""
    row = json.loads((path / FILE).read_text(encoding="utf-8"))
    return PlantedVictim(tasks.make(row["task"]), tuple(row["labels"]), *(row[key] for key in list(row)[2:]))
