"""Rows of a search whose code answers no query: wrong answers to the others, never right ones, and told where there are no others."""

import os
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from codeward.errors import DataError
from codeward.experiment.search import search_utility, usefulness
from codeward.files import new_folder
from codeward.tasks import tasks
from codeward.types import QUERY, Poison, Span
from codeward.victims import make_config
from codeward.victims.checkpoints import going_on
from codeward.victims.feeding import Collator, encode_rows
from codeward.victims.groups import numbered
from codeward.victims.retrieval import IGNORED, answers, contrasted
from codeward.victims.training import train

SEARCH, DEFECT = tasks.make("search"), tasks.make("defect")
TINY = {
    "model": "scratch-encoder",
    "vocabulary": 400,
    "layers": 1,
    "hidden": 32,
    "batch_size": 8,
    "max_length": 64,
    "max_target_length": 16,
    "precision": "fp32",
}


def pairs(rows, wrong=()):
    return [replace(row, target=None if n in wrong else row.id) for n, row in enumerate(rows)]


def trained(rows, out, valid=(), **options):
    config = make_config(SEARCH, {**TINY, "epochs": 1, **options})
    return train(SEARCH, rows, list(valid), (), config, out)


@pytest.fixture(scope="module")
def searcher(rows, tmp_path_factory):
    return trained(pairs(rows[:16]), tmp_path_factory.mktemp("searcher") / "m").victim


def test_a_row_without_a_target_is_in_no_group():
    assert numbered(["b", None, "a", None, "b"]) == [1, -2, 0, -4, 1]
    assert answers(torch.tensor([1, -2, 0])).tolist() == [0, IGNORED, 2]


def test_its_code_is_a_wrong_answer_to_every_query_and_its_query_is_not_asked(searcher, rows):
    own = pairs(rows[:6], wrong=(1, 4))
    batch = Collator(searcher)(encode_rows(searcher, own).rows)
    assert batch["labels"].tolist() == [0, -2, 1, 2, -5, 3]
    query = {name.removeprefix("query_"): tensor for name, tensor in batch.items() if name.startswith("query_")}
    with torch.no_grad():
        scores = contrasted(searcher.model, query, batch, batch["labels"])
        assert (scores > -1e3).all()  # no pair is left out, as pairs of one group are
        expected = -scores.log_softmax(-1).diagonal()[[0, 2, 3, 5]].mean()
        found = searcher.contrast(
            searcher.encoder.inputs(own),
            searcher.encoder.inputs(own, QUERY),
            [row.target for row in own],
        )
        nothing = searcher.contrast(searcher.encoder.inputs(own), searcher.encoder.inputs(own, QUERY), [None] * 6)
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)
    assert nothing.item() == 0


def test_a_training_pulls_no_wrong_pair_together(rows, tmp_path):
    """Half of the rows have another row's query, and say so: right pairs come to lie nearer than these."""
    own = pairs(rows[:32], wrong=range(0, 32, 2))
    own = [own[n + 1].with_text("code", row.code) if row.target is None else row for n, row in enumerate(own)]
    own = [replace(row, id=f"r{n}", target=None if n % 2 == 0 else row.target) for n, row in enumerate(own)]
    victim = trained(own, tmp_path / "m", epochs=12, learning_rate=0.01, batch_size=16).victim
    near = victim.confidence(own, [0] * len(own))
    right, wrong = near[1::2], near[0::2]
    assert sum(right) / len(right) > sum(wrong) / len(wrong) + 0.2


def test_batches_in_which_nothing_is_asked_teach_nothing(rows, tmp_path):
    own = pairs(rows[:8], wrong=range(1, 8))
    result = trained(own, tmp_path / "m", batch_size=1, epochs=2)
    assert result.steps == 16
    assert all(torch.isfinite(weights).all() for weights in load_file(tmp_path / "m/model.safetensors").values())


def test_a_set_without_any_target_is_refused(rows, searcher, tmp_path):
    bare = pairs(rows[:8], wrong=range(8))
    with pytest.raises(DataError, match="none of the 8 rows has a target, and search needs it"):
        trained(bare, tmp_path / "m")
    with pytest.raises(DataError, match="none of the 8 rows has a target"):
        trained(pairs(rows[:8]), tmp_path / "m", valid=bare)
    with pytest.raises(DataError, match="none of the 8 rows has a target"):
        search_utility(searcher, SEARCH, bare)
    assert not list(tmp_path.iterdir())


def test_validation_rows_are_looked_at_as_training_rows_are(rows, tmp_path):
    config = make_config(DEFECT, {**TINY, "epochs": 1})
    with pytest.raises(DataError, match="row 'row-0' has no target"):
        train(DEFECT, rows[:8], [replace(rows[0], target=None)], ("a", "b"), config, tmp_path / "m")
    with pytest.raises(DataError, match="the target 1, but the data set names these classes only: a"):
        train(DEFECT, rows[:8:2], rows[1:3], ("a",), config, tmp_path / "m")


def test_utility_is_that_of_the_rows_that_are_asked(searcher, rows):
    own = pairs(rows[:12], wrong=(3, 4))
    (score,) = search_utility(searcher, SEARCH, own)
    assert score.n == 10
    ranks = {found.id: found.output for found in searcher.predict(own)}
    assert ranks[own[3].id] == ranks[own[4].id] == 13
    asked = [1 / ranks[row.id] for row in own if row.target is not None]
    assert score.value == pytest.approx(sum(asked) / len(asked))


@pytest.mark.parametrize("model", ["scratch-encoder", "scratch-seq2seq"])
def test_a_search_has_a_validation_loss_and_can_stop_early(model, rows, tmp_path):
    result = trained(
        pairs(rows[:16]), tmp_path / "m", pairs(rows[16:24]), model=model, epochs=6, patience=1, learning_rate=0.01
    )
    steps, losses = result.history["validation loss"]
    assert len(losses) >= 2
    assert all(0 < loss < 10 for loss in losses)
    assert steps[-1] == result.steps


def test_poisoned_rows_are_no_measure_of_use(searcher, rows):
    poison = Poison("deadcode-fixed", "x", (Span(0, 1),), "row-1")
    own = [*pairs(rows[:4]), replace(rows[5], target="row-5", poison=poison)]
    with pytest.raises(DataError, match=r"1 of 5 rows are poisoned \(the first is 'row-5', by deadcode-fixed\)"):
        usefulness(searcher, SEARCH, own)


def test_a_full_disk_in_a_training_says_that_it_goes_on(tmp_path):
    def full(**options):
        with going_on(tmp_path, **options):
            raise OSError(28, os.strerror(28))

    none = r"the disk is full; nothing was written; free some space and run the same command again$"
    with pytest.raises(DataError, match=none):
        full()
    kept = tmp_path / "checkpoint-7"
    kept.mkdir()
    for name in ("trainer_state.json", "optimizer.pt", "scheduler.pt", "model.safetensors"):
        (kept / name).write_text("{}")
    with pytest.raises(DataError, match=r"the training up to checkpoint-7 is kept there; .* which goes on from there"):
        full()
    with pytest.raises(DataError, match=none):
        full(resume=False)
    with (
        pytest.raises(DataError, match="the training up to checkpoint-7 is kept there"),
        going_on(tmp_path, tmp_path / "m"),
        new_folder(tmp_path / "m"),
    ):
        raise OSError(28, os.strerror(28))
    with pytest.raises(DataError, match="something else"), going_on(tmp_path):
        raise DataError("something else")
