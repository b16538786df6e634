"""A small suite on a small data set, and a defense of somebody else's package."""

import shutil
import sys
from importlib import import_module

import pytest

from codeward.data import write_data
from codeward.types import Sample

SUITE = """
title = "Small"
protected = 20

[data.small]
path = "data"
train = 90
valid = 40
test = 40

[models.tiny]
family = "encoder"
train = { model = "scratch-encoder", hidden = 16, layers = 1, vocabulary = 400, max_length = 48, epochs = 1 }

[attacks.none]

[attacks.identifier-rename]

[defenses.none]

[defenses.killbadcode]

[defenses.dece]

[defenses.fine-tuning]
options = { epochs = 1 }

[[grid]]
attacks = ["identifier-rename"]

[[grid]]
attacks = ["none"]
defenses = ["none", "killbadcode"]

[[notes]]
defense = "dece"
text = "The models are small."
"""
THEIRS = '''
"""Keeps every other row, and the first time kills the process that it runs in."""

import os
import signal
from pathlib import Path

from codeward.defenses.data import Audit, DataDefense, Verdict, data_defenses
from codeward.registry import method


@data_defenses.register("coin")
@method
class Coin(DataDefense):
    """Every other row is suspicious."""

    def inspect(self, rows, victim, clean, progress):
        marker = Path(os.environ["COIN"])
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Audit(tuple(Verdict(row.id, float(n % 2 == 0), n % 2 == 0) for n, row in enumerate(rows)))
'''


TASK = '''
"""What a worker does in place of a step: what its settings say."""

import os
import signal
import time
from pathlib import Path

from codeward.bench.step import Step
from codeward.bench.store import Done
from codeward.files import new_folder


def task(folder, row):
    step, name = Step.from_json(row), row["settings"]["name"]
    with (Path(folder) / name).open("a") as file:
        file.write(f"{os.getpid()}\\n")
    if row["settings"].get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    if row["settings"].get("waits"):
        with new_folder(Path(folder) / f"{name}-made"):
            (Path(folder) / f"{name}-begun").touch()
            while not (Path(folder) / "go").exists():
                time.sleep(0.01)
    return Done(step.key)
'''


@pytest.fixture(scope="session")
def rows_at(tmp_path_factory, clean_rows):
    """A folder below which the data set ``data`` lies."""
    root = tmp_path_factory.mktemp("root")
    more = [Sample(f"m{n}", row.code.replace("int ", "long ", 1), row.target, "c") for n, row in enumerate(clean_rows)]
    splits = {"train": [*clean_rows, *more][:160], "valid": more[-60:-20], "test": [*clean_rows[-40:]]}
    splits["test"] = [Sample(f"t{n}", row.code, row.target, "c") for n, row in enumerate(splits["test"])]
    write_data(root / "data", task="defect", language="c", labels=("clean", "defective"), splits=splits)
    return root


@pytest.fixture(scope="session")
def finished(tmp_path_factory, rows_at):
    """A folder in which the small suite has been run, the last step that was ready first."""
    from codeward.bench.collect import collect
    from codeward.bench.plan import plan
    from codeward.bench.reading import read_suite
    from codeward.bench.run import run
    from codeward.bench.store import Store

    folder = tmp_path_factory.mktemp("finished")
    (folder / "out/store").mkdir(parents=True)
    (folder / "small.toml").write_text(SUITE, encoding="utf-8")
    suite, store = read_suite(str(folder / "small.toml")), Store(folder / "out/store")
    graph = plan(suite, rows_at)
    run(graph, store, lambda: Here(store), {})
    board = collect(suite, graph, store, folder / "out", "codeward bench small.toml")
    (folder / "out/board.json").write_text(board.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture
def half_done(finished, rows_at, tmp_path):
    """A store in which the cells of two defenses, a training among them, are still to do."""
    from codeward.bench.plan import plan
    from codeward.bench.reading import read_suite

    graph = plan(read_suite(str(finished / "small.toml")), rows_at)
    done, open_ = (
        graph.part([cell for cell in graph.cells if (cell.place.defense in ("dece", "fine-tuning")) == wanted])
        for wanted in (False, True)
    )
    shutil.copytree(finished / "out/store", tmp_path / "half")
    for key in open_.steps.keys() - done.steps.keys():
        shutil.rmtree(tmp_path / "half" / key)
    return tmp_path / "half"


class Here:
    """Does steps in this process, the last one handed in first: the order must not matter."""

    room = 1000

    def __init__(self, store):
        self.store, self.steps = store, []

    def submit(self, step):
        self.steps.append(step)

    def next(self):
        from codeward.bench.attempt import work

        return work(str(self.store.folder), self.steps.pop().as_json())


@pytest.fixture
def suite_file(tmp_path):
    """The suite as a file."""
    file = tmp_path / "small.toml"
    file.write_text(SUITE, encoding="utf-8")
    return file


@pytest.fixture
def their_package(tmp_path, monkeypatch):
    """Install a package with a defense, for this process and those that it starts."""
    site = tmp_path / "site"
    about = site / "their_coin-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "their_coin.py").write_text(THEIRS, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-coin\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[codeward.data_defenses]\ncoin = their_coin:Coin\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("COIN", str(tmp_path / "coin-was-thrown"))
    return site


@pytest.fixture
def here():
    """What does steps in this process."""
    return Here


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Return what a worker does in place of a step, importable for the processes that are started."""
    site = tmp_path / "tasks"
    site.mkdir()
    (site / "their_task.py").write_text(TASK, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "their_task", raising=False)
    return import_module("their_task").task
