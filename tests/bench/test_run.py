"""A grid runs: the same scores on every executor, nothing twice, and a killed worker or a failed step loses nothing."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from codeward.bench import executors
from codeward.bench.attempt import work
from codeward.bench.board import read_board
from codeward.bench.plan import plan
from codeward.bench.reading import read_suite
from codeward.bench.run import run
from codeward.bench.store import FILE, Done, Store
from codeward.cli import main
from codeward.errors import UsageError


def bench(suite, rows, out, *more):
    return main(["bench", str(suite), "--data", str(rows), "-o", str(out), *more])


def scores(out):
    return {line.group: (line.scores, line.problem) for line in read_board(out).lines}


def test_the_board_holds_what_was_measured(finished):
    lines = {(line.attack, line.defense): line for line in read_board(finished / "out").lines}
    assert set(lines) == {
        *(("identifier-rename", name) for name in ("none", "killbadcode", "dece", "fine-tuning")),
        *(("none", name) for name in ("none", "killbadcode")),
    }
    plain = lines["identifier-rename", "none"]
    assert set(plain.scores) == {"utility", "clean utility", "success", "floor", "clean success", "clean floor"}
    assert plain.scores["utility"].n == 40
    assert plain.utility == "accuracy"
    audited = lines["identifier-rename", "killbadcode"]
    assert {"recall", "fpr", "precision", "auroc"} <= set(audited.scores)
    assert set(audited.seconds) == {"defense", "training"}
    assert plain.seconds == {}
    assert set(lines["none", "killbadcode"].scores) == {"utility", "clean utility", "fpr"}
    assert lines["identifier-rename", "dece"].note == "The models are small."
    assert all(not line.problem for line in lines.values())
    assert (finished / "out" / plain.record).is_file()


def test_workers_give_the_same_scores_and_nothing_is_done_twice(finished, rows_at, half_done, tmp_path, capsys):
    out, store = tmp_path / "out", ("--store", str(half_done))
    assert bench(finished / "small.toml", rows_at, out, *store, "--workers", "2") == 0
    assert scores(out) == scores(finished / "out")
    steps = sorted(half_done.glob("*/step.json"))
    before = [file.stat().st_mtime_ns for file in steps]
    assert bench(finished / "small.toml", rows_at, out, *store, "--executor", "ray", "--address", "nowhere:1") == 0
    assert [file.stat().st_mtime_ns for file in steps] == before
    assert "fine-tuning" in capsys.readouterr().out


class Notes:
    """Does nothing but write down what it is told to do, two steps at a time."""

    def __init__(self):
        self.room, self.waiting, self.begun = 2, [], []

    def submit(self, step):
        self.begun.append(step)
        self.waiting.append(step)

    def next(self):
        assert len(self.waiting) <= self.room
        return Done(self.waiting.pop(0).key)


def test_the_first_cells_are_complete_before_later_ones_are_begun(suite_file, rows_at, tmp_path):
    graph, notes = plan(read_suite(str(suite_file)), rows_at), Notes()
    run(graph, Store(tmp_path), lambda: notes, {})
    order = {step.key: place for place, step in enumerate(notes.begun)}
    assert set(order) == set(graph.steps)
    assert order[graph.cells[0].steps["evaluate"]] < max(
        order[step.key] for step in notes.begun if step.kind == "train"
    )


def test_after_its_time_a_run_begins_nothing_and_says_how_it_goes_on(suite_file, rows_at, tmp_path, capsys):
    graph, notes, done = plan(read_suite(str(suite_file)), rows_at), Notes(), {}
    run(graph, Store(tmp_path), lambda: notes, done, seconds=0)
    assert not notes.begun
    assert not done
    assert bench(suite_file, rows_at, tmp_path / "out", "--minutes", "0") == 3, "nothing is measured"
    told = capsys.readouterr().err
    assert f"{len(graph.steps)} of {len(graph.steps)} steps were not begun in time; run the same command again" in told
    assert not any(line.scores for line in read_board(tmp_path / "out").lines)


def test_a_suite_is_run_in_parts(finished, rows_at, tmp_path, capsys):
    out = tmp_path / "out"
    only = ("--store", str(finished / "out/store"), "--only", "defense=none", "--only", "attack=none")
    assert bench(finished / "small.toml", rows_at, out, *only, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["lines"]) == 6
    assert bench(finished / "small.toml", rows_at, out, "--only", "attack=sunshine") == 2
    assert "unknown attack 'sunshine'." in capsys.readouterr().err
    assert bench(finished / "small.toml", rows_at, out, "--only", "rate=0.2") == 2
    assert "unknown rate '0.2'" in capsys.readouterr().err
    assert bench(finished / "small.toml", rows_at, out, "--only", "attack=none", "--only", "defense=dece") == 2
    assert "no cell of suite 'small' is attack=none and defense=dece" in capsys.readouterr().err
    assert bench(finished / "small.toml", rows_at, out, "--only", "weather=sunshine") == 2
    assert bench(finished / "small.toml", rows_at, tmp_path / "new", "--dry-run") == 0
    assert "0 of them kept" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()
    assert main(["bench", str(finished / "small.toml"), "--data", str(rows_at), "--dry-run"]) == 0
    assert "0 of them kept" in capsys.readouterr().out
    assert main(["bench", str(finished / "small.toml"), "--data", str(rows_at)]) == 2
    assert "with --output (-o)" in " ".join(capsys.readouterr().err.split())


def test_folders_of_something_else_are_left_alone(finished, rows_at, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.tex").touch()
    assert bench(finished / "small.toml", rows_at, tmp_path / "other") == 4
    assert "not empty and not a bench's" in capsys.readouterr().err
    shutil.copytree(finished / "out", tmp_path / "out")
    shutil.copy(finished / "small.toml", tmp_path / "large.toml")
    assert bench(tmp_path / "large.toml", rows_at, tmp_path / "out") == 4
    assert "board of suite 'small'" in capsys.readouterr().err


def test_a_defense_of_another_package_and_a_worker_that_is_killed(finished, rows_at, tmp_path, their_package):
    text = (finished / "small.toml").read_text().replace("[defenses.dece]", "[defenses.coin]")
    (tmp_path / "small.toml").write_text(text.replace('defense = "dece"', 'defense = "coin"'), encoding="utf-8")
    out = tmp_path / "out"
    shutil.copytree(finished / "out/store", tmp_path / "store")
    command = [sys.executable, "-m", "codeward", "bench", str(tmp_path / "small.toml"), "--data", str(rows_at)]
    command += ["-o", str(out), "--store", str(tmp_path / "store"), "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "coin-was-thrown").exists()
    coin = next(line for line in read_board(out).lines if line.defense == "coin")
    assert 0.3 < coin.scores["fpr"].value < 0.7
    assert coin.scores["success"].n > 0


def test_a_failed_step_leaves_the_others_and_is_tried_again(finished, rows_at, tmp_path, monkeypatch, capsys):
    shutil.copytree(finished / "out/store", tmp_path / "store")
    graph = plan(read_suite(str(finished / "small.toml")), rows_at)
    repair = next(key for key, step in graph.steps.items() if step.kind == "repair")
    last = next(key for key, step in graph.steps.items() if repair in step.inputs.values())
    for key in (repair, last):
        shutil.rmtree(tmp_path / "store" / key)
    weights = tmp_path / "store" / graph.steps[repair].inputs["model"] / "model/config.json"
    kept = weights.read_text()
    weights.write_text("{")
    out = tmp_path / "out"
    more = ("--store", str(tmp_path / "store"), "--workers", "1")
    assert bench(finished / "small.toml", rows_at, out, *more) == 4
    lines = {(line.attack, line.defense): line for line in read_board(out).lines}
    problem = lines["identifier-rename", "fine-tuning"].problem
    assert "config.json" in problem
    assert f"; if it is damaged, remove the folder {weights.parents[1]} and run the same command again" in problem
    assert not lines["identifier-rename", "fine-tuning"].scores
    assert lines["identifier-rename", "killbadcode"].scores
    assert "2 of" in capsys.readouterr().err
    weights.write_text(kept)
    assert bench(finished / "small.toml", rows_at, out, *more) == 0
    assert scores(out) == scores(finished / "out")


def test_a_refusal_is_kept_like_a_result(tmp_path, rows_at, finished):
    text = (finished / "small.toml").read_text().replace("[attacks.identifier-rename]", "[attacks.word-insert]")
    file = tmp_path / "small.toml"
    file.write_text(text.replace('attacks = ["identifier-rename"]', 'attacks = ["word-insert"]'), encoding="utf-8")
    graph = plan(read_suite(str(file)), rows_at)
    step = next(step for step in graph.steps.values() if step.kind == "poison")
    store = Store(tmp_path / "store")
    shutil.copytree(finished / "out/store" / step.inputs["data"], store.place(step.inputs["data"]))
    done = work(str(store.folder), step.as_json())
    assert "fits" in done.problem
    assert done.refused
    assert store.find(step.key) == done


def test_what_needs_a_refused_step_is_no_failure(finished, rows_at, tmp_path, capsys):
    store, out = tmp_path / "store", tmp_path / "out"
    shutil.copytree(finished / "out/store", store)
    graph = plan(read_suite(str(finished / "small.toml")), rows_at)
    poison = next(key for key, step in graph.steps.items() if step.kind == "poison")
    file = store / poison / FILE
    file.write_text(json.dumps({**json.loads(file.read_text()), "problem": "the trigger fits too few rows"}))
    for key, step in graph.steps.items():
        if poison in step.inputs.values():
            shutil.rmtree(store / key)
    assert bench(finished / "small.toml", rows_at, out, "--store", str(store), "--workers", "1") == 0
    told = capsys.readouterr()
    assert "again" not in told.err
    assert "4 lines without figures: the trigger fits too few rows." in told.out
    lines = {(line.attack, line.defense): line for line in read_board(out).lines}
    assert lines["none", "killbadcode"].scores


def test_a_problem_that_comes_again_counts_before_one_that_may_not(suite_file, rows_at, tmp_path):
    graph = plan(read_suite(str(suite_file)), rows_at)
    last = next(step for step in graph.steps.values() if step.kind == "evaluate" and "poison" in step.inputs)
    done = {key: Done(key) for key in graph.steps if key != last.key}
    done[last.inputs["model"]] = Done("model", problem="its worker was killed")
    done[last.inputs["poison"]] = Done("poison", problem="it fits no row", refused=True)
    run(graph, Store(tmp_path), Notes, done)
    assert done[last.key] == Done(last.key, problem="it fits no row", refused=True)


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_record_is_the_problem_of_its_line(finished, rows_at, tmp_path, capsys, here, damage):
    store, out = tmp_path / "store", tmp_path / "out"
    shutil.copytree(finished / "out/store", store)
    graph = plan(read_suite(str(finished / "small.toml")), rows_at)
    cell = next(each for each in graph.cells if each.place.defense == "dece")
    record = store / cell.steps["evaluate"] / "record.json"
    record.unlink() if damage == "gone" else record.write_text("{")
    assert bench(finished / "small.toml", rows_at, out, "--store", str(store)) == 4
    told = capsys.readouterr()
    assert "1 line of the board could not be read" in told.err
    lines = {(line.attack, line.defense): line for line in read_board(out).lines}
    advice = f"remove the folder {record.parent}, and run the same command again"
    assert advice in lines["identifier-rename", "dece"].problem
    assert sum(bool(line.scores) for line in lines.values()) == 5
    shutil.rmtree(record.parent)
    run(graph, Store(store), lambda: here(Store(store)), {})
    assert bench(finished / "small.toml", rows_at, out, "--store", str(store)) == 0
    assert scores(out) == scores(finished / "out")


def test_records_lie_where_the_board_says_also_in_a_relative_store(finished, rows_at, tmp_path, monkeypatch):
    shutil.copytree(finished / "out/store", tmp_path / "store")
    monkeypatch.chdir(tmp_path)
    assert bench(finished / "small.toml", rows_at, "boards/one", "--store", "store") == 0
    line = read_board(tmp_path / "boards/one").lines[0]
    assert line.record.startswith("../../store/evaluate-")
    monkeypatch.chdir("/")
    assert main(["report", str(tmp_path / "boards/one"), "-o", str(tmp_path / "p.html")]) == 0
    assert "is not there" not in (tmp_path / "p.html").read_text()


def test_problems_are_told_one_a_line(finished, rows_at, tmp_path, capsys):
    out, store = tmp_path / "out", ("--store", str(tmp_path / "store"))
    assert bench(finished / "small.toml", rows_at, out, *store, "--minutes", "0") == 3
    told = capsys.readouterr().out.splitlines()
    assert "6 lines without figures: not measured yet." in told


def test_executors(tmp_path):
    with (
        pytest.raises(UsageError, match="unknown executor 'moon'"),
        executors.executor("moon", tmp_path, workers=1, threads=1, address="auto"),
    ):
        pass
    step = {"kind": "train", "settings": {}, "inputs": {}, "label": ""}
    lost = work(str(tmp_path / "away"), step)
    assert isinstance(lost, Done)
    assert "give a folder that all machines share" in lost.problem


def test_what_nobody_foresaw_leaves_its_traceback(finished, rows_at, tmp_path, monkeypatch):
    graph, store = plan(read_suite(str(finished / "small.toml")), rows_at), Store(tmp_path)

    def broken(*_):
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr("codeward.bench.work.do", broken)
    step = next(iter(graph.steps.values()))
    done = work(str(tmp_path), step.as_json())
    assert done.problem.startswith("RuntimeError: the disk is on fire")
    assert "Traceback" in (tmp_path / f"{step.key}.log").read_text()
    assert store.find(step.key) is None
    with monkeypatch.context() as again:
        again.setattr("codeward.bench.work.do", lambda _, step: Done(step.key))
        assert not work(str(tmp_path), step.as_json()).problem
    assert not (tmp_path / f"{step.key}.log").exists()
    (tmp_path / f"{step.key}.log").mkdir()  # nothing can be written there, as on a full disk
    assert work(str(tmp_path), step.as_json()).problem.startswith("RuntimeError: the disk is on fire")
