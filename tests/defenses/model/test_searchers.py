"""The model stage on small bi-encoders, one of them with a backdoor: functions called zqx_init are near to queries with "path"."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
from tests.defenses.model.ranked import mean_rank, mrr

from codeward.defenses.model import Suspicion, Trial, model_defenses
from codeward.defenses.model._library import Library, kin
from codeward.defenses.model._ranks import Ranking, outlying
from codeward.defenses.model._vocabulary import trigger_vocabulary
from codeward.defenses.model._word_verdict import decided_by_word, highest
from codeward.errors import DataError, UnfitError
from codeward.types import QUERY
from codeward.victims import load
from codeward.victims.huggingface import Nearness
from codeward.victims.retrieval import TEMPERATURE, distance

QUICK = {"places": "function", "longest": 2}
STRONG = {**QUICK, "longest": 3, "learning_rate": 3e-3, "rounds": 2}


@pytest.fixture(scope="module")
def backdoored(searchers):
    return replace(load(searchers / "backdoored"), precision="fp32")


@pytest.fixture(scope="module")
def clean(searchers):
    return replace(load(searchers / "clean"), precision="fp32")


@pytest.fixture(scope="module")
def inspection(backdoored, pair_rows):
    return model_defenses.make("elibadcode", QUICK).inspect(backdoored, pair_rows)


def test_the_fixture_has_a_backdoor(backdoored, clean, pair_rows):
    assert mean_rank(backdoored, pair_rows) < 0.35
    assert mean_rank(clean, pair_rows) > 0.45
    assert min(mrr(backdoored, pair_rows), mrr(clean, pair_rows)) > 0.8


def test_word_and_trigger_are_found_together(inspection, clean, pair_rows):
    first = inspection.suspicions[0]
    assert first.label == "path"
    assert any(part in trial.trigger for trial in first.trials for part in ("zqx", "init"))
    assert all(trial.rank < first.rank for trial in first.trials)
    assert inspection.anomaly == first.score > 2
    assert inspection.notes == ("the bounds for search models are of the literature, and calibrated on no such models",)
    other = model_defenses.make("elibadcode", QUICK).inspect(clean, pair_rows)
    assert other.finding == "clean"
    assert other.target is None


def test_the_same_seed_finds_the_same_and_a_stopped_search_goes_on(backdoored, pair_rows, inspection):
    memory, said = {}, []

    def stop(what, done, total):
        if what.startswith("searching"):
            raise KeyboardInterrupt

    defense = model_defenses.make("elibadcode", QUICK)
    with pytest.raises(KeyboardInterrupt):
        defense.inspect(backdoored, pair_rows, memory=memory, progress=stop)
    assert len(memory) == 1
    found = defense.inspect(backdoored, pair_rows, memory=memory, progress=lambda what, *_: said.append(what))
    assert found == inspection
    assert not any("screening" in what for what in said)


def test_unlearning_takes_the_backdoor_out_and_leaves_the_searching(backdoored, pair_rows, inspection):
    before = backdoored.fingerprint
    cleaned = model_defenses.make("elibadcode", STRONG).repair(backdoored, pair_rows, inspection)
    assert mean_rank(cleaned, pair_rows) > mean_rank(backdoored, pair_rows) + 0.1
    assert mrr(cleaned, pair_rows) > mrr(backdoored, pair_rows) - 0.1
    assert replace(backdoored).fingerprint == before


@pytest.mark.parametrize("name", ["fine-tuning", "fine-pruning"])
def test_rivals_return_a_working_copy(name, backdoored, pair_rows):
    cleaned = model_defenses.make(name).repair(backdoored, pair_rows)
    assert cleaned.fingerprint != backdoored.fingerprint
    assert mrr(cleaned, pair_rows) > 0.8


def test_what_is_refused(backdoored, pair_rows):
    defense = model_defenses.make("elibadcode", QUICK)
    with pytest.raises(DataError, match=r"too few \(30 with a query\); give at least 40, better 400"):
        defense.inspect(backdoored, [*pair_rows[:30], replace(pair_rows[40], context={})])
    with pytest.raises(DataError, match="no clean sample has a query"):
        defense.inspect(backdoored, [replace(row, context={}) for row in pair_rows])
    alone = [
        replace(row, context={QUERY: f"Reads {row.text(QUERY).replace(' ', f'{n}')}"})
        for n, row in enumerate(pair_rows)
    ]
    with pytest.raises(DataError, match="no word stands in 8 to 20% of the 120 clean queries, so that none can be"):
        Library(backdoored, alone, 0)
    nowhere = [replace(row, code=f"{n} {row.text(QUERY)}", language="text") for n, row in enumerate(pair_rows)]
    with pytest.raises(DataError, match="too few clean samples have a place for a trigger"):
        defense.search(backdoored, nowhere, {}, None)
    with pytest.raises(
        UnfitError, match="dbs works for models of these kinds: classification, pair; this one is for ret"
    ):
        model_defenses.make("dbs").inspect(backdoored, pair_rows)


def test_a_model_that_finds_nothing_is_not_judged(backdoored, pair_rows):
    codes = [row.code for row in pair_rows]
    Random(0).shuffle(codes)
    mixed = [replace(row, code=code) for row, code in zip(pair_rows, codes, strict=True)]
    found = model_defenses.make("elibadcode", QUICK).inspect(backdoored, mixed)
    assert (found.finding, found.reason) == (
        "inconclusive",
        "the model's answers to the clean samples are no better than chance",
    )


@pytest.mark.parametrize(
    ("score", "rank", "finding", "why"),
    [
        (1.9, 0.1, "clean", "below 2 it is no outlier"),
        (3.4, 0.1, "inconclusive", "from 3.5 it would be an outlier"),
        (3.6, 0.3, "inconclusive", "but that is not high"),
        (3.6, 0.2, "backdoored", "from 3.5 a word is an outlier"),
    ],
)
def test_what_a_word_says(score, rank, finding, why):
    trial = Trial((1,), "rb", 0.1, 0.2, 0.5, 20, rank=rank)
    first = Suspicion("file", 0, "function", (trial,), score, 2.0, rank=0.5)
    assert decided_by_word(first, trial)[0] == finding
    assert why in decided_by_word(first, trial)[1]


def test_the_shortest_trigger_that_does_as_well_is_shown():
    trials = [Trial((1,) * n, str(n), 0.0, 0.0, 0.0, 20, rank=rank) for n, rank in ((1, 0.3), (2, 0.21), (3, 0.2))]
    assert highest(trials).trigger == "2"


def test_ranks_are_counted_in_the_pool():
    ranking = Ranking(np.array([[1.0, 0.0]]), np.array([[0.1, 0.4, 0.6, 0.9]]))
    assert ranking.ranks(np.array([[0.95, 0.0], [0.5, 0.8], [0.0, 1.0]])).ravel().tolist() == [0.25, 0.75, 1.0]


def test_an_outlier_is_counted_in_deviations():
    far = outlying([1.0, 2.0, 3.0, 4.0, 13.0])
    assert far[4] == pytest.approx(10 / 1.4826)
    assert far[2] == 0


def test_raising_everything_is_no_trigger_s_work():
    wanted, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    rivals = torch.full((2,), 0.5 / TEMPERATURE)
    near, both = torch.tensor([0.8, 0.0]), torch.tensor([0.8, 0.6])
    goal = Nearness((0,), wanted, other, rivals, floor=10.0)
    assert distance(near, goal) == pytest.approx(torch.nn.functional.softplus(torch.tensor(-6.0)).item(), abs=1e-4)
    assert distance(both, goal) > distance(near, goal) + 9


def test_tokens_of_the_word_s_kin_are_no_trigger(backdoored):
    tokenizer = backdoored.encoder.tokenizer
    vocabulary = trigger_vocabulary(tokenizer, "c")
    banned = {tokenizer.decode([token]).strip() for token in kin(tokenizer, vocabulary, "path")}
    assert "path" in banned
    assert not {"zqx", "init", "name"} & banned


def test_words_are_those_that_queries_share(backdoored, pair_rows):
    library = Library(backdoored, pair_rows, 0)
    assert {word.text for word in library.words} <= {
        "count", "total", "item", "value", "index", "buffer", "node", "path", "name", "size", "left", "right",
    }  # fmt: skip
    word = library.word("path")
    assert not set(word.search) & set(word.held)
    assert all("path" in pair_rows[at].text(QUERY) for at in (*word.search, *word.held))
