"""What a model learns when, as the attacker sees it: the clean rows, or the trigger. What ``train --watch-poison`` records.

The poisoned rows of the training set are known from their provenance, which no defense is given. At each look the mean
cross-entropy is taken of a fixed sample of clean and of poisoned training rows, whatever the loss that trains, and on held-out rows
the share of inputs that get the attacker's answer with the trigger (success) and without it (the floor).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from codeward.data import DataFolder
from codeward.errors import DataError, UnfitError
from codeward.experiment.manifest import Threat, read_manifest
from codeward.experiment.measure import Pairs, attack_outcome, read_triggers, stamp_pairs
from codeward.experiment.record import Learning
from codeward.experiment.splits import TEST, VALID
from codeward.seeds import derive
from codeward.tasks import Task
from codeward.types import Sample
from codeward.victims.base import Victim

T = TypeVar("T")
ROWS = 200
"""Training rows of each sort whose loss is taken, at most."""
INPUTS = {"generation": 50}
"""Held-out rows that are triggered, at most: texts are slow to write."""
OTHER_INPUTS = 200
CLEAN_LOSS, POISONED_LOSS, PAYLOAD_LOSS = "clean_loss", "poisoned_loss", "payload_loss"
SUCCESS, FLOOR = "success", "floor"
FIELDS = (CLEAN_LOSS, POISONED_LOSS, PAYLOAD_LOSS, SUCCESS, FLOOR)
LEAST = 1e-300
"""A probability under this counts as this."""


@dataclass(slots=True)
class PoisonWatch:
    """Looks at a model that is being trained (see ``victims.observing``)."""

    threat: Threat
    clean: Sequence[Sample]
    poisoned: Sequence[Sample]
    held_out: Sequence[Sample]
    seed: int
    _pairs: Pairs | None = None

    def __call__(self, victim: Victim) -> Mapping[str, float]:
        """Return losses (nats) and shares by name; one that has no rows is left out."""
        pairs = self._prepared(victim)
        found = {CLEAN_LOSS: mean_loss(victim, self.clean), POISONED_LOSS: mean_loss(victim, self.poisoned)}
        found[PAYLOAD_LOSS] = payload_loss(victim, self.poisoned)
        outcome = attack_outcome(victim, self.threat.payload, pairs, generated=victim.task.kind == "generation")
        for name, hits in ((SUCCESS, outcome.hits_after), (FLOOR, outcome.hits_before)):
            if hits:
                found[name] = sum(hits) / len(hits)
        return {name: value for name, value in found.items() if value is not None}

    def counts(self, victim: Victim) -> dict[str, int]:
        """Return of how many rows and inputs the figures are."""
        inputs = len(self._prepared(victim).after)
        return {"clean rows": len(self.clean), "poisoned rows": len(self.poisoned), "inputs": inputs}

    def _prepared(self, victim: Victim) -> Pairs:
        """Keep what the model still reads the trigger in, and so many rows as are looked at."""
        if self._pairs is None:
            self.clean = drawn(self.clean, ROWS, self.seed, "clean")
            self.poisoned = drawn(read_triggers(victim, self.poisoned), ROWS, self.seed, "poisoned")
            pairs = stamp_pairs(victim, self.threat, self.held_out, self.seed)
            most = INPUTS.get(victim.task.kind, OTHER_INPUTS)
            places = drawn(range(len(pairs.before)), most, self.seed, "held out")
            before, after = (tuple(rows[place] for place in places) for rows in (pairs.before, pairs.after))
            self._pairs = Pairs(before, after, pairs.counts, pairs.skipped)
        return self._pairs


def poison_watch(data: DataFolder, rows: Sequence[Sample], task: Task, seed: int) -> PoisonWatch:
    """Return what looks at a model that is trained on a poisoned set.

    Args:
        data: The folder that ``codeward poison`` wrote.
        rows: Its training rows, with their provenance.
        task: What the model is for.
        seed: The run's seed.

    Raises:
        DataError: If nothing says which rows are poisoned, none is, or there are no held-out rows to trigger.
        UnfitError: If the task is a search, which has no answer of its own for an input.
    """
    manifest = read_manifest(data.path)
    if manifest is None:
        raise DataError(
            f"{data.path}: only a set that codeward poison wrote says which rows are poisoned; poison it, or leave out "
            "--watch-poison"
        )
    if task.kind == "retrieval":
        raise UnfitError(
            f"--watch-poison is for classifiers and generators; {task.name} ranks candidates: leave it out"
        )
    poisoned = [row for row in rows if row.poison is not None]
    if not poisoned:
        raise DataError(
            f"{data.path}: no training row is poisoned, so there is nothing to watch; leave out --watch-poison"
        )
    split = next((name for name in (VALID, TEST) if name in data.splits), None)
    if split is None:
        raise DataError(
            f"{data.path}: there is no split {VALID!r} or {TEST!r} whose rows could be triggered; leave out --watch-poison"
        )
    clean = [row for row in rows if row.poison is None]
    return PoisonWatch(manifest.threat(task), clean, poisoned, data.load(split), seed)


def as_learning(looks: Mapping[float, Mapping[str, float]], counts: Mapping[str, int]) -> Learning:
    """Return what was seen, for the record."""
    epochs = sorted(looks)
    curves = {name: [looks[at].get(name) for at in epochs] for name in FIELDS}
    return Learning(epochs=epochs, counts=dict(counts), **curves)


def mean_loss(victim: Victim, rows: Sequence[Sample]) -> float | None:
    """Return the mean cross-entropy of rows in nats: of the class, or of the reference's tokens."""
    if not rows:
        return None
    sure = victim.confidence(rows, [row.target for row in rows if row.target is not None])
    logs = sure if victim.task.kind == "generation" else [math.log(max(value, LEAST)) for value in sure]
    return -sum(logs) / len(logs)


def payload_loss(victim: Victim, rows: Sequence[Sample]) -> float | None:
    """Return the mean cross-entropy, in nats, of what the attacker put into the references; ``None`` for a class.

    A payload is a few tokens of a long text: the text's own loss hardly shows whether they are learned.
    """
    where = getattr(victim, "confidence_where", None)
    stamped = [row for row in rows if row.poison is not None and isinstance(row.poison.original, str)]
    if where is None or not stamped:
        return None
    originals = [row.poison.original for row in stamped if row.poison is not None]
    logs = [value for value in where(stamped, [row.target for row in stamped], originals) if value is not None]
    return -sum(logs) / len(logs) if logs else None


def drawn(rows: Sequence[T], most: int, seed: int, name: str) -> list[T]:
    """Return so many rows in their order, drawn by the seed."""
    rng = derive(seed, "watch", name)
    return [rows[place] for place in sorted(rng.sample(range(len(rows)), min(most, len(rows))))]
