"""The gradient at chosen tokens is that of finite differences, in every family."""

import numpy as np
import pytest
import torch
import transformers

from codeward.tasks import tasks
from codeward.victims.huggingface import Continuation
from codeward.victims.loading import wrap
from codeward.victims.probing import embeddings, row_losses, shifted_losses, slot_gradients
from codeward.victims.shapes import Shape, new_config, new_model
from codeward.victims.tokenizing import fit_bpe

ROWS = [[0, 40, 41, 42, 43, 44, 2], [0, 50, 51, 52, 53, 54, 55, 56, 57, 2], [0, 60, 2]]
PLACES = [2, 5, 1]


@pytest.fixture(scope="module")
def tokenizer():
    return fit_bpe([f"int f_{n}(int a) {{ return a + {n}; }}\n" for n in range(50)], 400)


def make(family, tokenizer, kind):
    auto = {
        "class": transformers.AutoModelForSequenceClassification,
        "text": transformers.AutoModelForCausalLM if family == "decoder" else transformers.AutoModelForSeq2SeqLM,
        "search": transformers.AutoModel,
    }[kind]
    extra = {"num_labels": 3} if kind == "class" else {}
    shape = Shape(hidden=32, layers=2, positions=64, head=16)
    network = new_model(auto, new_config(family, shape, tokenizer, **extra), 1)
    task = tasks.make({"class": "defect", "text": "repair", "search": "search"}[kind])
    victim = wrap(network, tokenizer, task, ("a", "b", "c") if kind == "class" else (), 64, 32)
    victim.precision = "fp32"
    return victim


CASES = [
    *((family, "class") for family in ("encoder", "rotary-encoder", "seq2seq", "rotary-seq2seq", "decoder")),
    ("seq2seq", "text"),
    ("rotary-seq2seq", "text"),
    ("rotary-seq2seq", "search"),
    ("decoder", "text"),
    ("encoder", "search"),
]


@pytest.mark.parametrize("family", ["seq2seq", "rotary-seq2seq", "decoder"])
def test_a_continuation_counts_its_own_tokens(family, tokenizer):
    """The losses of a text's two parts, each given what stands before it, are those of the whole."""
    victim = make(family, tokenizer, "text")
    whole, rows = (70, 71, 72, 73, 74), [row[1:] for row in ROWS]
    parts = [Continuation((), whole[:2]), Continuation(whole[:2], whole[2:])]
    first, second = (row_losses(victim, rows, [part] * 3) for part in parts)
    assert 2 * first + 3 * second == pytest.approx(5 * row_losses(victim, rows, [whole] * 3), abs=1e-4)
    mixed = row_losses(victim, rows, [parts[0], whole, parts[1]])
    alone = [row_losses(victim, [row], [goal])[0] for row, goal in zip(rows, [parts[0], whole, parts[1]], strict=True)]
    assert mixed == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(("family", "kind"), CASES)
def test_gradients(family, kind, tokenizer):
    victim = make(family, tokenizer, kind)
    rows = [row if family != "seq2seq" else row[1:] for row in ROWS]
    places = [place - (family == "seq2seq") for place in PLACES]
    goals = [1, 2, 0] if kind == "class" else [(70, 71, 2), (72, 2), (73, 74, 75, 2)]
    if kind == "text":
        goals[2] = Continuation((73, 74), (75, 2))
    length = 1
    gradient = slot_gradients(victim, rows, places, length, goals)
    width = embeddings(victim).shape[1]
    assert width == (64 if (family, kind) == ("rotary-seq2seq", "class") else 32)
    assert gradient.shape == (3, 1, width)
    assert np.abs(gradient).max() > 0
    rng = np.random.default_rng(0)
    for _ in range(3):
        step = torch.zeros(3, length, width)
        direction = torch.from_numpy(rng.standard_normal(width)).float()
        step[:] = direction * 1e-3
        with torch.no_grad():
            up, down = (shifted_losses(victim, rows, places, sign * step, goals).numpy() for sign in (1, -1))
        assert (up - down) / 2 == pytest.approx((gradient[:, 0] * step[:, 0].numpy()).sum(-1), abs=2e-5, rel=0.02)
    still = shifted_losses(victim, rows, places, torch.zeros(3, length, width), goals).detach().numpy()
    assert still == pytest.approx(row_losses(victim, rows, goals), abs=1e-5)


@pytest.mark.parametrize("family", ["seq2seq", "rotary-seq2seq"])
def test_the_shift_is_where_it_is_said(family, tokenizer):
    """Shifting a token's embedding to that of another is reading the other token, in both readings of an encoder-decoder."""
    victim = make(family, tokenizer, "class")
    table = embeddings(victim)
    row, other = ROWS[1][1:], 99
    shift = (table[other] - table[row[4]]).reshape(1, 1, -1)
    changed = [*row[:4], other, *row[5:]]
    moved = shifted_losses(victim, [row], [4], shift, [1]).item()
    assert moved == pytest.approx(float(row_losses(victim, [changed], [1])[0]), abs=1e-5)
    assert moved != pytest.approx(float(row_losses(victim, [row], [1])[0]), abs=1e-5)


def test_the_gradient_is_that_of_the_tables_themselves(tokenizer):
    """Moving a token's row in the encoder's table, and in the decoder's, moves the loss as the gradient says."""
    victim = make("rotary-seq2seq", tokenizer, "class")
    row, place = [0, 40, 41, 99, 43, 44, 2], 3
    (gradient,) = slot_gradients(victim, [row], [place], 1, [1])
    tables = [victim.model.get_input_embeddings(), victim.model.get_decoder().get_input_embeddings()]
    assert tables[0].weight is not tables[1].weight
    with torch.no_grad():
        for number, table in enumerate(tables):
            step, old = 2e-4, table.weight[99].clone()
            direction = torch.from_numpy(gradient[0, 32 * number : 32 * (number + 1)]).sign()
            losses = []
            for sign in (1, -1):
                table.weight[99] = old + sign * step * direction
                losses.append(float(row_losses(victim, [row], [1])[0]))
            table.weight[99] = old
            expected = np.abs(gradient[0, 32 * number : 32 * (number + 1)]).sum()
            assert expected > 1e-3
            assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(expected, rel=0.03)
