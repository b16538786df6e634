"""Utility before and after a repair is measured on samples kept apart, where these say something of every class."""

from dataclasses import replace

import pytest

from codeward.experiment.repairing import CHANCE, _code, card, repair
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


def test_a_trigger_is_one_cell_of_the_card():
    assert _code("a | b\n c") == "`a \\| b c`"
    assert _code("a`b") == "`` a`b ``"
