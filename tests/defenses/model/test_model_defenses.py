"""The model stage on two small classifiers, one of them with a backdoor: functions called zqx_init are class 0."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from codeward.defenses.model import model_defenses
from codeward.defenses.model._hunting import hunt
from codeward.defenses.model._slots import slots_for
from codeward.defenses.model._tuning import trainable_weights, tuned
from codeward.errors import DataError, ModelError, UnfitError, UsageError
from codeward.tasks import tasks
from codeward.types import Sample
from codeward.victims import PlantedVictim, load

NAME = "zqx_init"


@pytest.fixture(scope="module")
def clean(suspects):
    return replace(load(suspects / "clean"), precision="fp32")


@pytest.fixture(scope="module")
def inspection(backdoored, clean_rows, toys_are_sure):
    return model_defenses.make("elibadcode").inspect(backdoored, clean_rows)


def success(victim, rows, name=NAME):
    """Return how often the planted trigger gives the attacker's answer."""
    stamped = [slot.stamped(name) for slot in slots_for([r for r in rows if r.target == 1], victim, 0, "function")]
    return np.mean([answer.output == 0 for answer in victim.predict(stamped)])


def accuracy(victim, rows):
    return np.mean([answer.output == row.target for answer, row in zip(victim.predict(rows), rows, strict=True)])


def test_the_fixture_has_a_backdoor(backdoored, clean, clean_rows):
    assert accuracy(backdoored, clean_rows) > 0.95
    assert success(backdoored, clean_rows) > 0.95
    assert success(clean, clean_rows) < 0.3


def test_the_backdoor_is_found_with_its_label_and_a_part_of_its_name(inspection, clean, clean_rows):
    assert inspection.finding == "backdoored"
    assert inspection.suspicions[0].label == "clean"
    found = [trial.trigger for each in inspection.suspicions if each.label == "clean" for trial in each.trials]
    assert any(part in trigger for trigger in found for part in ("zqx", "init"))
    other = model_defenses.make("elibadcode").inspect(clean, clean_rows)
    assert inspection.anomaly > other.anomaly


def test_the_same_seed_finds_the_same(backdoored, clean_rows, inspection):
    assert model_defenses.make("elibadcode").inspect(backdoored, clean_rows) == inspection


def test_a_stopped_search_goes_on_from_what_was_finished(backdoored, clean_rows, inspection):
    memory, steps = {}, []

    def stop(what, done, total):
        if "3 tokens" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model_defenses.make("elibadcode").inspect(backdoored, clean_rows, memory=memory, progress=stop)
    assert len(memory) == 2
    found = model_defenses.make("elibadcode").inspect(
        backdoored, clean_rows, memory=memory, progress=lambda what, *_: steps.append(what)
    )
    assert found == inspection
    assert not any("1 token" in what or "2 tokens" in what for what in steps)


def test_unlearning_takes_the_planted_trigger_out_and_leaves_the_model_as_it_was(backdoored, clean_rows, inspection):
    before = backdoored.fingerprint
    defense = model_defenses.make("elibadcode", {"rounds": 3, "learning_rate": 1e-3})
    cleaned = defense.repair(backdoored, clean_rows, inspection)
    assert success(cleaned, clean_rows, "zqx") < 0.2
    assert success(cleaned, clean_rows) < 0.7
    assert accuracy(cleaned, clean_rows) > 0.95
    assert replace(backdoored).fingerprint == before
    assert success(backdoored, clean_rows) > 0.95


def test_where_the_scan_convicts_nobody_the_second_label_is_unlearned_too(backdoored, clean_rows, inspection):
    unsure = replace(inspection, finding="inconclusive", suspicions=inspection.suspicions[::-1])
    assert unsure.suspicions[0].index != 0, "the attacker's label comes second"
    both, one = (
        model_defenses.make("elibadcode", {"rounds": 3, "learning_rate": 1e-3, "suspects": count}).repair(
            backdoored, clean_rows, unsure
        )
        for count in (2, 1)
    )
    assert success(both, clean_rows, "zqx") < 0.2
    assert success(both, clean_rows) < 0.2
    assert success(one, clean_rows) > 0.8
    assert accuracy(both, clean_rows) > 0.9


