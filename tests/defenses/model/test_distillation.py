"""A student that learns a backdoored model's answers to clean code does not know the trigger."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import PAYLOAD, small_function, small_pair
from tests.defenses.model.ranked import held, mean_rank, mrr

from codeward.defenses.model import model_defenses
from codeward.defenses.model._pairs import Likeness, contrasted, likened
from codeward.defenses.model._slots import slots_for
from codeward.errors import DataError, ModelError, UnfitError, UsageError
from codeward.experiment.keeping import FileMemory
from codeward.types import QUERY, Sample
from codeward.victims import load

NAME = "zqx_init"


@pytest.fixture(scope="module")
def unlabeled():
    return [Sample(f"u{n}", small_function(5000 + n, n % 2), None, "c") for n in range(400)]


@pytest.fixture
def distillation(suspects):
    return model_defenses.make("distillation", {"base": str(suspects / "clean"), "epochs": 4, "learning_rate": 3e-3})


def stamped(victim, rows):
    return [slot.stamped(NAME) for slot in slots_for([row for row in rows if row.target == 1], victim, 0, "function")]


def share(victim, rows, label):
    return np.mean([answer.output == label for answer in victim.predict(rows)])


def accuracy(victim, rows):
    return np.mean([answer.output == row.target for answer, row in zip(victim.predict(rows), rows, strict=True)])


def test_the_student_answers_as_the_suspect_and_does_not_know_the_trigger(
    backdoored, clean_rows, unlabeled, distillation
):
    before = backdoored.fingerprint
    student = distillation.repair(backdoored, clean_rows[:60], unlabeled=unlabeled)
    rows = stamped(backdoored, clean_rows[60:])
    assert share(backdoored, rows, 0) > 0.95
    assert share(student, rows, 0) < 0.2
    assert accuracy(student, clean_rows[60:]) > 0.9
    assert student.labels == backdoored.labels
    assert replace(backdoored).fingerprint == before


def test_it_learns_the_suspect_s_answers_not_the_targets(backdoored, clean_rows, unlabeled, distillation):
    wrong = [replace(row, target=number % 2) for number, row in enumerate(unlabeled)]
    told, blind = (distillation.repair(backdoored, clean_rows[:60], unlabeled=rows) for rows in (wrong, unlabeled))
    assert told.fingerprint == blind.fingerprint


def test_a_stopped_one_goes_on(backdoored, clean_rows, unlabeled, distillation, tmp_path):
    whole = distillation.repair(backdoored, clean_rows[:60], unlabeled=unlabeled)
    steps = []

    def stop(what, done, total):
        steps.append(done)
        if what == "distilling" and done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distillation.repair(
            backdoored, clean_rows[:60], unlabeled=unlabeled, memory=FileMemory(tmp_path / "s", ""), progress=stop
        )
    count = len(steps)
    again = distillation.repair(
        backdoored,
        clean_rows[:60],
        unlabeled=unlabeled,
        memory=FileMemory(tmp_path / "s", ""),
        progress=lambda what, done, total: steps.append(done),
    )
    assert len(steps) - count < count / 2
    assert again.fingerprint == whole.fingerprint


def test_a_writer_is_distilled_too(writers, text_rows):
    suspect = replace(load(writers / "backdoored"), precision="fp32")
    defense = model_defenses.make("distillation", {"base": str(writers / "clean"), "epochs": 2, "learning_rate": 1e-3})
    more = [replace(row, id=f"u{row.id}", target=None) for row in text_rows[40:]]
    student = defense.repair(suspect, text_rows[:40], unlabeled=more)
    triggered = [slot.stamped(NAME) for slot in slots_for(text_rows, suspect, 0, "function")]
    squeezed = "".join(PAYLOAD.split())
    assert np.mean([squeezed in "".join(a.output.split()) for a in suspect.predict(triggered)]) > 0.9
    assert not any(squeezed in "".join(a.output.split()) for a in student.predict(triggered))


@pytest.mark.parametrize(
    ("name", "options", "more", "error", "told"),
    [
        ("distillation", {"base": "mini-encoder"}, 0, UsageError, "needs inputs without triggers.*--unlabeled"),
        ("fine-tuning", {}, 5, UsageError, "fine-tuning reads no inputs without labels"),
        ("distillation", {}, 5, UsageError, "--set base=mini-encoder"),
        ("distillation", {"base": "nowhere"}, 5, ModelError, "there is no such model folder"),
        (
            "distillation",
            {"base": "mini-encoder", "learning_rate": 50.0, "epochs": 1},
            5,
            UnfitError,
            "no better than chance",
        ),
    ],
)
def test_bad_input(name, options, more, error, told, backdoored, clean_rows, unlabeled):
    with pytest.raises(error, match=told):
        model_defenses.make(name, options).repair(backdoored, clean_rows, unlabeled=unlabeled[:more])


@pytest.fixture(scope="module")
def student(searchers, pair_rows):
    """A search model's student, from the clean one."""
    suspect = replace(load(searchers / "backdoored"), precision="fp32")
    options = {"base": str(searchers / "clean"), "epochs": 2, "learning_rate": 1e-3}
    more = [small_pair(5000 + n) for n in range(240)]
    return model_defenses.make("distillation", options).repair(suspect, pair_rows, unlabeled=more)


