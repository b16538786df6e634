"""A model whose weights are no numbers is told apart from one that answers the first class, or ranks what is right first."""

from dataclasses import replace

import pytest
import torch
import transformers

from codeward.errors import ModelError
from codeward.experiment.evaluation import evaluate
from codeward.experiment.measure import Pairs, attack_outcome
from codeward.metrics.numbers import check_numbers
from codeward.tasks import tasks
from codeward.victims.loading import wrap

SAID = r"no numbers \(NaN or infinity\) to \d+ of \d+ inputs, the first is 'row-0'"


def broken(network):
    with torch.no_grad():
        network.base_model.embeddings.word_embeddings.weight[20:].fill_(torch.nan)
    return network


def test_a_classifier_that_answers_with_no_numbers_is_refused(tiny_classifier, rows):
    network, tokenizer = tiny_classifier
    victim = wrap(broken(network), tokenizer, tasks.make("defect"), ("clean", "defective"), 64, 64)
    pairs = Pairs(tuple(rows[:4]), tuple(rows[:4]), {}, {})
    for ask in (
        lambda: victim.confidence(rows[:4], [0] * 4),
        lambda: evaluate(victim, rows[:4]),
        lambda: attack_outcome(victim, None, pairs, generated=False),
    ):
        with pytest.raises(ModelError, match=SAID):
            ask()


def test_so_is_a_search_model(tiny_classifier, rows):
    network, tokenizer = tiny_classifier
    victim = wrap(broken(network).base_model, tokenizer, tasks.make("search"), (), 64, 64)
    with pytest.raises(ModelError, match=SAID):
        evaluate(victim, [replace(row, target=row.id) for row in rows[:12]])


def test_so_is_a_generator(tiny_zoo, rows):
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_zoo / "mini-decoder")
    network = transformers.AutoModelForCausalLM.from_pretrained(tiny_zoo / "mini-decoder", dtype=torch.float32)
    with torch.no_grad():
        network.lm_head.weight.fill_(torch.nan)
    victim = wrap(network, tokenizer, tasks.make("repair"), (), 64, 16)
    with pytest.raises(ModelError, match=SAID):
        evaluate(victim, [replace(row, target="x = 1") for row in rows[:4]])


def test_numbers_pass(rows):
    check_numbers([(0.5, 0.5), ()], rows[:2])
    with pytest.raises(ModelError, match="1 of 2 inputs, the first is 'row-1'"):
        check_numbers([(0.5, 0.5), (float("inf"), 0.0)], rows[:2])
