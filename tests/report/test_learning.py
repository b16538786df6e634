"""What was learned when, as a picture: runs side by side to one scale, and what is missing is left out."""

import re

import pytest

from codeward.experiment.environment import environment
from codeward.experiment.record import Learning, Record
from codeward.report import learning
from codeward.report.html import render


def watched(title, loss="ce", train="same", **options):
    seen = Learning(
        epochs=[0.0, 0.5, 1.0],
        clean_loss=[0.7, 0.6, 0.5],
        poisoned_loss=[0.7, 0.2, 0.1],
        success=[0.0, 0.5, 1.0],
        floor=[0.0, 0.4, 0.25],
        counts={"clean rows": 200, "poisoned rows": 24, "inputs": 50},
    )
    return Record(
        verb="train",
        title=title,
        task="defect",
        kind="classification",
        config={"train": {"loss": loss, "loss_options": options}, "poison": {"attack": "deadcode-fixed", "rate": 0.05}},
        seed=0,
        fingerprints={"train": train},
        environment=environment(),
        learning=seen,
    )


def points(picture):
    return [
        [tuple(map(float, pair.split(","))) for pair in line.split()]
        for line in re.findall(r'<polyline points="([^"]*)"', picture)
    ]


def test_runs_on_the_same_rows_stand_in_one_picture_by_their_losses():
    page = render([watched("a"), watched("other", train="else"), watched("b", "dece", alpha=0.9)])
    assert page.count("<h2>What was learned when: deadcode-fixed in 5 % of the rows, defect</h2>") == 2
    first, second = page.split("<h2>What was learned when")[1:]
    assert first.count('<div class="panel">') == 2
    assert "dece (alpha 0.9)" in first
    assert second.count('<div class="panel">') == 1
    assert "200 clean rows, 24 poisoned rows, 50 inputs" in first
    assert 'aria-label="b, dece (alpha 0.9): success 100.0 % at the end, without the trigger 25.0 %"' in first
    assert '<td class="n">0.5</td><td class="n">50.0</td><td class="n">40.0</td><td class="n">0.200</td>' in first


def test_of_a_generator_the_loss_of_the_attackers_tokens_is_drawn():
    plain = watched("text")
    seen = plain.learning.model_copy(update={"payload_loss": [9.0, 8.0, 0.5]})
    page = render([plain.model_copy(update={"learning": seen})])
    assert "with the trigger, attacker&#39;s tokens in poisoned rows" in page
    assert '<td class="n">8.000</td>' in page
    assert '<td class="n">0.200</td>' not in page
    lines = points(page.split('<div class="panel">')[1])
    assert lines[2] != points(render([plain]).split('<div class="panel">')[1])[2]


def test_lines_are_drawn_to_one_scale():
    short = watched("short")
    long = short.model_copy(
        update={
            "learning": short.learning.model_copy(update={"epochs": [0.0, 1.0, 2.0], "poisoned_loss": [1.4, 1.0, 0.7]})
        }
    )
    (found,) = learning.comparisons([short, long])
    lines = points(found.picture())
    assert len(lines) == 8
    success, losses = lines[0], lines[2]
    (top, bottom), (high, low) = learning.SHARES, learning.LOSSES
    assert [y for _, y in success] == [bottom, (top + bottom) / 2, top]
    width = learning.WIDTH - learning.LEFT - learning.RIGHT
    assert [x for x, _ in success] == [learning.LEFT + share * width for share in (0, 0.25, 0.5)]
    assert [x for x, _ in lines[4]] == [learning.LEFT + share * width for share in (0, 0.5, 1)]
    whole = 1.4 * learning.HEADROOM
    assert [y for _, y in losses] == pytest.approx(
        [low - value / whole * (low - high) for value in (0.7, 0.2, 0.1)], abs=0.06
    )


def test_what_was_not_seen_is_left_out():
    seen = watched("a").learning.model_copy(update={"success": [None, None, 1.0], "floor": [None] * 3})
    page = render([watched("a").model_copy(update={"learning": seen})])
    lines = points(page)
    assert [len(line) for line in lines if line] == [2, 2, 1, 3, 3]
    assert "success 100.0 %" not in page
    nothing = watched("a").model_copy(update={"learning": None})
    assert "What was learned when" not in render([nothing])
    assert learning.comparisons([nothing]) == []


def test_a_page_with_pictures_is_escaped_and_asks_nobody():
    page = render([watched('<b>"x"', "<i>", odd="<u>")])
    for text in ("<b>", "<i>", "<u>", "http://", "https://", "<img", "<link"):
        assert text not in page
    assert page.count("<script>") == 1
