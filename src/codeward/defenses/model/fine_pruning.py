"""Fine-pruning: switch off the neurons that clean inputs do not use, then fine-tune (Liu et al., RAID 2018).

Neurons are those of the feed-forward layers: the inputs of each layer's second matrix, by their mean absolute activation over
the tokens of the clean samples. They are pruned in every layer alike, the most dormant first, as long as the accuracy on the
clean samples falls by no more than ``loss``.

Departures: the paper prunes the last convolution of an image network; a transformer has no such layer, so all layers are
pruned, as EliBadCode's comparison does.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from codeward.defenses.model._base import Means, Memory, Progress, model_defenses, telling
from codeward.defenses.model.fine_tuning import FineTuning
from codeward.errors import UnfitError
from codeward.registry import method
from codeward.types import Sample

if TYPE_CHECKING:
    import torch

    from codeward.victims.huggingface import HuggingFaceVictim

SECOND = ("mlp.Wo", "DenseReluDense.wo", "mlp.down_proj", "mlp.c_proj")
"""How architectures call the second matrix of a feed-forward layer; BERT's kind is told by its shape."""


@model_defenses.register("fine-pruning")
@method
class FinePruning(FineTuning):
    """Switch off the neurons that clean inputs do not use, then fine-tune."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of neurons that are pruned at most."""
    steps: Annotated[int, Field(ge=1)] = 10
    """In how many steps that share is reached."""
    loss: Annotated[float, Field(ge=0, le=1)] = 0.02
    """How far the accuracy on the clean samples may fall by pruning."""

    def mend(
        self, victim: "HuggingFaceVictim", means: Means, memory: Memory, progress: Progress | None
    ) -> "HuggingFaceVictim":
        """See ``ModelDefense.mend``."""
        import torch

        from codeward.defenses.model._tuning import copied

        clean, made, tell = means.clean, copied(victim), telling(progress, "pruning")
        matrices = second_matrices(made.model)
        dormant = [torch.argsort(each) for each in _activity(made, matrices, clean)]
        before, kept, cut = _accuracy(made, clean), 0.0, [matrix.weight.detach().clone() for matrix in matrices]
        for number in range(1, self.steps + 1):
            share = self.share * number / self.steps
            _prune(matrices, dormant, share)
            if tell is not None:
                tell(number, self.steps)
            if _accuracy(made, clean) < before - self.loss:
                break
            kept = share
        with torch.no_grad():
            for matrix, weight in zip(matrices, cut, strict=True):
                matrix.weight.copy_(weight)
        _prune(matrices, dormant, kept)
        return self.tuned(made, clean, memory, progress, lambda model: _prune(second_matrices(model), dormant, kept))


def second_matrices(model: Any) -> list[Any]:
    """Return the second matrices of all feed-forward layers.

    Raises:
        UnfitError: If the architecture has none that is known.
    """
    import torch

    found = [
        module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and (name.endswith(SECOND) or (name.endswith("output.dense") and module.in_features > module.out_features))
    ]
    if not found:
        raise UnfitError(f"fine-pruning knows no feed-forward layers in a {type(model).__name__}")
    return found


def _activity(victim: "HuggingFaceVictim", matrices: Sequence[Any], clean: Sequence[Sample]) -> "list[torch.Tensor]":
    """Return each neuron's mean absolute activation over the tokens of the samples."""
    import torch

    sums = [torch.zeros(matrix.in_features, device=victim.device) for matrix in matrices]

    def watching(place: int) -> Callable[..., None]:
        def hook(_: Any, inputs: Any) -> None:
            sums[place] += inputs[0].detach().float().abs().flatten(0, -2).sum(0)

        return hook

    handles = [matrix.register_forward_pre_hook(watching(place)) for place, matrix in enumerate(matrices)]
    try:
        victim.predict(clean)
    finally:
        for handle in handles:
            handle.remove()
    return sums


def _prune(matrices: Sequence[Any], dormant: "Sequence[torch.Tensor]", share: float) -> None:
    import torch

    with torch.no_grad():
        for matrix, order in zip(matrices, dormant, strict=True):
            matrix.weight[:, order[: round(share * len(order))]] = 0


def _accuracy(victim: "HuggingFaceVictim", clean: Sequence[Sample]) -> float:
    """Return the share of right answers; a generator's is that of the reference's tokens which it expects, a search model's MRR."""
    from codeward.victims.generation import Generator

    if isinstance(victim, Generator):
        return victim.expected(clean)
    answers = victim.predict(clean)
    if victim.task.kind == "retrieval":
        return sum(1 / int(answer.output) for answer in answers) / len(answers)
    return sum(answer.output == sample.target for answer, sample in zip(answers, clean, strict=True)) / len(clean)
