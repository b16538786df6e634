"""The constants of deceptive cross-entropy in one epoch; the formulas stand in ``_deceptive_rows``."""

import math

import torch

COLUMNS = 4
"""Columns whose u are multiplied before the logarithm is taken, at most."""


class Mixture:
    """What an epoch mixes, and how a row's label is smoothed over so many classes.

    Args:
        share: The model's share, in [0, 1].
        smoothing: The label's share that goes to all classes alike, in [0, 1).
        classes: How many there are, one at least.
        dtype: In which the losses are computed; smoothing that it cannot hold counts as none.
    """

    def __init__(self, share: float, smoothing: float, classes: int, dtype: torch.dtype) -> None:
        if share < 1 and (1 - share) * smoothing / classes < 4 * torch.finfo(dtype).tiny:  # 1 / that is finite, too
            smoothing = 0.0
        self.share, self.smoothing = share, smoothing
        self.other = smoothing / classes
        self.label = 1 - smoothing + self.other
        self.floor_other = (1 - share) * self.other
        self.floor_label = (1 - share) * self.label

    def columns(self, dtype: torch.dtype) -> int:
        """Return how many u of a row may be multiplied without overflow: it is largest where they share the probability."""
        largest = math.log(torch.finfo(dtype).max) - 1
        peak = self.share / self.floor_other
        return max(n for n in range(1, COLUMNS + 1) if n == 1 or n * math.log1p(peak / n) < largest)
