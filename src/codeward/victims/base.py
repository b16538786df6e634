"""What a victim is: all that attacks are measured on and that defenses may ask of a model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from codeward.tasks import Task
from codeward.types import CODE, Prediction, Sample

Floats = npt.NDArray[np.float64]

CARD = "README.md"
"""A model card, in a model's folder."""


class Victim(Protocol):
    """A model for one task. Results come in the order of the samples, whatever the batching."""

    @property
    def task(self) -> Task:
        """The task it is made for."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names by index; empty for generation and retrieval."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of weights and configuration: 16 hexadecimal digits."""
        ...

    @property
    def unknown(self) -> str:
        """The text that the model reads as one token that says nothing."""
        ...

    def predict(self, samples: Sequence[Sample]) -> list[Prediction]:
        """Answer every sample; for retrieval, rank the samples' own codes for each query."""
        ...

    def confidence(self, samples: Sequence[Sample], outputs: Sequence[int | str]) -> list[float]:
        """Return how sure the model is of given outputs.

        The probability of a class; the mean log-likelihood of a text's tokens; for retrieval, the cosine similarity of
        query and code, whatever the output.
        """
        ...

    def embed(self, samples: Sequence[Sample], field: str = CODE) -> Floats:
        """Return one vector a sample, shape ``[n, hidden]``; for retrieval, of the code or of the query."""
        ...

    def reach(self, samples: Sequence[Sample], field: str = CODE) -> list[int]:
        """Return for each sample how many characters of a field survive truncation."""
        ...

    def save(self, path: Path, card: str = "") -> None:
        """Write the model to a folder, with a model card if one is given, whole or not at all."""
        ...
