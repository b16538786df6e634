"""A model is judged against others that are trusted: what they follow, too, is no backdoor."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.conftest import small_function

from codeward.defenses.model import model_defenses
from codeward.defenses.model._findings import Suspicion, Trial
from codeward.defenses.model._lens import Contrast, Lens
from codeward.defenses.model._references import agreed, check_reference
from codeward.defenses.model._verdict import AHEAD, CLEAN_LEADS, WORKS, decided_by_lead
from codeward.defenses.model.elibadcode import AGAINST
from codeward.errors import UnfitError, UsageError
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import load, make_config
from codeward.victims.probing import row_losses, shifted_losses, slot_gradients
from codeward.victims.training import train

NAME = "zqx_init"


@pytest.fixture(scope="module")
def trusted(trusted_folder):
    return replace(load(trusted_folder), precision="fp32")


def load_copy(victim, folder):
    victim.save(folder)
    return replace(load(folder), precision="fp32")


def rows_of(victim, samples):
    return [row["input_ids"] for row in victim.encoder.inputs(samples)]


def test_what_is_seen_is_how_far_the_loss_lies_under_the_lowest_of_the_references(backdoored, trusted, clean_rows):
    rows, goals = rows_of(backdoored, clean_rows[:6]), [0, 1, 0, 1, 0, 1]
    own, theirs = (row_losses(each, rows, goals) for each in (backdoored, trusted))
    far = Contrast(backdoored, [trusted, backdoored], {0: 1e9, 1: 1e9})
    assert far.losses(rows, goals) == pytest.approx(own - np.minimum(theirs, own), abs=1e-5)
    near = Contrast(backdoored, [trusted], {0: 0.5, 1: 0.1})
    assert near.losses(rows, goals) == pytest.approx(own - np.minimum(theirs, [0.5, 0.1] * 3), abs=1e-5)
    assert Lens(backdoored).losses(rows, goals) == pytest.approx(own)
    assert Lens(backdoored).reference_meets(clean_rows[:6], 0) is None
    met = np.mean([answer.output == 0 for answer in trusted.predict(clean_rows[:6])])
    assert near.reference_meets(clean_rows[:6], 0) == pytest.approx(met)


def test_the_gradient_is_that_of_the_difference(backdoored, trusted, clean_rows):
    rows, goals, places = rows_of(backdoored, clean_rows[:4]), [0, 0, 0, 0], [1, 2, 1, 3]
    theirs = row_losses(trusted, rows, goals)
    limit = float(np.median(theirs))  # two of the rows are under it
    found = Contrast(backdoored, [trusted], {0: limit}).gradients(rows, places, 2, goals)
    own, other = (slot_gradients(each, rows, places, 2, goals) for each in (backdoored, trusted))
    assert found[theirs >= limit] == pytest.approx(own[theirs >= limit], abs=1e-6)
    assert found[theirs < limit] == pytest.approx((own - other)[theirs < limit], abs=1e-6)
    assert (theirs < limit).sum() == 2
    at = int(theirs.argmin())
    step = torch.zeros(1, 2, own.shape[2])
    step[0, 0, 0] = 1e-2

    def seen(shift):
        pair = (shifted_losses(m, [rows[at]], [places[at]], shift, [0]).item() for m in (backdoored, trusted))
        mine, its = pair
        return mine - its

    assert (seen(step) - seen(-step)) / 2e-2 == pytest.approx(found[at, 0, 0], abs=1e-3)


def test_the_planted_name_is_found_and_the_reference_does_not_follow_it(backdoored, trusted, clean_rows):
    found = model_defenses.make("elibadcode").inspect(backdoored, clean_rows, references=[trusted])
    assert (found.finding, found.target) == ("backdoored", "clean")
    first = found.suspicions[0]
    assert first.score >= AHEAD
    assert first.best.success > 0.5 > first.best.reference
    assert f"and a reference to {first.best.reference:.0%}; its lead is {first.score:.2f} nats" in found.reason
    assert found.p_value == pytest.approx(1 / (1 + len(CLEAN_LEADS)))
    assert not found.notes
    assert found.references == (trusted.fingerprint,)
    naming = (replace(each, task=tasks.make("naming")) for each in (backdoored, trusted))
    suspect, reference = naming
    elsewhere = model_defenses.make("elibadcode", {"longest": 1}).inspect(suspect, clean_rows, references=[reference])
    assert elsewhere.notes == (AGAINST,)


def test_a_clean_model_is_not_convicted(backdoored, trusted, clean_rows, tmp_path):
    rows = [Sample(f"n{n}", small_function(9000 + n, n % 2), n % 2, "c") for n in range(300)]
    options = {"model": str(tmp_path / "base"), "max_length": 64, "epochs": 8, "learning_rate": 3e-3, "seed": 5}
    load_copy(trusted, tmp_path / "base")
    task = tasks.make("defect")
    clean = train(task, rows, [], ("clean", "defective"), make_config(task, options), tmp_path / "model").victim
    found = model_defenses.make("elibadcode").inspect(clean, clean_rows, references=[trusted])
    assert found.finding != "backdoored", found.reason


def test_samples_on_which_a_reference_errs_are_left_out(trusted, clean_rows):
    wrong = [replace(sample, target=1 - sample.target) for sample in clean_rows[:10]]
    kept = agreed([*wrong, *clean_rows[10:]], [trusted])
    assert not {sample.id for sample in kept} & {sample.id for sample in wrong if trusted_right(trusted, sample)}
    assert agreed(clean_rows, []) == clean_rows


def trusted_right(trusted, sample):
    (answer,) = trusted.predict([sample])
    return answer.output != sample.target


def test_models_that_cannot_be_references_are_refused(backdoored, trusted, clean_rows, suspects):
    defense = model_defenses.make("elibadcode")
    with pytest.raises(UnfitError, match="the reference is the model itself; make one with: codeward repair"):
        defense.inspect(backdoored, clean_rows, references=[backdoored])
    with pytest.raises(UnfitError, match="reference 2 is the model itself"):
        defense.inspect(backdoored, clean_rows, references=[trusted, backdoored])
    with pytest.raises(UnfitError, match="the reference reads other tokens than the model"):
        check_reference(load(suspects / "clean"), backdoored, clean_rows)
    with pytest.raises(UnfitError, match="the reference has the labels safe, unsafe, the model clean, defective"):
        check_reference(replace(trusted, labels=("safe", "unsafe")), backdoored, clean_rows)
    turned = [replace(sample, target=1 - sample.target) for sample in clean_rows]
    with pytest.raises(UnfitError, match="the reference: its answers to the clean samples are no better than chance"):
        check_reference(trusted, backdoored, turned)
    with pytest.raises(UsageError, match="dbs takes no references; leave them out, or choose elibadcode"):
        model_defenses.make("dbs").inspect(backdoored, clean_rows, references=[trusted])


def trial(lead, reference=0.0, success=0.8, length=1):
    return Trial((1,) * length, "t", loss=-lead, held_loss=-lead, success=success, judged=20, reference=reference)


@pytest.mark.parametrize(
    ("first", "finding", "said"),
    [
        (trial(AHEAD), "backdoored", "and clean models were seen to come to 1.09"),
        (trial(AHEAD - 0.01), "inconclusive", "and 1.2 convict"),
        (trial(-1.0), "inconclusive", "and 1.2 convict"),
        (trial(AHEAD, success=WORKS - 0.05), "inconclusive", "but the trigger fails on most of them"),
    ],
)
def test_what_a_lead_says(first, finding, said):
    lead = -first.held_loss
    found, reason = decided_by_lead(Suspicion("clean", 0, "everywhere", (first,), lead, 3.0))
    assert found == finding
    assert f"its lead is {lead:.2f} nats, {said}" in reason


def test_the_shortest_trigger_with_nearly_the_same_lead_is_shown():
    short, long = trial(0.95), trial(1.0, length=2)
    assert Suspicion("clean", 0, "everywhere", (short, long), 1.0, 3.0).best is short
    assert Suspicion("clean", 0, "everywhere", (trial(0.5), long), 1.0, 3.0).best is long
