"""The victims that text-classification pipelines of ``transformers`` hold."""

import copy
from typing import Any

from codeward.errors import UnfitError, UsageError
from codeward.tasks import Task
from codeward.victims.base import Victim

PIPELINE = "text-classification"
SIGMOID = "sigmoid"
UNCUT = (False, "do_not_truncate")
"""How a pipeline says that inputs are not cut off."""


def piped(pipe: Any, task: Task) -> Victim:
    """Return the victim that a pipeline holds; half precision is copied to single, in which models of a folder run, too.

    Raises:
        UsageError: If the pipeline, or the task, is not to tell classes apart.
        UnfitError: If the pipeline judges each class by itself.
    """
    from codeward.victims.loading import CLASSIFYING, labels_of, wrap

    does = getattr(pipe, "task", PIPELINE)
    if does != PIPELINE:
        raise UsageError(
            f"the pipeline is for {does}, and a guard takes pipelines for {PIPELINE} only; give other models by their folder"
        )
    if task.kind not in CLASSIFYING:
        raise UsageError(
            f"a {PIPELINE} pipeline tells classes apart, and task {task.name!r} does not; give another task="
        )
    told = getattr(pipe, "_postprocess_params", {}).get("function_to_apply")
    if str(getattr(told, "value", told)).lower() == SIGMOID:
        raise UnfitError(
            f"the pipeline judges each class by itself (function_to_apply={SIGMOID!r}), and a guard needs one class of several; "
            "give a pipeline with a softmax"
        )
    length = _length(pipe)
    # how a tokenizer cuts off and fills up is its state, which other threads of the pipeline's may change
    tokenizer = copy.deepcopy(pipe.tokenizer)
    return wrap(_single(pipe.model), tokenizer, task, labels_of(pipe.model.config), length, length // 2)


def _length(pipe: Any) -> int:
    """Return how many tokens of an input a pipeline's model is to read, at most: as many as with the pipeline, if that says it."""
    from codeward.victims.loading import MAX_LENGTH

    told = getattr(pipe, "_preprocess_params", {})
    length, way = told.get("max_length"), told.get("truncation")
    cut = way not in UNCUT if way is not None else not told.get("padding")  # as transformers takes a length alone
    return min(length if cut and length is not None else MAX_LENGTH, int(pipe.tokenizer.model_max_length))


def _single(model: Any) -> Any:
    """Return a model whose weights are of single precision: itself, or a copy, so that the caller's stays as it is."""
    import torch

    halves = {torch.float16, torch.bfloat16}
    if getattr(model, "is_quantized", False) or not any(each.dtype in halves for each in model.parameters()):
        return model
    return copy.deepcopy(model).float()
