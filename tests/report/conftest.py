from collections.abc import Callable

import pytest

from codeward.bench.board import Board, Figure, Judged, Line, Published
from codeward.experiment.environment import environment


def figure(value, n=100, width=0.04):
    return Figure(value=value, n=n, low=max(0.0, value - width), high=min(1.0, value + width))


def _line(
    defense="none", stage="none", *, success=None, floor=0.1, utility=0.6, clean=0.6, paper=None, natural=None, **fields
):
    scores = {}
    if success is not None:
        scores = {
            "utility": figure(utility),
            "clean utility": figure(clean),
            "success": figure(success),
            "floor": figure(floor),
        }
    if natural is not None:
        scores |= {"clean success": figure(natural + 0.1), "clean floor": figure(0.1)}
    published = () if paper is None else (Published(score="success", value=paper, source="a paper, table 2"),)
    given = {"scores": scores, "published": published, **fields}
    place = {
        "data": "devign",
        "task": "defect",
        "kind": "classification",
        "model": "mini",
        "family": "encoder",
        "attack": "deadcode-fixed",
        "rate": 0.05,
        "defense": defense,
        "stage": stage,
        "seed": 0,
        "utility": "accuracy",
    }
    return Line.model_validate({**place, **given})


def _search(anr, defense="none", stage="none", **fields):
    scores = {
        name: figure(value)
        for name, value in (("utility", 0.6), ("clean utility", 0.6), ("anr", anr), ("clean anr", 0.48))
    }
    return _line(defense, stage, scores=scores, task="search", kind="retrieval", utility="mrr", **fields)


def _board(lines, **fields):
    given = {
        "name": "quick",
        "title": "A bench",
        "command": "codeward bench quick -o bench",
        "steps": 7,
        "seconds": 90.0,
    }
    return Board.model_validate({**given, "lines": tuple(lines), "environment": environment(), **fields})


@pytest.fixture
def make_line() -> Callable[..., Line]:
    return _line


@pytest.fixture
def make_search() -> Callable[..., Line]:
    """A line of a search model: the rank of triggered code in the place of success."""
    return _search


@pytest.fixture
def make_board() -> Callable[..., Board]:
    return _board


@pytest.fixture
def some_lines():
    """Three defenses against two attacks; one cell is not measured."""
    return [
        _line(success=0.9, paper=1.0),
        _line(success=0.8, attack="identifier-rename"),
        _line("dece", "training", success=0.15, utility=0.58, seconds={"defense": 0.0, "training": 100.0}),
        _line("dece", "training", success=0.05, utility=0.58, attack="identifier-rename", seconds={"training": 140.0}),
        _line("onion", "input", success=0.5, paper=0.9, note="Why not.", seconds={"defense": 2.0, "input": 0.05}),
        _line("onion", "input", attack="identifier-rename", problem="its worker was killed"),
    ]


def _judged(name, finding, anomaly, *, rate=0.0, success=None, target=None, **fields):
    scores = {"utility": figure(0.7)}
    if success is not None:
        scores |= {"success": figure(success), "floor": figure(0.1)}
    given = {"name": name, "finding": finding, "anomaly": anomaly, "rate": rate, "target": target, "scores": scores}
    place = _line().model_dump(include={"data", "task", "kind", "model", "family", "attack", "seed"})
    return Judged.model_validate(
        {**place, "defense": "elibadcode", "stage": "model", "seconds": 40.0, **given, **fields}
    )


@pytest.fixture
def make_judged() -> Callable[..., Judged]:
    return _judged


@pytest.fixture
def some_models():
    """Two clean models, two working backdoors of which one is found, an idle one, and one that was not judged."""
    return (
        _judged("clean-00", "clean", 1.0),
        _judged("clean-01", "inconclusive", 2.5),
        _judged("backdoored-00", "backdoored", 4.0, rate=0.02, success=0.9, target="clean", suspected="clean"),
        _judged("backdoored-01", "clean", 2.0, rate=0.05, success=0.8, target="clean"),
        _judged("backdoored-02", "clean", 0.5, rate=0.02, success=0.2, target="defective"),
        _judged("clean-02", "", None, problem="its worker was killed", scores={}),
    )
