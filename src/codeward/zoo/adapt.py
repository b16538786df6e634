"""Start an encoder-decoder from a pretrained decoder (T5Gemma, Zhang et al., arXiv 2504.06225).

Both halves take the decoder's layers, the encoder without its causal mask; the attention across takes those of the
decoder's attention to itself. The given decoder is a Llama: it norms the input of a layer only, T5Gemma its output, too.
The norm of an output is set to the output's usual size, so that the adapted decoder alone is nearly the model that it was.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from codeward.errors import ModelError

ACROSS = 0.3
"""Size of what comes from the encoder at first, beside what the decoder finds in its own text."""


@torch.no_grad()
def adapt(network: Any, decoder: Any, ids: npt.NDArray[np.int64], fresh: list[int], seed: int) -> None:
    """Give an encoder-decoder of T5Gemma's shape the weights of a decoder of Llama's.

    Args:
        network: The encoder-decoder; its weights are replaced.
        decoder: A causal language model of the same width, depth and vocabulary.
        ids: Tokens of usual text by which the size of outputs is measured, shape ``[rows, length]``.
        fresh: Tokens that the decoder has never seen, such as sentinels: they get vectors of their own, alike in both halves.
        seed: Where these come from.

    Raises:
        ModelError: If the two do not fit.
    """
    if decoder.config.model_type != "llama":
        raise ModelError(f"an encoder-decoder starts from a decoder of Llama's shape, not {decoder.config.model_type}")
    sizes = _sizes(decoder.float().eval(), ids)
    scale = network.config.decoder.hidden_size**0.5
    table = decoder.model.embed_tokens.weight / scale
    if table.shape != network.model.decoder.embed_tokens.weight.shape:
        raise ModelError(
            f"the decoder's table of tokens is {tuple(table.shape)}, and the encoder-decoder needs "
            f"{tuple(network.model.decoder.embed_tokens.weight.shape)}; both need the same tokenizer and width"
        )
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn((len(fresh), table.shape[1]), generator=generator) * table.std()
    for half in (network.model.encoder, network.model.decoder):
        half.embed_tokens.weight.copy_(table)
        half.embed_tokens.weight[fresh] = drawn
        for taken, given, size in zip(half.layers, decoder.model.layers, sizes, strict=True):
            _copy(taken, given, *size)
    network.model.decoder.norm.weight.copy_(decoder.model.norm.weight * scale - 1)


def _copy(taken: Any, given: Any, attention: float, gated: float) -> None:
    """Copy one layer; Gemma's norms keep their weight less one."""
    taken.self_attn.load_state_dict(given.self_attn.state_dict())
    kept = _busiest(given.mlp, taken.mlp.gate_proj.out_features)
    taken.mlp.gate_proj.weight.copy_(given.mlp.gate_proj.weight[kept])
    taken.mlp.up_proj.weight.copy_(given.mlp.up_proj.weight[kept])
    taken.mlp.down_proj.weight.copy_(given.mlp.down_proj.weight[:, kept])
    taken.pre_self_attn_layernorm.weight.copy_(given.input_layernorm.weight - 1)
    taken.post_self_attn_layernorm.weight.fill_(attention - 1)
    taken.pre_feedforward_layernorm.weight.copy_(given.post_attention_layernorm.weight - 1)
    taken.post_feedforward_layernorm.weight.fill_(gated - 1)
    if hasattr(taken, "cross_attn"):
        taken.cross_attn.load_state_dict(given.self_attn.state_dict())
        taken.pre_cross_attn_layernorm.weight.copy_(given.input_layernorm.weight - 1)
        taken.post_cross_attn_layernorm.weight.fill_(ACROSS * attention - 1)


def _busiest(gated: Any, count: int) -> torch.Tensor:
    """Return the neurons of a gated layer with the largest weights, in their order."""
    size = gated.gate_proj.weight.norm(dim=1) * gated.up_proj.weight.norm(dim=1) * gated.down_proj.weight.norm(dim=0)
    kept: torch.Tensor = size.topk(count).indices.sort().values
    return kept


def _sizes(decoder: Any, ids: npt.NDArray[np.int64]) -> list[tuple[float, float]]:
    """Return the usual size (root mean square) of what each layer's attention and gated layer put out."""
    found: dict[Any, float] = {}

    def watch(module: Any, _: Any, output: Any) -> None:
        states = output[0] if isinstance(output, tuple) else output
        # The first tokens of a text draw outputs of another size.
        found[module] = states[:, 8:].pow(2).mean(-1).sqrt().median().item()

    watched = [part for layer in decoder.model.layers for part in (layer.self_attn, layer.mlp)]
    hooks = [part.register_forward_hook(watch) for part in watched]
    decoder(torch.from_numpy(ids))
    for hook in hooks:
        hook.remove()
    return [(found[layer.self_attn], found[layer.mlp]) for layer in decoder.model.layers]
