"""95 % intervals: Wilson for proportions, a seeded bootstrap for everything else."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

REPLICATES = 1000
BATCH = 2_000_000

Array = npt.NDArray[np.float64]


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion (Wilson, JASA 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(successes, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def bootstrap(rows: Array, statistic: Callable[[Array], float]) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic over resampled rows; the same rows give the same interval.

    Args:
        rows: One row a case, shape ``[n, k]``.
        statistic: From resampled rows, shape ``[n, k]``, to a number.
    """
    rows = rows[np.lexsort(rows.T[::-1])]
    generator = np.random.default_rng(0)
    values = [statistic(rows[generator.integers(0, len(rows), len(rows))]) for _ in range(REPLICATES)]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap_mean(values: Array) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean, resampled in batches."""
    values = np.sort(values)
    generator = np.random.default_rng(0)
    size = max(1, BATCH // len(values))
    means: list[Array] = []
    for start in range(0, REPLICATES, size):
        count = min(size, REPLICATES - start)
        means.append(values[generator.integers(0, len(values), (count, len(values)))].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)
