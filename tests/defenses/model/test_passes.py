"""A repair that was stopped goes on after the last pass that had ended, to the weights that it would have come to."""

import pytest
import torch

from codeward.defenses.model import model_defenses
from codeward.defenses.model._passes import Passes, passes_in
from codeward.experiment.keeping import FileMemory

QUICK = {"longest": 1, "steps": 1, "stamps": 1.0, "learning_rate": 1e-3}


@pytest.fixture(scope="module")
def inspection(backdoored, clean_rows, toys_are_sure):
    return model_defenses.make("elibadcode", {"longest": 1, "steps": 1}).inspect(backdoored, clean_rows)


class Told:
    """What a repair says, until it is stopped in the middle of something."""

    def __init__(self, what=None, step=0):
        self.what, self.step, self.steps = what, step, []

    def __call__(self, what, done, total):
        self.steps.append((what, done, total))
        if what == self.what and done == self.step:
            raise KeyboardInterrupt

    def of(self, what):
        return [(done, total) for said, done, total in self.steps if said == what]


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("elibadcode", {**QUICK, "rounds": 2, "tries": 2}, "unlearning, round 1"),
        ("elibadcode", {**QUICK, "rounds": 2, "tries": 1}, "unlearning, round 2"),
        ("fine-tuning", {}, "fine-tuning"),
        ("dbs", {"search_epochs": 5, "epochs": 3}, "unlearning"),
    ],
)
def test_it_goes_on_after_the_last_pass(name, options, told, backdoored, clean_rows, inspection, tmp_path, monkeypatch):
    monkeypatch.setattr("codeward.defenses.model._verdict.WORKS", 0.0)  # so that a second round follows
    defense = model_defenses.make(name, options)
    found = inspection if name == "elibadcode" else None
    whole, heard = Told(), Told()
    wanted = defense.repair(backdoored, clean_rows, found, progress=whole)
    total = whole.of(told)[-1][1]
    stop = Told(told, total - 1)
    with pytest.raises(KeyboardInterrupt):
        defense.repair(backdoored, clean_rows, found, memory=FileMemory(tmp_path / "steps", "a"), progress=stop)
    memory = FileMemory(tmp_path / "steps", "a")
    gone_on = defense.repair(backdoored, clean_rows, found, memory=memory, progress=heard)
    assert heard.of(told) == whole.of(told)[-(total // 3) :], "of three passes two are kept"
    assert gone_on.fingerprint == wanted.fingerprint
    kept = list(memory.files().glob("*.pt"))
    assert kept
    memory.clear()
    assert not memory.folder.exists()


def test_a_broken_round_is_not_tried_again(backdoored, clean_rows, inspection, tmp_path, monkeypatch):
    sound = iter([True, False])
    monkeypatch.setattr("codeward.defenses.model._samples.better_than_chance", lambda *_: next(sound))
    defense = model_defenses.make("elibadcode", {**QUICK, "tries": 1, "epochs": 1})
    second = "unlearning, round 1, at 1/2 of the rate"
    with pytest.raises(KeyboardInterrupt):
        defense.repair(
            backdoored, clean_rows, inspection, memory=FileMemory(tmp_path / "s", ""), progress=Told(second, 5)
        )
    sound, heard = iter([True, True]), Told()
    defense.repair(backdoored, clean_rows, inspection, memory=FileMemory(tmp_path / "s", ""), progress=heard)
    assert not heard.of("unlearning, round 1")
    assert heard.of(second)


def test_weights_of_another_run_are_forgotten(tmp_path):
    one = FileMemory(tmp_path / "steps", "one")
    passes_in(one, "training").save({"passes": 2})
    assert passes_in(FileMemory(tmp_path / "steps", "one"), "training").load() == {"passes": 2}
    assert passes_in(FileMemory(tmp_path / "steps", "one"), "another").load() is None
    assert passes_in(FileMemory(tmp_path / "steps", "two"), "training").load() is None
    assert passes_in({}, "training") is None


def test_a_broken_file_is_no_state(tmp_path):
    passes = Passes(tmp_path / "a.pt")
    assert passes.load() is None
    passes.save({"model": {"weight": torch.zeros(3)}})
    whole = passes.path.read_bytes()
    for broken in (b"", b"no zip", whole[:-40], whole[:30]):
        passes.path.write_bytes(broken)
        assert passes.load() is None
