"""Load a victim from a folder or the hub: safetensors only, unless a pickle is allowed by the user."""

import json
import re
from pathlib import Path
from typing import Any

from codeward.errors import ModelError
from codeward.tasks import Task, tasks
from codeward.victims.base import Victim
from codeward.victims.config import check_name
from codeward.victims.device import best_device
from codeward.victims.encode import Encoder
from codeward.victims.generation import Generator
from codeward.victims.huggingface import FILE, Classifier, HuggingFaceVictim
from codeward.victims.planted import FILE as PLANTED
from codeward.victims.planted import load_planted
from codeward.victims.quiet import quiet
from codeward.victims.retrieval import Retriever
from codeward.victims.suiting import CLASSIFYING as CLASSIFYING
from codeward.victims.suiting import (
    check_head,
    check_reads,
    check_tokens,
    check_writes,
    fitting,
    is_decoder_only,
    set_padding,
)
from codeward.zoo import resolve

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl")
MAX_LENGTH = 512
LENGTHS = ("max_length", "max_target_length")
ADAPTER = "adapter_config.json"
GENERIC = re.compile(r"LABEL_\d+")
"""What transformers calls a class that has no name."""
OFFER = ", or give --allow-pickle if you trust their source"


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
        ModelError: If the folder is missing, holds no model or a pickle only, lacks weights, or suits another task or other
            classes.
        UnfitError: If the task is to tell classes apart, and the model answers otherwise, such as by one sigmoid.
    """
    model = resolve(str(model))
    folder = Path(model)
    if (folder / PLANTED).is_file():
        return load_planted(folder)
    check_folder(str(model), allow_pickle, OFFER)
    about = _about(folder) or {}
    if about and task is not None and about["task"] != task.name:
        raise ModelError(f"{model}: the model is made for task {about['task']!r}, the data set for {task.name!r}")
    made = tasks.make(about["task"]) if about else task
    if made is None:
        raise ModelError(f"{model}: nothing says which task the model is for; give it by task")
    told = tuple(about.get("labels", ()))
    _check_same(model, told, labels)
    options = {"trust_remote_code": trust_remote_code, "use_safetensors": None if allow_pickle else True}
    tokenizer, network = load_parts(model, auto_class(made, model, trust_remote_code), options)
    network.to(best_device())
    check_head(network.config, made, f"{model}: ")
    if not about and made.kind in CLASSIFYING:
        told = _own_labels(model, network.config, labels)
    _check_labels(model, network, made, told)
    lengths = about.get("max_length", MAX_LENGTH), about.get("max_target_length", MAX_LENGTH // 2)
    return wrap(network, tokenizer, made, told, *lengths, where=f"{model}: ")


def wrap(
    network: Any,
    tokenizer: Any,
    task: Task,
    labels: tuple[str, ...],
    max_length: int,
    max_target_length: int,
    *,
    where: str = "",
) -> HuggingFaceVictim:
    """Make a victim of a model and its tokenizer.

    Args:
        network: The model.
        tokenizer: Its tokenizer.
        task: What it is used for.
        labels: Class names by index.
        max_length: Tokens of an input that are read, at most.
        max_target_length: Tokens of a reference or a query, at most.
        where: What a sentence on either begins with.

    Raises:
        UnfitError: If the model gives no probability of one class of several, and the task is to tell classes apart.
        ModelError: If the tokenizer does not suit the model, or lacks a mark that the task needs.
    """
    check_head(network.config, task, where)
    causal = task.kind == "generation" and not network.config.is_encoder_decoder
    set_padding(network, tokenizer, task, where)
    check_tokens(network, tokenizer, task, where)
    lengths = fitting(network.config, max_length, max_target_length, task.kind, causal=causal)
    encoder = Encoder(tokenizer, task.kind, *lengths, causal)
    kinds: dict[str, type[HuggingFaceVictim]] = {"generation": Generator, "retrieval": Retriever}
    return kinds.get(task.kind, Classifier)(network, encoder, task, labels)


def labels_of(config: Any) -> tuple[str, ...]:
    """Return the class names that a model's configuration holds."""
    return tuple(str(config.id2label[index]) for index in sorted(config.id2label))


