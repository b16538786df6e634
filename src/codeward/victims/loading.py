"""Load a victim from a folder or the hub: safetensors only, unless a pickle is allowed by the user."""

import json
from pathlib import Path
from typing import Any

from codeward.errors import ModelError, UnfitError
from codeward.tasks import Task, tasks
from codeward.types import Kind
from codeward.victims.base import Victim
from codeward.victims.config import check_name
from codeward.victims.device import best_device
from codeward.victims.encode import Encoder
from codeward.victims.generation import Generator
from codeward.victims.huggingface import FILE, Classifier, HuggingFaceVictim
from codeward.victims.planted import FILE as PLANTED
from codeward.victims.planted import load_planted
from codeward.victims.retrieval import Retriever
from codeward.zoo import resolve

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl")
MAX_LENGTH = 512
LENGTHS = ("max_length", "max_target_length")
CLASSIFYING = ("classification", "pair")
"""Kinds of tasks whose answer is one class of several."""
NO_CLASS = ("multi_label_classification", "regression")
"""What a configuration calls a model that answers otherwise."""


def load_victim(
    model: str | Path, allow_pickle: bool, trust_remote_code: bool, task: Task | None, labels: tuple[str, ...]
) -> Victim:
    """Load a victim.

    Args:
        model: A folder, or a hub name.
        allow_pickle: Load weights from a pickle, which can run any code.
        trust_remote_code: Run the code that comes with the model.
        task: The task, where the folder does not say.
        labels: The class names of the data; the folder's own count where it says, and have to be the same then.

    Raises:
        ModelError: If the folder is missing, holds no model or a pickle only, or suits another task or other classes.
        UnfitError: If the task is to tell classes apart, and the model answers otherwise, such as by one sigmoid.
    """
    model = resolve(str(model))
    folder = Path(model)
    if (folder / PLANTED).is_file():
        return load_planted(folder)
    check_folder(str(model), allow_pickle)
    about = _about(folder)
    if about and task is not None and about["task"] != task.name:
        raise ModelError(f"{model}: the model is made for task {about['task']!r}, the data set for {task.name!r}")
    made = tasks.make(about["task"]) if about else task
    if made is None:
        raise ModelError(f"{model}: nothing says which task the model is for; give it by task")
    names = tuple(about["labels"]) if about else labels
    if labels and names and names != labels:
        raise ModelError(
            f"{model}: the model's classes are {', '.join(names)}, the data set's {', '.join(labels)}; give a set with the "
            "same ones in the same order"
        )
    options = {"trust_remote_code": trust_remote_code, "use_safetensors": None if allow_pickle else True}
    tokenizer, network = load_parts(str(model), auto_class(made, str(model), trust_remote_code), options)
    network.to(best_device())
    check_head(network.config, made, f"{model}: ")
    if not names and made.kind in CLASSIFYING:
        names = labels_of(network.config)
    _check_labels(str(model), network, made, names)
    lengths = (about or {}).get("max_length", MAX_LENGTH), (about or {}).get("max_target_length", MAX_LENGTH // 2)
    return wrap(network, tokenizer, made, names, *lengths)


def wrap(
    network: Any, tokenizer: Any, task: Task, labels: tuple[str, ...], max_length: int, max_target_length: int
) -> HuggingFaceVictim:
    """Make a victim of a model and its tokenizer.

    Raises:
        UnfitError: If the model gives no probability of one class of several, and the task is to tell classes apart.
    """
    check_head(network.config, task)
    causal = task.kind == "generation" and not network.config.is_encoder_decoder
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
        network.config.pad_token_id = tokenizer.eos_token_id
    lengths = fitting(network.config, max_length, max_target_length, task.kind, causal=causal)
    encoder = Encoder(tokenizer, task.kind, *lengths, causal)
    kinds: dict[str, type[HuggingFaceVictim]] = {"generation": Generator, "retrieval": Retriever}
    return kinds.get(task.kind, Classifier)(network, encoder, task, labels)


def labels_of(config: Any) -> tuple[str, ...]:
    """Return the class names that a model's configuration holds."""
    return tuple(str(config.id2label[index]) for index in sorted(config.id2label))


def check_head(config: Any, task: Task, where: str = "") -> None:
    """Refuse a model whose answer is no class of several: its softmax would say nothing, such as 1 for whatever it reads.

    Args:
        config: The model's configuration.
        task: What it is to be used for; any model will do where that is not to tell classes apart.
        where: What the sentence begins with.

    Raises:
        UnfitError: If so.
    """
    if task.kind not in CLASSIFYING:
        return
    told = getattr(config, "problem_type", None)
    if getattr(config, "num_labels", 2) == 1:
        raise UnfitError(
            f"{where}the model answers with one number (a sigmoid or a regression), but task {task.name!r} needs a softmax "
            "over at least two classes; for a sigmoid of x, give the model the two outputs 0 and x"
        )
    if told in NO_CLASS:
        raise UnfitError(
            f"{where}the model's problem_type is {told!r}, but task {task.name!r} needs one class of several; give a model "
            "of problem_type 'single_label_classification'"
        )


def auto_class(task: Task, model: str, trust_remote_code: bool = False) -> Any:
    """Return the transformers class that loads a model for a task.

    Raises:
        ModelError: If the configuration cannot be read.
    """
    import transformers

    if task.kind in CLASSIFYING:
        return transformers.AutoModelForSequenceClassification
    if task.kind == "retrieval":
        return transformers.AutoModel
    try:
        config = transformers.AutoConfig.from_pretrained(model, trust_remote_code=trust_remote_code)
    except (OSError, ValueError) as problem:
        raise ModelError(f"{model}: the configuration cannot be read: {_first_line(problem)}") from None
    if config.is_encoder_decoder:
        return transformers.AutoModelForSeq2SeqLM
    if config.model_type in ("roberta", "bert", "modernbert"):
        raise UnfitError(f"{model}: an encoder writes no text; choose an encoder-decoder or a decoder-only model")
    return transformers.AutoModelForCausalLM


def load_parts(model: str, auto: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """Load tokenizer and model.

    Raises:
        ModelError: If one of them is missing or damaged.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    hush()

    trust = options.get("trust_remote_code", False)
    options = {"dtype": torch.float32, **options}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, trust_remote_code=trust)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelError(f"{model}: the tokenizer cannot be loaded: {_first_line(problem)}") from None
    try:
        return tokenizer, auto.from_pretrained(model, **options)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as problem:
        raise ModelError(f"{model}: the model cannot be loaded: {_first_line(problem)}") from None


def check_length(config: Any, max_length: int, max_target_length: int, *, causal: bool) -> None:
    """Refuse lengths that a model has no positions for.

    Raises:
        ModelError: If the inputs may be longer than what the model reads.
    """
    room = _room(config)
    if room is None:
        return
    asked = max_length + max_target_length if causal else max_length
    if asked > room:
        what = "max_length and max_target_length together" if causal else "max_length"
        raise ModelError(f"the model reads {room} tokens at most; {what} may not be {asked}")


def fitting(config: Any, max_length: int, max_target_length: int, kind: Kind, *, causal: bool) -> tuple[int, int]:
    """Return the two lengths, shortened where a model has fewer positions; for search the second one is the query's."""
    room = _room(config)
    if room is None or (causal and max_length + max_target_length <= room):
        return max_length, max_target_length
    if causal:
        written = min(max_target_length, max(1, room // 2))
        return min(max_length, room - written), written
    return min(max_length, room), min(max_target_length, room) if kind == "retrieval" else max_target_length


def _room(config: Any) -> int | None:
    """Return how many tokens a model reads at most; ``None`` where its configuration does not say."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None:
        return None
    return int(positions) - (config.pad_token_id + 1 if config.model_type == "roberta" else 0)


def hush() -> None:
    """Keep transformers from drawing progress bars of its own."""
    import transformers

    chatter: Any = transformers.utils.logging
    chatter.disable_progress_bar()


def check_folder(model: str, allow_pickle: bool) -> None:
    """Refuse a local folder that holds no model, or a pickle only.

    Raises:
        ModelError: If so.
    """
    folder = Path(model)
    if not folder.exists():
        check_name(model)
        return
    if not (folder / "config.json").is_file():
        raise ModelError(f"{model}: this is no model folder: it has no config.json")
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if not pickles:
        raise ModelError(f"{model}: the folder holds no weights (no *.safetensors)")
    if not allow_pickle:
        raise ModelError(
            f"{model}: the weights are a pickle ({pickles[0]}), which can run any code when it is loaded; "
            "convert them to safetensors, or give --allow-pickle if you trust their source"
        )


def _about(folder: Path) -> dict[str, Any] | None:
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        about: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise ModelError(f"{file}: not valid JSON: {problem}") from None
    if not isinstance(about, dict) or "task" not in about or "labels" not in about:
        raise ModelError(f"{file}: the fields 'task' and 'labels' are missing")
    for name in LENGTHS:
        if not isinstance(about.get(name, 1), int) or about.get(name, 1) < 1:
            raise ModelError(f"{file}: the field '{name}' has to be a whole number from 1 on, not {about[name]!r}")
    return about


def _check_labels(model: str, network: Any, task: Task, labels: tuple[str, ...]) -> None:
    if task.kind in CLASSIFYING and network.config.num_labels != len(labels):
        raise ModelError(
            f"{model}: the model tells {network.config.num_labels} classes apart, the task has {len(labels)}"
        )


def _first_line(problem: BaseException) -> str:
    return str(problem).strip().split("\n", 1)[0] or type(problem).__name__
