"""Runs of one name are told apart by what they differ in."""

import pytest

from codeward.experiment.environment import environment
from codeward.experiment.record import Record, ScoreRow
from codeward.report.html import render
from codeward.report.titles import told_apart


def run(title="rename", verb="evaluate", **config):
    place = {"verb": verb, "task": "naming", "kind": "classification", "seed": 0, "environment": environment()}
    score = ScoreRow(name="asr", model="victim", data="triggered", value=0.5, n=10)
    return Record(title=title, config=config, scores=[score], **place)


@pytest.mark.parametrize(
    ("records", "titles"),
    [
        ([run(model="victim"), run("other", model="victim")], ["rename", "other"]),
        ([run(model="victim", data="d"), run(model="cleaned", data="d")], ["rename, victim", "rename, cleaned"]),
        ([run(model="m", data="a"), run(model="m", data="b")], ["rename, a", "rename, b"]),
        (
            [run(model="m", data="a"), run(model="n", data="a"), run(model="m", data="b")],
            ["rename, m, a", "rename, n, a", "rename, m, b"],
        ),
        ([run(model="m"), run(model="m")], ["rename", "rename (2)"]),
        ([run(), run(model="m")], ["rename", "rename, m"]),
        ([run(verb="train", model="m"), run(verb="train", model="n")], ["rename", "rename"]),
    ],
)
def test_titles(records, titles):
    assert [each.title for each in told_apart(records)] == titles


def test_the_page_names_both_runs():
    page = render([run(model="victim"), run(model="cleaned")])
    assert '<a href="#run-0">rename, victim</a>' in page
    assert '<a href="#run-1">rename, cleaned</a>' in page
