"""How a call begins and ends: it says what is to do, hears SIGTERM and SIGHUP like Ctrl-C, and refuses places where nothing can be written."""

import os
import shutil
import signal
import time
from contextlib import contextmanager

import pytest

from codeward.bench.board import read_board
from codeward.bench.plan import plan
from codeward.bench.reading import read_suite
from codeward.bench.store import Store
from codeward.cli import main


def bench(suite, rows, out, *more):
    return main(["bench", str(suite), "--data", str(rows), "-o", str(out), *map(str, more)])


class Ending:
    """Is asked to end while its first step is done."""

    room, closed = 3, False

    def submit(self, step):
        pass

    def __init__(self, sent):
        self.sent = sent

    def next(self):
        os.kill(os.getpid(), self.sent)
        time.sleep(30)
        raise AssertionError("nobody heard it")


@pytest.fixture(params=[signal.SIGTERM, signal.SIGHUP])
def sent(request):
    """A request to end that nobody minds yet, also where the tests run under nohup."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def test_a_request_to_end_is_heard_like_ctrl_c(finished, half_done, rows_at, tmp_path, monkeypatch, capsys, sent):
    made = Ending(sent)

    @contextmanager
    def executor(*_, **__):
        try:
            yield made
        finally:
            made.closed = True

    monkeypatch.setattr("codeward.bench.executors.executor", executor)
    assert bench(finished / "small.toml", rows_at, tmp_path / "out", "--store", half_done) == 130
    told = " ".join(capsys.readouterr().err.split())
    assert "4 of 16 steps to do, at most 3 at once" in told
    assert "interrupted; run the same command again to go on where it stopped" in told
    assert made.closed
    assert signal.getsignal(sent) is signal.SIG_DFL
    lines = read_board(tmp_path / "out").lines
    assert sum(bool(line.scores) for line in lines) == 4
    assert {line.problem for line in lines if not line.scores} == {"not measured yet"}


@pytest.mark.parametrize("where", ["file", "file/bench"])
@pytest.mark.parametrize("place", ["-o", "--store"])
def test_a_place_where_nothing_can_be_written_is_refused_at_once(finished, rows_at, tmp_path, capsys, place, where):
    (tmp_path / "file").write_text("")
    places = {"-o": tmp_path / "out", "--store": tmp_path / "store", place: tmp_path / where}
    assert bench(finished / "small.toml", rows_at, places["-o"], "--store", places["--store"]) == 4
    assert "cannot be written: not a directory" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "store").exists()


def test_stores_of_several_machines_make_one_board_and_nothing_is_done_again(finished, rows_at, tmp_path):
    """Each machine measured a part, with the data at another place; nothing could run: no cluster is there."""
    graph = plan(read_suite(str(finished / "small.toml")), rows_at)
    for number, machine in enumerate(("one", "two")):
        for key in graph.part(graph.cells[number::2]).steps:
            shutil.copytree(finished / "out/store" / key, tmp_path / machine / key)
        shutil.copytree(tmp_path / machine, tmp_path / "merged", dirs_exist_ok=True)
    assert all(Store(tmp_path / "merged").find(key) for key in graph.steps)
    shutil.copytree(rows_at, tmp_path / "elsewhere")
    nowhere = ("--executor", "ray", "--address", "nowhere:1")
    merged = ("--store", tmp_path / "merged", *nowhere)
    assert bench(finished / "small.toml", tmp_path / "elsewhere", tmp_path / "out", *merged) == 0
    ours, theirs = (
        {line.group: (line.scores, line.found, line.seconds) for line in read_board(place).lines}
        for place in (tmp_path / "out", finished / "out")
    )
    assert ours == theirs
    assert bench(finished / "small.toml", rows_at, tmp_path / "part", "--store", tmp_path / "one", "--minutes", 0) == 0
    lines = read_board(tmp_path / "part").lines
    assert [bool(line.scores) for line in lines] == [True, False] * 3
