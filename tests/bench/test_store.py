"""The store: whole results only, one for each step, and nothing left of killed ones, however long a living one takes."""

import os
import time

import pytest

from codeward.bench import store as storing
from codeward.bench.step import Step
from codeward.bench.store import FILE, STALE, Store
from codeward.errors import DataError

STEP = Step("train", {"seed": 1})


def aged(place, seconds):
    then = time.time() - seconds
    os.utime(place, (then, then))


def test_a_damaged_result_is_told(tmp_path):
    store = Store(tmp_path)
    assert store.find("train-0") is None
    (tmp_path / "train-0").mkdir()
    (tmp_path / "train-0" / FILE).write_text("{")
    with pytest.raises(DataError, match=r"damaged; remove the folder .*train-0"):
        store.find("train-0")


def test_what_killed_steps_left_is_removed_and_what_lives_is_not(tmp_path):
    for name in (".train-1.abc", ".train-2.abc", ".train-3.abc/model/checkpoint-9"):
        (tmp_path / name).mkdir(parents=True)
    aged(tmp_path / ".train-1.abc", STALE + 60)
    aged(tmp_path / ".train-3.abc", STALE + 60)  # a checkpoint deep inside is young
    Store(tmp_path).sweep()
    assert sorted(place.name for place in tmp_path.iterdir()) == [".train-2.abc", ".train-3.abc"]


def test_a_step_that_writes_nothing_for_long_says_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(storing, "PULSE", 0.01)
    store = Store(tmp_path)

    def work(folder):
        aged(folder, STALE + 60)
        for _ in range(500):
            if time.time() - folder.stat().st_mtime < STALE:
                break
            time.sleep(0.01)
        store.sweep()
        (folder / "weights").touch()
        return 1.0, "", "here"

    assert not store.keep(STEP, work).problem
    assert (store.place(STEP.key) / "weights").exists()


def test_of_two_runs_that_do_a_step_at_once_the_first_result_stays(tmp_path):
    store = Store(tmp_path)

    def other(folder):
        (folder / "weights").write_text("the first")
        return 1.0, "", "elsewhere"

    def work(folder):
        store.keep(STEP, other)
        (folder / "weights").write_text("the second")
        return 2.0, "", "here"

    done = store.keep(STEP, work)
    assert (done.seconds, done.host) == (1.0, "elsewhere")
    assert (store.place(STEP.key) / "weights").read_text() == "the first"
    assert not list(tmp_path.glob(".*"))
