"""What a record looks like in a terminal: scores with their denominators, and below how many rows were left out."""

from rich.console import Console

from codeward.experiment.environment import environment
from codeward.experiment.record import Record, ScoreRow
from codeward.report.terminal import score_table


def shown(**fields):
    place = {"verb": "evaluate", "title": "t", "task": "defect", "kind": "classification", "seed": 0, "config": {}}
    console = Console(width=80, highlight=False)
    with console.capture() as captured:
        console.print(score_table(Record.model_validate({**place, "environment": environment(), **fields})))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_what_was_left_out_stands_below_the_shares_and_not_among_them():
    score = ScoreRow(name="asr", model="victim", data="triggered", value=0.993, n=139, low=0.96, high=0.999)
    reason = "the trigger would be cut off by the model's maximum length"
    lines = shown(scores=[score], skipped={"the row already has the target class": 1378, reason: 3})
    assert lines == [
        "t",
        "measure  model   on         value  95 % interval    n",
        "asr      victim  triggered   99.3   96.0 to 99.9  139",
        "left out  1,378  the row already has the target class",
        f"left out      3  {reason}",
    ]


def test_nothing_left_out_takes_no_line():
    assert len(shown()) == 2
