"""What is no number cannot be judged: the answers of a model whose weights are damaged, such as by a training that diverged."""

from collections.abc import Sequence
from math import isfinite

from codeward.errors import NonFiniteError
from codeward.types import Sample


def check_numbers(rows: Sequence[Sequence[float]], samples: Sequence[Sample]) -> None:
    """Refuse answers that are no numbers: the largest of them would be the first class, and their rank the first place.

    Args:
        rows: What a model says of each sample: probabilities, a likelihood, a similarity.
        samples: The samples.

    Raises:
        NonFiniteError: If some are NaN or infinite.
    """
    wrong = [sample.id for row, sample in zip(rows, samples, strict=True) if not isfinite(sum(row))]
    if wrong:
        raise NonFiniteError(
            f"the model answers with no numbers (NaN or infinity) to {len(wrong)} of {len(samples)} inputs, the first is {wrong[0]!r}; "
            "its weights are damaged, such as by a training that diverged: train it again, or give another one"
        )
