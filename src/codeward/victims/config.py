"""How a victim is trained: one configuration for all kinds and families, with defaults by family."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codeward.errors import ModelError, OptionError, UnknownNameError
from codeward.tasks import Task
from codeward.zoo import MINIS, embedded

SCRATCH = {
    "scratch-encoder": "RoBERTa shape, from scratch, with a tokenizer fitted on the training rows",
    "scratch-seq2seq": "T5 shape, from scratch, with a tokenizer fitted on the training rows",
    "scratch-decoder": "Llama shape, from scratch, with a tokenizer fitted on the training rows",
}
PRETRAINED_RATE = 5e-5
MINI_RATE = 1e-3
SCRATCH_RATE = 1e-3


class TrainConfig(BaseModel):
    """The configuration of a training run, resolved; ``make_config`` makes one.

    The defaults here are those of a model from scratch. The task's model, and the learning rate and the epochs that suit a
    pretrained one, are what ``make_config`` knows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    model: str = "scratch-encoder"
    """A built-in model, a folder, or a hub name."""
    epochs: float = Field(default=5, gt=0, allow_inf_nan=False)
    """Passes over the training rows."""
    learning_rate: float = Field(default=SCRATCH_RATE, gt=0, allow_inf_nan=False)
    """Peak learning rate, reached after the warm-up and falling linearly to zero."""
    batch_size: int = Field(default=32, ge=1)
    """Rows a step."""
    accumulation: int = Field(default=1, ge=1)
    """Batches whose gradients are added up before a step."""
    max_length: int = Field(default=256, ge=8)
    """Tokens of the input; longer ones are cut off at the end."""
    max_target_length: int = Field(default=256, ge=8)
    """Tokens of the reference (generation) or the query (retrieval)."""
    warmup: float = Field(default=0.1, ge=0, le=1)
    """Share of all steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.01, ge=0)
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """``auto`` takes bf16 where the processor or GPU multiplies it in hardware."""
    patience: int = Field(default=0, ge=0)
    """Stop after so many epochs without a lower validation loss, and keep the best; 0 never stops."""
    checkpoint_steps: int = Field(default=200, ge=1)
    """Steps between two checkpoints."""
    loss: str = "ce"
    """The loss: cross-entropy, or a training-stage defense by its name."""
    loss_options: dict[str, Any] = Field(default_factory=dict)
    """The defense's options."""
    lora_rank: int = Field(default=0, ge=0)
    """Train updates of this rank only, and merge them into the model at the end (LoRA); 0 trains all weights."""
    reporter: Literal["none", "tensorboard", "mlflow", "wandb"] = "none"
    """What else is told the training curve; the package must be installed."""
    vocabulary: int = Field(default=8192, ge=300)
    """Size of a fitted tokenizer."""
    layers: int = Field(default=2, ge=1)
    """Layers of a model from scratch (of encoder and decoder each)."""
    hidden: int = Field(default=128, ge=16, multiple_of=16)
    """Width of a model from scratch."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout of a model from scratch."""
    attention_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout of attention weights, where the family has it; above 0 the processor has no fused attention and trains
    about 1.4 times slower."""


def builtin_models() -> dict[str, str]:
    """Return name and summary of the built-in models."""
    return {**embedded(), **SCRATCH}


def check_name(model: str) -> None:
    """Refuse what cannot be loaded: no folder, no embedded model, and no name that the hub could know.

    Raises:
        ModelError: If so.
    """
    if Path(model).exists() or model in embedded():
        return
    if model in SCRATCH:
        raise ModelError(
            f"{model}: a shape to train from scratch, which holds no weights; train it first, and give its folder"
        )
    on_hub = model.count("/") == 1 and not model.startswith((".", "/", "~")) and not model.endswith("/")
    if not on_hub:
        raise ModelError(
            f"{model}: there is no such model folder, and no built-in model has this name; there are: "
            f"{', '.join(sorted(builtin_models()))}; a model of the hub is org/name"
        )


def default_model(task: Task) -> str:
    """Return the model that is trained unless one is named: a mini model where they are installed."""
    family = "seq2seq" if task.kind == "generation" else "encoder"
    return f"mini-{family}" if f"mini-{family}" in embedded() else f"scratch-{family}"


Config = TypeVar("Config", bound=BaseModel)


def configured(kind: type[Config], what: str, values: Mapping[str, Any]) -> Config:
    """Build a configuration from values or their text.

    Args:
        kind: The configuration's class.
        what: What to call one of its fields in an error.
        values: By the name of the field.

    Raises:
        OptionError: If there is no such field or it does not take the value.
    """
    for key in values:
        if key not in kind.model_fields:
            raise OptionError(str(UnknownNameError(what, key, kind.model_fields)))
    try:
        return kind(**values)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise OptionError(f"{what} {where} = {problem['input']!r} does not fit: {problem['msg']}") from None


def make_config(task: Task, options: Mapping[str, object]) -> TrainConfig:
    """Build a configuration from options given as text or values, with the defaults of the task and the model.

    Raises:
        OptionError: If there is no such option or it does not take the value.
    """
    defaults: dict[str, object] = {"model": default_model(task)}
    if task.kind == "generation":
        defaults["epochs"] = 10
    model = options.get("model", defaults["model"])
    if model in MINIS:
        defaults |= {"learning_rate": MINI_RATE, "epochs": 4}
    elif model not in SCRATCH:
        defaults |= {"learning_rate": PRETRAINED_RATE, "epochs": 3}
    config = configured(TrainConfig, "training option", {**defaults, **options})
    if config.lora_rank and config.model in SCRATCH:
        raise OptionError(
            f"lora_rank updates a pretrained model, and {config.model} starts from scratch; leave one out"
        )
    if config.reporter != "none" and find_spec(config.reporter) is None:
        raise OptionError(f"the reporter {config.reporter} is not installed; run: pip install {config.reporter}")
    return config