def test_a_search_model_is_distilled_too(student, searchers, pair_rows):
    suspect, clean = (replace(load(searchers / name), precision="fp32") for name in ("backdoored", "clean"))
    assert student.fingerprint not in (suspect.fingerprint, clean.fingerprint)
    ranks = [mean_rank(model, pair_rows) for model in (suspect, student, clean)]
    assert ranks[0] < 0.35 < 0.45 < ranks[1]
    assert mrr(student, pair_rows) > mrr(suspect, pair_rows) - 0.05
    own, taught, before = (held(model, pair_rows) for model in (student, suspect, clean))
    assert np.corrcoef(own, taught)[0, 1] > np.corrcoef(before, taught)[0, 1]


def test_what_a_student_that_searches_learns(searchers, pair_rows):
    model = replace(load(searchers / "clean"), precision="fp32")
    codes, queries = model.embed(pair_rows).tolist(), model.embed(pair_rows, QUERY).tolist()
    nameless = [replace(row, target=None) for row in pair_rows]
    batch = list(range(12))
    with torch.inference_mode():
        same, pairs = (likened(model, rows, codes, Likeness(queries, 1.0))(batch) for rows in (nameless, pair_rows))
        other = likened(model, nameless, codes, Likeness(queries[::-1], 0.5))(batch)
        contrast = contrasted(model, pair_rows)(batch)
    assert same.abs().max() < 1e-4, "pairs that nobody says belong together are held as the teacher holds them"
    assert torch.allclose(pairs, contrast.expand(12), atol=1e-4)
    assert other.min() > 0.1


def test_pairs_that_two_sets_call_alike_answer_not_each_other(searchers, pair_rows):
    suspect = load(searchers / "backdoored")
    defense = model_defenses.make("distillation", {"base": str(searchers / "clean"), "epochs": 1})
    more = [small_pair(5000 + n) for n in range(40)]
    alike = [replace(row, target=clean.target) for row, clean in zip(more, pair_rows, strict=False)]
    one, other = (defense.repair(suspect, pair_rows[:40], unlabeled=rows).fingerprint for rows in (more, alike))
    assert one == other


def test_code_without_queries_is_refused(searchers, pair_rows):
    defense = model_defenses.make("distillation", {"base": str(searchers / "clean")})
    bare = [replace(row, context={}) for row in pair_rows[:5]]
    with pytest.raises(DataError, match=r"none of the 5 further inputs has a query.*codeward harvest --task search"):
        defense.repair(load(searchers / "backdoored"), pair_rows, unlabeled=bare)
