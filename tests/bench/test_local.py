"""Processes of this machine: one that is killed takes no other step with it, and none outlives the bench or leaves half a step."""

import os
import signal
import subprocess
import sys
import time

import pytest

from codeward.bench.local import Local
from codeward.bench.step import Step


def step(name, **settings):
    return Step("train", {"name": name, **settings})


@pytest.fixture
def local(task, tmp_path):
    """Two workers, and the folder in which they leave their traces."""
    folder = tmp_path / "store"
    folder.mkdir()
    made = Local(folder, 2, 1, task)
    yield made, folder
    made.close()


def until(true):
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it took a minute")


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_step_that_kills_its_worker_is_given_up_and_takes_no_other_with_it(local):
    made, folder = local
    patient, fatal = step("patient", waits=True), step("fatal", dies=True)
    made.submit(patient)
    until((folder / "patient-begun").exists)
    made.submit(fatal)
    done = made.next()
    assert done.key == fatal.key
    assert "killed 3 times (signal 9; out of memory?); run the same command again with fewer --workers" in done.problem
    assert not done.refused
    (folder / "go").touch()
    assert made.next().key == patient.key
    assert len((folder / "patient").read_text().splitlines()) == 1
    assert len((folder / "fatal").read_text().splitlines()) == 3


def test_a_worker_is_used_again_and_replaced_where_it_died_in_between(local):
    made, folder = local
    for _ in range(2):
        made.submit(step("first"))
        assert not made.next().problem
    (worker,) = made.workers
    assert (folder / "first").read_text() == f"{worker.process.pid}\n" * 2
    worker.process.kill()
    worker.process.join()
    made.submit(step("second"))
    assert not made.next().problem
    assert len(made.workers) == 1


def test_a_worker_leaves_ctrl_c_to_the_bench_and_removes_half_a_step_at_the_end(local):
    made, folder = local
    made.submit(step("patient", waits=True))
    until((folder / "patient-begun").exists)
    (worker,) = made.workers
    os.kill(worker.process.pid, signal.SIGINT)
    time.sleep(0.3)
    assert worker.process.is_alive()
    assert list(folder.glob(".patient-made.*"))
    made.close()
    assert not made.workers
    assert not alive(worker.process.pid)
    assert not list(folder.glob(".*"))


def test_workers_end_with_a_bench_that_is_killed(task, tmp_path):
    script = """
import sys
from pathlib import Path
from codeward.bench.local import Local
from codeward.bench.step import Step
from their_task import task
if __name__ == "__main__":
    pool = Local(Path(sys.argv[1]), 1, 1, task)
    pool.submit(Step("train", {"name": "patient", "waits": True}))
    pool.next()
"""
    (tmp_path / "run.py").write_text(script)
    folder = tmp_path / "store"
    folder.mkdir()
    run = subprocess.Popen([sys.executable, str(tmp_path / "run.py"), str(folder)])
    until((folder / "patient-begun").exists)
    worker = int((folder / "patient").read_text())
    run.kill()
    run.wait()
    until(lambda: not alive(worker))
    assert not list(folder.glob(".*"))
