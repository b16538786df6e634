"""What the demo says of a model that had too few functions to learn from."""

import pytest

from codeward.cli.demo import learned_nothing
from codeward.experiment.environment import environment
from codeward.experiment.record import Record, ScoreRow


@pytest.mark.parametrize(
    ("victim", "majority", "nothing"), [(0.7, 0.4, False), (0.4, 0.4, True), (0.3, 0.4, True), (None, 0.4, False)]
)
def test_a_model_that_is_no_better_than_the_majority_class_has_learned_nothing(victim, majority, nothing):
    rows = [
        ScoreRow(name="accuracy", model=model, data="clean", value=value, n=71)
        for model, value in (("victim", victim), ("clean model", 0.9), ("majority class", majority))
    ]
    place = {"verb": "evaluate", "title": "t", "task": "naming", "kind": "classification", "seed": 0, "config": {}}
    assert learned_nothing(Record(scores=rows, environment=environment(), **place)) is nothing
