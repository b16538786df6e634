import pytest

from codeward.bench.board import over_seeds
from codeward.report.ranking import change, excess, front, natural, rank


def test_the_numbers_of_a_standing(some_lines):
    board = {each.defense: each for each in rank(some_lines)["defect"]}
    dece, onion = board["dece"], board["onion"]
    assert dece.excess.value == pytest.approx((5 + 0) / 2), "a cell below its floor counts as zero"
    assert dece.worst == pytest.approx(5)
    assert dece.undefended == pytest.approx((80 + 70) / 2)
    assert dece.utility.value == pytest.approx(-2)
    assert (dece.once, dece.training, dece.each) == (0, 120, None)
    assert (onion.cells, onion.all_cells) == (1, 2)
    assert onion.undefended == pytest.approx(80), "the victim on the same cells"
    assert onion.each == pytest.approx(50)
    assert onion.fpr is None


def test_what_a_trigger_does_without_a_backdoor_stands_beside_what_is_left(make_line):
    lines = [make_line(success=0.5, natural=0.2), make_line(success=0.5, attack="b")]
    (standing,) = rank(lines)["defect"]
    assert standing.clean == pytest.approx(20), "of the cells in which it was measured"
    assert natural(lines[1]) is None
    assert rank(lines[1:])["defect"][0].clean is None


def test_the_interval_of_a_mean_is_that_of_independent_cells(make_line):
    lines = [make_line(success=0.5, attack=name) for name in "abcd"]
    (standing,) = rank(lines)["defect"]
    assert standing.excess.half == pytest.approx(100 * 0.04 * 8**0.5 / 4, rel=1e-3)
    single = [
        line.model_copy(
            update={"scores": {**line.scores, "floor": line.scores["floor"].model_copy(update={"low": None})}}
        )
        for line in lines
    ]
    assert rank(single)["defect"][0].excess.half is None


def test_seeds_that_agree_do_not_make_a_mean_surer_than_its_rows(make_line):
    seeds = [make_line(success=0.5, seed=seed) for seed in (0, 1)]
    (standing,) = rank(over_seeds(seeds))["defect"]
    assert 5 < standing.excess.half < 40


def test_best_first_and_what_costs_utility_after_the_rest(make_line):
    lines = [
        make_line(success=0.95),
        make_line("broken", "model", success=0.1, utility=0.5),
        make_line("good", "input", success=0.2, utility=0.58),
        make_line("same", "input", success=0.2, utility=0.6),
        make_line("failed", "data", problem="no"),
    ]
    found = rank(lines)["defect"]
    assert [each.defense for each in found] == ["same", "good", "none", "broken", "failed"]
    assert [each.usable for each in found] == [True, True, True, False, False]


def test_the_front_holds_what_nothing_beats_in_both(make_line):
    lines = [
        make_line(success=0.95),
        make_line("good", "input", success=0.2, utility=0.58),
        make_line("worse", "input", success=0.3, utility=0.57),
        make_line("safe", "model", success=0.1, utility=0.5),
    ]
    assert [each.defense for each in front(rank(lines)["defect"])] == ["none", "good", "safe"]


def test_a_board_per_task_and_a_standing_per_model(make_line):
    lines = [make_line(success=0.9), make_line(success=0.8, model="other"), make_line(success=0.7, task="clone")]
    found = rank(lines)
    assert [(each.model, each.undefended) for each in found["defect"]] == [
        ("other", pytest.approx(70)),
        ("mini", pytest.approx(80)),
    ]
    assert len(found["clone"]) == 1


def test_without_a_figure_there_is_no_difference(make_line):
    line = make_line(success=0.9)
    none = line.model_copy(
        update={
            "scores": {
                "success": line.scores["success"],
                "floor": line.scores["floor"].model_copy(update={"value": None}),
            }
        }
    )
    assert excess(none) is None
    assert change(none) is None
    lower = line.scores["utility"].model_copy(update={"value": 0.7, "higher_is_better": False})
    assert change(line.model_copy(update={"scores": {**line.scores, "utility": lower}})) == pytest.approx(-10)
