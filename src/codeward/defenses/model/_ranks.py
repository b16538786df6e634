"""How high codes rank for queries: what a trigger of a search model is judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
TOP = 0.1
"""A code among so many of a query's first (as a share of the pool) is found."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Queries, and how near the codes of a pool are to each."""

    queries: Floats = field(compare=False)
    """Unit vectors, ``[queries, hidden]``."""
    pool: Floats = field(compare=False)
    """Similarities of each query to all codes, rising, ``[queries, codes]``."""

    def ranks(self, codes: Floats) -> Floats:
        """Return the normalized rank of each code for each query (1: the last), as if it stood in the pool.

        Args:
            codes: Unit vectors, ``[codes, hidden]``.

        Returns:
            Shape ``[codes, queries]``.
        """
        near = codes @ self.queries.T
        size = self.pool.shape[1]
        above = [size - np.searchsorted(row, near[:, at], side="right") for at, row in enumerate(self.pool)]
        found: Floats = np.minimum((1 + np.stack(above, axis=1)) / size, 1.0)
        return found


def outlying(values: Sequence[float]) -> list[float]:
    """Return how far each value lies above the others: the modified z-score (Iglewicz and Hoaglin, 1993).

    The distance from the median, over the median absolute deviation, which times 1.4826 is a normal distribution's deviation.
    """
    numbers = np.asarray(values, dtype=np.float64)
    middle = float(np.median(numbers))
    spread = 1.4826 * float(np.median(np.abs(numbers - middle)))
    return [float(each - middle) / max(spread, 1e-9) for each in numbers]
