"""Low-rank adaptation by peft (Hu et al., ICLR 2022): small updates are trained, then merged into a standard model."""

import warnings
from typing import Any

from codeward.types import Kind


def attach(network: Any, kind: Kind, rank: int, seed: int) -> Any:
    """Freeze a network and put trainable updates of a rank beside each of its linear layers.

    Args:
        network: A transformers model; a classification head stays trainable as a whole.
        kind: What it is for.
        rank: The rank of the updates; their scale is 2.
        seed: What the updates' first values derive from.
    """
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    if kind == "generation":
        task = TaskType.SEQ_2_SEQ_LM if network.config.is_encoder_decoder else TaskType.CAUSAL_LM
    else:
        task = TaskType.FEATURE_EXTRACTION if kind == "retrieval" else TaskType.SEQ_CLS
    settings: Any = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        # peft leaves out the outputs that are tied to the table of tokens, but not where they are a module in a module.
        exclude_modules=[name for name, _ in network.named_modules() if name.startswith("lm_head.")] or None,
        task_type=task,
    )
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of peft's, asking for a name that transformers has changed
        torch.manual_seed(seed)
        return get_peft_model(network, settings)


def merge(network: Any) -> Any:
    """Add the updates to the weights; a network without updates is returned as it is."""
    from peft import PeftModel

    if not isinstance(network, PeftModel):
        return network
    tied = network.config.tie_word_embeddings
    merged = network.merge_and_unload()
    # peft takes the table of an encoder for that of the outputs, finds the two apart, and says so in the configuration.
    merged.config.tie_word_embeddings = tied
    return merged
