"""Fixtures that several rooms share."""

import pytest


@pytest.fixture(scope="session")
def tiny_zoo(tmp_path_factory):
    """A folder of random mini models with one small tokenizer, as the package would embed them."""
    import transformers

    from codeward.victims.shapes import Shape, new_config, new_model
    from codeward.victims.tokenizing import fit_bpe

    folder = tmp_path_factory.mktemp("zoo")
    texts = [f"def area_{n}(width, height):\n    size = width * height + {n}\n    return size\n" for n in range(50)]
    tokenizer = fit_bpe(texts, 400)
    shape = Shape(hidden=32, layers=1, positions=128, head=16)
    heads = {
        "mini-encoder": ("rotary-encoder", transformers.AutoModelForMaskedLM),
        "mini-decoder": ("decoder", transformers.AutoModelForCausalLM),
    }
    for name, (family, auto) in heads.items():
        new_model(auto, new_config(family, shape, tokenizer), 0).half().save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    return folder


@pytest.fixture
def tiny_minis(tiny_zoo, monkeypatch):
    """Make the random mini models the embedded ones."""
    monkeypatch.setattr("codeward.zoo.FOLDER", tiny_zoo)
    return tiny_zoo