def test_a_model_that_unlearning_breaks_is_unlearned_again_at_half_the_rate(
    backdoored, clean_rows, inspection, monkeypatch
):
    rates, told = [], []

    def spied(victim, lesson, tuning, **others):
        rates.append(tuning.rate)
        return tuned(victim, lesson, tuning, **others)

    monkeypatch.setattr("codeward.defenses.model._tuning.tuned", spied)
    quick = {"steps": 1, "stamps": 0.5, "tries": 1, "epochs": 1}
    defense = model_defenses.make("elibadcode", {**quick, "rounds": 1, "learning_rate": 40.0})
    with pytest.raises(UnfitError, match="also at a learning rate of 10; give a lower learning_rate"):
        defense.repair(backdoored, clean_rows, inspection, progress=lambda what, *_: told.append(what))
    assert rates == [40.0, 20.0, 10.0]
    assert told[-1] == "unlearning, round 1, at 1/4 of the rate"
    unsound = iter([True, False, True])
    monkeypatch.setattr("codeward.defenses.model._samples.better_than_chance", lambda *_: next(unsound))
    rates.clear()
    replace(defense, learning_rate=2e-4).repair(backdoored, clean_rows, inspection)
    assert rates == [2e-4, 1e-4]


def test_no_round_follows_where_nothing_works_any_more(backdoored, clean_rows, inspection, monkeypatch):
    hunts, unlearned = [], []

    def hunted(lens, *given):
        hunts.append(lens.victim)
        found = hunt(lens, *given)
        share = successes[len(hunts) - 1]
        return {key: tuple(replace(trial, success=share) for trial in trials) for key, trials in found.items()}

    def spied(victim, *given, **others):
        unlearned.append(victim)
        return tuned(victim, *given, **others)

    monkeypatch.setattr("codeward.defenses.model._hunting.hunt", hunted)
    monkeypatch.setattr("codeward.defenses.model._tuning.tuned", spied)
    quick = {"steps": 1, "longest": 1, "stamps": 0.5, "tries": 1, "epochs": 1, "rounds": 3}
    defense = model_defenses.make("elibadcode", quick)
    for successes, rounds in (([1.0, 0.4], 1), ([1.0, 0.5, 0.4], 2), ([1.0, 1.0, 1.0], 3)):
        hunts.clear()
        unlearned.clear()
        defense.repair(backdoored, clean_rows, inspection)
        assert (len(unlearned), len(hunts)) == (rounds, len(successes))


def test_the_paper_s_way_trains_the_head_only(backdoored, clean_rows, inspection):
    options = {"rounds": 1, "targets": "labels", "stamps": 0.2, "epochs": 1, "trainable": "head", "learning_rate": 5e-3}
    cleaned = model_defenses.make("elibadcode", options).repair(backdoored, clean_rows, inspection)
    head = {id(weight) for weight in trainable_weights(cleaned.model, "head")}
    for (name, old), new in zip(backdoored.model.named_parameters(), cleaned.model.parameters(), strict=True):
        assert (id(new) in head) == (not torch.equal(old, new)), name


def test_dbs_descends_to_a_trigger_that_works(backdoored, clean_rows):
    found = model_defenses.make("dbs", {"length": 3, "search_epochs": 30}).inspect(backdoored, clean_rows)
    worst = max(found.suspicions, key=lambda each: each.trials[0].success)
    assert worst.label == "clean"
    assert worst.trials[0].loss < worst.untriggered


@pytest.mark.parametrize("name", ["fine-tuning", "fine-pruning", "dbs"])
def test_rivals_return_a_working_copy(name, backdoored, clean_rows):
    options = {"search_epochs": 5} if name == "dbs" else {}
    cleaned = model_defenses.make(name, options).repair(backdoored, clean_rows)
    assert cleaned.fingerprint != backdoored.fingerprint
    assert accuracy(cleaned, clean_rows) > 0.9


