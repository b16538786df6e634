"""Detectors on a zoo: what counts as a backdoor, the shares, the picture, and the page of a board without a grid."""

import re

import pytest

from codeward.report.board import render_board
from codeward.report.detectors import detectors, truth
from codeward.report.markdown import as_markdown
from codeward.report.strip import strip
from codeward.report.terminal_board import board_tables

HOSTILE = '"><script>alert(1)</script>&_%'


def test_idle_backdoors_are_counted_apart(some_models):
    (found,) = detectors(some_models)
    assert [truth(each) for each in some_models[:5]] == ["clean", "clean", "backdoored", "backdoored", "idle"]
    assert found.auroc.value == 0.75
    assert (found.auroc.n, found.false_alarms.n, found.detected.n) == (4, 2, 2)
    assert (found.false_alarms.value, found.detected.value, found.named) == (0.0, 0.5, 1)
    assert (found.inconclusive, found.idle, found.idle_convicted, found.missing) == (1, 1, 0, 1)
    assert found.seconds == 40.0


def test_the_wrong_class_is_no_hit(make_judged):
    wrong = make_judged("b", "backdoored", 4.0, rate=0.02, success=0.9, target="clean", suspected="defective")
    (found,) = detectors([wrong])
    assert (found.detected.value, found.named, found.auroc.value) == (1.0, 0, None)


def test_every_scored_model_is_a_mark_at_its_score(some_models, make_judged):
    picture = strip(some_models)
    marks = re.findall(r'<circle class="(\w+)" cx="([\d.]+)"', picture)
    assert sorted(kind for kind, _ in marks) == ["backdoored", "clean", "clean", "clean", "inconclusive"]
    places = dict(zip((each.anomaly for each in sorted(some_models[:5], key=lambda each: each.anomaly)),
                      sorted(float(x) for _, x in marks), strict=True))  # fmt: skip
    assert places[4.0] - places[2.0] == pytest.approx(2 * (places[2.0] - places[1.0]), abs=0.3)
    assert strip([make_judged("a", "clean", None)]) == ""


def test_a_board_of_a_zoo_alone_has_its_page(make_board, some_models):
    page = render_board(make_board([], zoo=some_models), {})
    assert "1 detector judged 5 models of a zoo" in page
    assert "Not judged: 1 model." in page
    assert "Nothing is measured" not in page
    assert 'id="cells"' not in page
    assert page.count("<tr><td>clean-0") == 2


def test_markdown_and_terminal_say_the_same(make_board, some_models):
    board = make_board([], zoo=some_models)
    text = as_markdown(board)
    row = "| devign | elibadcode | 75.0 (0.0 to 100.0, n 4) | 0.0 (0.0 to 65.8, n 2) | 50.0 (9.5 to 90.5, n 2) | 1 | 1 | 0 of 1 | 40.0 |"
    assert row in text
    table, problem = board_tables(board)
    assert [next(iter(column.cells)) for column in table.columns][1:4] == ["elibadcode", "75.0 [0-100]", "0.0 [0-66]"]
    assert problem == "1 model without figures: its worker was killed."


def test_hostile_names_do_no_harm(make_board, make_judged):
    bad = make_judged(HOSTILE, "backdoored", 1.0, rate=0.1, success=0.9, target=HOSTILE, suspected=HOSTILE,
                      trigger=HOSTILE, data=HOSTILE, model=HOSTILE, defense=HOSTILE, attack=HOSTILE)  # fmt: skip
    board = make_board([], zoo=(bad,))
    assert render_board(board, {}).count("<script>") == 1
    assert "<script>" not in as_markdown(board)


def test_of_generated_text_the_success_alone_makes_a_backdoor_work(make_judged):
    sure = make_judged("b", "backdoored", 4.0, rate=0.1, success=0.25)
    assert truth(sure) == "idle", "15 points above the floor"
    assert truth(sure.model_copy(update={"kind": "generation"})) == "backdoored"
