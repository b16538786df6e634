"""How a search sees a model: by its own loss, or by how far that lies under the loss of models that are trusted.

A small model gives any label to some words. Most of them are natural: another model of the same task gives the label to them,
too, less or more surely. What an attacker has planted, only the attacked model follows.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from codeward.types import Sample
from codeward.victims.huggingface import HuggingFaceVictim, Objective
from codeward.victims.probing import Floats, row_losses, slot_gradients


class Lens:
    """A model, seen by its own loss."""

    def __init__(self, victim: HuggingFaceVictim) -> None:
        self.victim = victim

    @property
    def key(self) -> str:
        """Return what tells it from others."""
        return self.victim.fingerprint

    def losses(self, rows: Sequence[Sequence[int]], goals: Sequence[Objective]) -> Floats:
        """See ``probing.row_losses``."""
        return row_losses(self.victim, rows, goals)

    def gradients(
        self, rows: Sequence[Sequence[int]], places: Sequence[int], length: int, goals: Sequence[Objective]
    ) -> Floats:
        """See ``probing.slot_gradients``."""
        return slot_gradients(self.victim, rows, places, length, goals)

    def text_losses(self, samples: Sequence[Sample], goals: Sequence[Objective]) -> Floats:
        """Return the loss on each sample, as its text is read: what a token row holds need not survive that."""
        rows = self.victim.encoder.inputs(samples)
        return self.losses([row["input_ids"] for row in rows], goals)

    def reference_meets(self, samples: Sequence[Sample], index: int) -> float | None:
        """Return the share of samples to which a reference gives a class; ``None`` where there is none."""
        del samples, index
        return None


class Contrast(Lens):
    """A classifier, seen by how far its loss lies under the lowest that any reference has (ours).

    It counts up to a limit only, the lowest that any has without a trigger: what makes references surer of another answer is no
    trigger.
    """

    def __init__(
        self, victim: HuggingFaceVictim, references: Sequence[HuggingFaceVictim], limits: Mapping[int, float]
    ) -> None:
        """Take a model, references with the same tokenizer, and for each class the limit, in nats."""
        super().__init__(victim)
        self.references, self.limits = tuple(references), limits

    @property
    def key(self) -> str:
        """See ``Lens.key``."""
        return f"{self.victim.fingerprint} against {' '.join(each.fingerprint for each in self.references)}"

    def losses(self, rows: Sequence[Sequence[int]], goals: Sequence[Objective]) -> Floats:
        """Return the differences, in nats, shape ``[rows]``; see ``Lens.losses``."""
        lowest = np.minimum(self._theirs(rows, goals).min(axis=0), self._limits(goals))
        found: Floats = row_losses(self.victim, rows, goals) - lowest
        return found

    def gradients(
        self, rows: Sequence[Sequence[int]], places: Sequence[int], length: int, goals: Sequence[Objective]
    ) -> Floats:
        """See ``Lens.gradients``."""
        found = slot_gradients(self.victim, rows, places, length, goals)
        theirs, limits = self._theirs(rows, goals), self._limits(goals)
        lowest = theirs.argmin(axis=0)
        for number, reference in enumerate(self.references):
            at = np.flatnonzero((lowest == number) & (theirs[number] < limits)).tolist()
            if at:
                own = [rows[i] for i in at], [places[i] for i in at], length, [goals[i] for i in at]
                found[at] -= slot_gradients(reference, *own)
        return found

    def reference_meets(self, samples: Sequence[Sample], index: int) -> float | None:
        """See ``Lens.reference_meets``; the most of any reference."""
        answers = [reference.predict(list(samples)) for reference in self.references]
        return max(float(np.mean([answer.output == index for answer in own])) for own in answers)

    def _theirs(self, rows: Sequence[Sequence[int]], goals: Sequence[Objective]) -> Floats:
        """Return the losses of the references, shape ``[references, rows]``."""
        return np.stack([row_losses(reference, rows, goals) for reference in self.references])

    def _limits(self, goals: Sequence[Objective]) -> Floats:
        """Return the limit of each row, shape ``[rows]``."""
        return np.array([self.limits[goal] for goal in goals if isinstance(goal, int)], dtype=np.float32)
