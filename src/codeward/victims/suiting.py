"""Whether a model, its tokenizer and a task go together: refused here, before anything is measured or trained."""

from typing import Any

from codeward.errors import ModelError, UnfitError
from codeward.tasks import Task
from codeward.types import Kind

CLASSIFYING = ("classification", "pair")
"""Kinds of tasks whose answer is one class of several."""
NO_CLASS = ("multi_label_classification", "regression")
"""What a configuration calls a model that answers otherwise."""
OFFSET = ("roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "longformer")
"""Families whose positions are counted from behind the pad token's number on."""
PROBES = ("int first = 1;", "while (other) { call(other); }")
"""Two texts that no tokenizer reads alike."""


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


def is_decoder_only(config: Any) -> bool:
    """Whether a model is one that writes on from its input: no encoder-decoder, and no encoder either."""
    from transformers.models.auto import modeling_auto

    if config.is_encoder_decoder:
        return False
    if getattr(config, "is_decoder", False):
        return True
    if config.model_type in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        return False
    own = getattr(config, "auto_map", None) or {}
    return config.model_type in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES or "AutoModelForCausalLM" in own


def check_writes(config: Any, where: str) -> None:
    """Refuse an encoder for a task whose answers are texts.

    Raises:
        UnfitError: If it is one.
    """
    if not config.is_encoder_decoder and not is_decoder_only(config):
        raise UnfitError(
            f"{where}an encoder ({config.model_type}) writes no text; choose an encoder-decoder or a decoder-only model"
        )


def set_padding(network: Any, tokenizer: Any, task: Task, where: str = "") -> None:
    """Make sure that there is a pad token, and that the model knows it where its answer depends on that.

    A decoder-only classifier answers at the last token that is no padding, by its configuration's pad token.

    Raises:
        ModelError: If the tokenizer has neither a pad token nor an end mark that could serve as one.
    """
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None:
            raise ModelError(
                f"{where}the tokenizer has neither a pad token nor an end mark; give it one (pad_token in "
                "tokenizer_config.json), since shorter inputs are filled up with it"
            )
        tokenizer.pad_token = tokenizer.eos_token
        network.config.pad_token_id = tokenizer.eos_token_id
    if task.kind in CLASSIFYING and is_decoder_only(network.config):
        network.config.pad_token_id = tokenizer.pad_token_id


def check_tokens(network: Any, tokenizer: Any, task: Task, where: str = "") -> None:
    """Refuse a tokenizer that has tokens of which the model has no vectors, or a model that lacks a mark that its task needs.

    Raises:
        ModelError: If so.
    """
    known = _table_size(network)
    if known is not None and len(tokenizer) > known:
        raise ModelError(
            f"{where}the tokenizer has {len(tokenizer)} tokens, but the model has vectors for {known} only; give the tokenizer "
            "that the model was trained with, or enlarge the model's table (resize_token_embeddings)"
        )
    if task.kind == "generation" and tokenizer.eos_token_id is None:
        raise ModelError(
            f"{where}the tokenizer has no end mark (eos_token), with which a text that the model writes ends; give it one in "
            "tokenizer_config.json"
        )
    if network.config.is_encoder_decoder and task.kind != "retrieval" and _start(network.config) is None:
        raise ModelError(
            f"{where}the configuration does not say with which token the decoder begins (decoder_start_token_id); add it to "
            f"config.json: for T5 it is the pad token, here {tokenizer.pad_token_id}"
        )


def _table_size(network: Any) -> int | None:
    """Return of how many tokens a model has vectors; ``None`` where it has no table of them."""
    try:
        table = getattr(network.get_input_embeddings(), "weight", None)
    except (AttributeError, NotImplementedError):
        return None
    return None if table is None else int(table.shape[0])


def _start(config: Any) -> int | None:
    """Return the token with which a decoder begins."""
    inner = getattr(config, "decoder", None)
    own = getattr(config, "decoder_start_token_id", None)
    return getattr(inner, "bos_token_id", None) if own is None else own


def check_reads(tokenizer: Any, model: str) -> None:
    """Refuse a tokenizer that reads nothing, as ``transformers`` makes one where a folder has no files of it.

    Raises:
        ModelError: If so.
    """
    one, other = (tokenizer(text)["input_ids"] for text in PROBES)
    if one == other or len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelError(
            f"{model}: the tokenizer reads nothing, since there is no vocabulary in the folder; put the files of the model's "
            "tokenizer there (tokenizer.json, tokenizer_config.json)"
        )


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
    return int(positions) - (config.pad_token_id + 1 if config.model_type in OFFSET else 0)