def _own_labels(model: str, config: Any, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the class names of a model that Codeward did not write: the data's, unless its own are those in another order."""
    own = labels_of(config)
    if not labels:
        return own
    low, theirs = [name.casefold() for name in own], [name.casefold() for name in labels]
    if low != theirs and sorted(low) == sorted(theirs) and not any(map(GENERIC.fullmatch, own)):
        _check_same(model, own, labels)
    return labels


def _check_same(model: str, own: tuple[str, ...], labels: tuple[str, ...]) -> None:
    """Refuse data whose classes are not the model's: its answers would be taken for others.

    Raises:
        ModelError: If so.
    """
    if labels and own and own != labels:
        raise ModelError(
            f"{model}: the model's classes are {', '.join(own)}, the data set's {', '.join(labels)}; give a set with the "
            "same ones in the same order"
        )


def auto_class(task: Task, model: str, trust_remote_code: bool = False) -> Any:
    """Return the transformers class that loads a model for a task.

    Raises:
        ModelError: If the configuration cannot be read.
        UnfitError: If the task is to write text, and the model is an encoder.
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
    check_writes(config, f"{model}: ")
    return transformers.AutoModelForCausalLM if is_decoder_only(config) else transformers.AutoModelForSeq2SeqLM


def load_parts(model: str, auto: Any, options: dict[str, Any], *, fresh: bool = False) -> tuple[Any, Any]:
    """Load tokenizer and model.

    Args:
        model: A folder, or a hub name.
        auto: The transformers class that loads it.
        options: What it is given.
        fresh: Whether weights that are missing may be drawn at random, as for a training; else they are refused.

    Raises:
        ModelError: If one of them is missing or damaged, or the tokenizer reads nothing.
    """
    import torch
    import transformers
    from safetensors import SafetensorError

    trust = options.get("trust_remote_code", False)
    options = {"dtype": torch.float32, **options, "output_loading_info": True}
    with quiet():
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(model, trust_remote_code=trust)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise ModelError(f"{model}: the tokenizer cannot be loaded: {_first_line(problem)}") from None
        try:
            network, found = auto.from_pretrained(model, **options)
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as problem:
            raise ModelError(f"{model}: the model cannot be loaded: {_first_line(problem)}") from None
    check_reads(tokenizer, model)
    if not fresh:
        _check_complete(model, auto, found["missing_keys"])
    return tokenizer, network


def _check_complete(model: str, auto: Any, missing: set[str]) -> None:
    """Refuse a model of which some weights are not in its files: they are drawn at random, and so would its answers be.

    Raises:
        ModelError: If so.
    """
    import transformers

    # A search takes the mean of the last states, so that it does not matter what would pool them otherwise.
    lacking = sorted(name for name in missing if not (auto is transformers.AutoModel and "pooler" in name))
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise ModelError(
            f"{model}: the model's files lack weights that {auto.__name__} needs ({lacking[0]}{more}), since it was made for something "
            f"else, and random ones would answer; train it for the task first (codeward train DATA --model {model} -o DIR)"
        )


def check_folder(model: str, allow_pickle: bool, offer: str = "") -> None:
    """Refuse a local folder that holds no model, or a pickle only.

    Args:
        model: A folder, or a hub name, of which nothing is asked.
        allow_pickle: Whether a pickle will do.
        offer: What else can be done about a pickle, at the end of the sentence.

    Raises:
        ModelError: If so.
    """
    folder = Path(model)
    if not folder.exists():
        check_name(model)
        return
    weights = [path.name for path in folder.glob("*.safetensors")]
    if (folder / ADAPTER).is_file() and all(name.startswith("adapter") for name in weights):
        raise ModelError(
            f"{model}: this is an adapter (LoRA), not a whole model; merge it into its model first (peft: merge_and_unload, then "
            "save_pretrained), and give that folder"
        )
    if not (folder / "config.json").is_file():
        raise ModelError(f"{model}: this is no model folder: it has no config.json")
    if weights:
        return
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if not pickles:
        raise ModelError(f"{model}: the folder holds no weights (no *.safetensors)")
    if not allow_pickle:
        raise ModelError(
            f"{model}: the weights are a pickle ({pickles[0]}), which can run any code when it is loaded; "
            f"convert them to safetensors{offer}"
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