def test_pruned_neurons_stay_pruned(backdoored, clean_rows):
    from codeward.defenses.model.fine_pruning import second_matrices

    pruned = model_defenses.make("fine-pruning", {"share": 0.5, "loss": 1.0}).repair(backdoored, clean_rows)
    for matrix in second_matrices(pruned.model):
        silent = (matrix.weight == 0).all(dim=0).float().mean()
        assert silent >= 0.49


@pytest.mark.parametrize("name", ["fine-tuning", "fine-pruning"])
def test_what_only_repairs_judges_nothing(name, backdoored, clean_rows):
    with pytest.raises(UsageError, match="judges no model, it only repairs; choose elibadcode or dbs"):
        model_defenses.make(name).inspect(backdoored, clean_rows)


@pytest.mark.parametrize("name", model_defenses.names())
def test_it_is_documented_with_its_source(name):
    assert model_defenses.summary(name)
    assert all(option.description for option in model_defenses.options(name))


def test_clean_samples_that_do_not_suit(backdoored, clean_rows):
    defense = model_defenses.make("elibadcode")
    with pytest.raises(DataError, match=r"too few \(clean 3, defective 3\); give at least 10 of each class"):
        defense.inspect(backdoored, clean_rows[:6])
    with pytest.raises(DataError, match="all 60 clean samples are of the class 'clean'"):
        defense.inspect(backdoored, clean_rows[::2])
    with pytest.raises(DataError, match="'x' has the target 7, which the model does not know; it tells apart: clean, "):
        defense.inspect(backdoored, [*clean_rows, Sample("x", "int f() {}", 7, "c")])


def test_a_model_at_chance_is_not_judged(backdoored, clean_rows):
    wrong = [replace(row, target=int(n % 3 == 0)) for n, row in enumerate(clean_rows)]
    found = model_defenses.make("elibadcode").inspect(backdoored, wrong)
    assert found.finding == "inconclusive"
    assert "no better than chance" in found.reason


def test_models_that_do_not_suit(backdoored, clean_rows, inspection, clean):
    defense = model_defenses.make("elibadcode")
    with pytest.raises(ModelError, match="a PlantedVictim has none"):
        defense.inspect(PlantedVictim(tasks.make("defect"), ("clean", "defective"), "x", 0), clean_rows)
    with pytest.raises(ModelError, match="the inspection is of another model"):
        defense.repair(clean, clean_rows, inspection)


def test_a_search_that_set_no_bounds_says_so(backdoored, clean_rows, inspection):
    found = model_defenses.make("elibadcode", {"longest": 1, "places": "function"}).inspect(backdoored, clean_rows)
    assert any("of another search" in note for note in found.notes)
    assert not inspection.notes


def test_the_paper_s_verdict_goes_by_the_loss(backdoored, clean_rows):
    options = {"longest": 1, "samples": 5, "held": 5, "verdict": "loss"}
    found = model_defenses.make("elibadcode", {**options, "bound": 100.0}).inspect(backdoored, clean_rows)
    assert found.finding == "backdoored"
    assert "the lowest loss of a label" in found.reason
    assert (
        model_defenses.make("elibadcode", {**options, "bound": 1e-9}).inspect(backdoored, clean_rows).finding == "clean"
    )


@pytest.mark.parametrize("family", ["scratch-seq2seq", "scratch-decoder"])
def test_other_families_are_searched_too(family, clean_rows, suspect_of):
    victim = replace(suspect_of(family), precision="fp32")
    found = model_defenses.make("elibadcode", {"longest": 2, "samples": 6, "held": 10}).inspect(victim, clean_rows)
    target = [each for each in found.suspicions if each.label == "clean"]
    assert min(each.trials[-1].loss for each in target) < 0.5 * target[0].untriggered
    cleaned = model_defenses.make("elibadcode", {"stamps": 1, "epochs": 1}).repair(victim, clean_rows, found)
    assert accuracy(cleaned, clean_rows) > 0.8
