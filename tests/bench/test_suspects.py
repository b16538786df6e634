"""A zoo for judging detectors: drawn by seed, with attacks, rates and targets in turn, judged without being told."""

from collections import Counter

import pytest

from codeward.bench.collect import collect
from codeward.bench.plan import plan
from codeward.bench.reading import read_suite
from codeward.bench.run import run
from codeward.bench.store import Store
from codeward.bench.suspects import plan_suspects
from codeward.errors import DataError, UsageError

ATTACKS, RATES, LABELS = ("a", "b", "c"), (0.02, 0.05), ("clean", "defective")
ZOO = """
[[zoo]]
clean = 1
backdoored = 2
rates = [0.2]
targets = ["clean"]
attacks = ["identifier-rename"]
detectors = ["looker"]
"""


def drawn(clean, backdoored, seed=0, attacks=ATTACKS):
    return plan_suspects(
        clean, backdoored, models=("one", "two"), attacks=attacks, rates=RATES, targets=LABELS, seed=seed
    )


def test_attacks_rates_and_targets_take_turns():
    cells = len(ATTACKS) * len(RATES) * len(LABELS)
    plan = [suspect for suspect in drawn(3, 2 * cells) if suspect.target]
    seen = Counter((each.attack, each.rate, each.target) for each in plan)
    assert len(seen) == cells
    assert set(seen.values()) == {2}
    assert len({each.seed for each in plan}) == len(plan)
    assert Counter(each.model for each in plan) == {"one": cells, "two": cells}


def test_a_larger_zoo_begins_with_the_same_models_in_turns():
    small, large = drawn(2, 3, seed=7), drawn(4, 9, seed=7)
    assert {each.name for each in small} < {each.name for each in large}
    assert set(small) < set(large)
    assert [each.name for each in small] == ["clean-00", "backdoored-00", "clean-01", "backdoored-01", "backdoored-02"]
    assert small != drawn(2, 3, seed=8)


def test_nothing_to_draw_from():
    with pytest.raises(UsageError, match="for backdoored ones an attack, a rate and a target"):
        drawn(1, 1, attacks=())
    assert [each.attack for each in drawn(2, 0, attacks=())] == ["none", "none"]


@pytest.fixture
def zoo_suite(suite_file):
    """The small suite with a zoo instead of its grid, and a detector that is quick."""
    text = suite_file.read_text(encoding="utf-8").split("[[grid]]")[0]
    detector = '[defenses.looker]\ndefense = "dbs"\noptions = { search_epochs = 2, length = 2 }\n'
    suite_file.write_text(text + detector + ZOO, encoding="utf-8")
    return suite_file


def test_a_zoo_is_planned_without_a_grid(zoo_suite, rows_at):
    graph = plan(read_suite(str(zoo_suite)), rows_at)
    kinds = Counter(step.kind for step in graph.steps.values())
    assert kinds == {"source": 3, "poison": 2, "train": 3, "scan": 3, "evaluate": 3}
    assert [cell.suspect.name for cell in graph.cells] == ["clean-00", "backdoored-00", "backdoored-01"]
    assert len({step.settings["seed"] for step in graph.steps.values() if step.kind == "source"}) == 3
    assert not [step for step in graph.steps.values() if step.kind == "scan" and "poison" in step.inputs]


def test_what_cannot_be_a_zoo(zoo_suite, rows_at):
    text = zoo_suite.read_text(encoding="utf-8")
    zoo_suite.write_text(text.replace('detectors = ["looker"]', 'detectors = ["fine-tuning"]'), encoding="utf-8")
    with pytest.raises(UsageError, match="'fine-tuning' does not judge models; a zoo is for: dbs, elibadcode"):
        plan(read_suite(str(zoo_suite)), rows_at)
    zoo_suite.write_text(text.replace('detectors = ["looker"]', 'detectors = ["lookre"]'), encoding="utf-8")
    with pytest.raises(DataError, match=r"zoo 1: .*lookre.*Did you mean 'looker'"):
        read_suite(str(zoo_suite))
    zoo_suite.write_text(text.replace('path = "data"', "").replace('targets = ["clean"]', ""), encoding="utf-8")
    with pytest.raises(DataError, match="'small' names no classes; say which backdoors serve: targets"):
        plan(read_suite(str(zoo_suite)), rows_at)


def test_a_zoo_is_judged(zoo_suite, rows_at, tmp_path, here):
    (tmp_path / "store").mkdir()
    suite, store = read_suite(str(zoo_suite)), Store(tmp_path / "store")
    graph = plan(suite, rows_at)
    before = collect(suite, graph, store, tmp_path, "codeward bench")
    assert {each.problem for each in before.zoo} == {"not measured yet"}
    run(graph, store, lambda: here(store), {})
    board = collect(suite, graph, store, tmp_path, "codeward bench")
    assert not board.lines
    assert [(each.name, each.target, each.rate) for each in board.zoo] == [
        ("clean-00", None, 0.0),
        ("backdoored-00", "clean", 0.2),
        ("backdoored-01", "clean", 0.2),
    ]
    for each in board.zoo:
        assert not each.problem
        assert each.finding in ("backdoored", "clean", "inconclusive")
        assert each.seconds is not None
        assert ("success" in each.scores) == each.backdoored
        assert each.scores["utility"].n == 40
