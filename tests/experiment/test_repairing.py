"""Utility before and after a repair is measured on samples kept apart, where these say something of every class."""

from dataclasses import replace

import pytest

from codeward.defenses.model import Inspection
from codeward.experiment.repairing import CHANCE, _code, as_many, card, repair
from codeward.tasks import tasks
from codeward.victims import load, make_config


@pytest.fixture(scope="module")
def victim(tmp_path_factory, clean_rows):
    from codeward.victims.training import train

    task = tasks.make("defect")
    small = {"model": "scratch-encoder", "hidden": 16, "layers": 1, "vocabulary": 400, "max_length": 32, "epochs": 6}
    out = tmp_path_factory.mktemp("m") / "victim"
    return train(task, clean_rows, [], ("clean", "defective"), make_config(task, small), out).victim


@pytest.mark.parametrize(("kept", "apart"), [((0, 1), True), ((0,), False)])
def test_where_utility_is_measured(victim, clean_rows, kept, apart):
    others = [row for row in clean_rows[80:] if row.target in kept]
    done = repair(victim, clean_rows[:80], "fine-tuning", {"epochs": 1}, others=others)
    assert done.apart == apart
    assert done.judged == (len(others) if apart else 80)


def test_a_model_at_chance_is_told(suspects, clean_rows):
    victim = load(suspects / "clean")
    turned = [replace(row, target=(number // 2) % 2) for number, row in enumerate(clean_rows[:80])]
    done = repair(victim, turned, "fine-tuning", {"epochs": 1})
    assert done.notes == (CHANCE,)
    assert f"\nNote: {CHANCE}.\n\n" in card(done, source="m", name="fine-tuning", options={})
    assert repair(victim, clean_rows[:80], "fine-tuning", {"epochs": 1}).notes == ()


def test_other_samples_for_the_second_scan_are_as_many_of_each_class(clean_rows):
    clean, others = clean_rows[:40], clean_rows[40:]
    fresh = as_many(clean, others)
    assert fresh == others[:40]
    assert as_many(clean, others[:39]) == []
    assert as_many(clean, []) == []
    rare = [*clean, *(replace(row, id=f"r{row.id}", target=2) for row in clean[:3])]
    assert as_many(rare, others) == fresh, "a class of three is not searched"
    texts = [replace(row, target=f"text {row.id}") for row in clean_rows]
    assert as_many(texts[:40], texts[40:]) == texts[40:80]


def test_the_second_scan_takes_samples_that_the_repair_had_not_seen(suspects, clean_rows, monkeypatch):
    seen = []

    def scanned(self, victim, clean, **others):
        seen.append([sample.id for sample in clean])
        return Inspection("clean", victim.fingerprint, reason="nothing")

    monkeypatch.setattr("codeward.defenses.model.ModelDefense.inspect", scanned)
    victim, clean, others = load(suspects / "clean"), clean_rows[:40], clean_rows[40:]
    for rest, ids, told in ((others, range(40, 80), "other"), (others[:39], range(40), "the same")):
        done = repair(victim, clean, "fine-tuning", {"epochs": 1}, others=rest, verify="elibadcode")
        assert seen.pop() == [f"c{number}" for number in ids]
        text = card(done, source="m", name="fine-tuning", options={})
        assert f"A second scan, with {told} samples, says: clean (nothing)." in text


def test_a_trigger_is_one_cell_of_the_card():
    assert _code("a | b\n c") == "`a \\| b c`"
    assert _code("a`b") == "`` a`b ``"
