"""Training on a processor takes plain attention for short rows, and leaves the model as it was."""

import pytest
import torch
from transformers import RobertaConfig, RobertaForSequenceClassification

from codeward.victims.attention import SHORT, fast_attention


@pytest.fixture
def model():
    torch.manual_seed(0)
    shape = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return RobertaForSequenceClassification(RobertaConfig(**shape, intermediate_size=32)).eval()


def test_short_rows_take_plain_attention_and_long_ones_do_not(model):
    assert model.config._attn_implementation == "sdpa"
    with fast_attention(model, SHORT):
        assert model.config._attn_implementation == "eager"
    with fast_attention(model, SHORT + 1):
        assert model.config._attn_implementation == "sdpa"


def test_the_answers_are_the_same_and_the_model_is_left_as_it_was(model):
    with pytest.raises(RuntimeError), fast_attention(model, 20):
        raise RuntimeError
    ids, mask = torch.randint(5, 50, (3, 20)), torch.ones(3, 20, dtype=torch.long)
    mask[0, 12:] = 0
    fused = model(input_ids=ids, attention_mask=mask).logits
    with fast_attention(model, 20):
        plain = model(input_ids=ids, attention_mask=mask).logits
    assert torch.allclose(fused, plain, atol=1e-5)
    assert model.config._attn_implementation == "sdpa"
