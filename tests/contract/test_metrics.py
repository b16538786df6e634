"""What every metric promises, checked for each one that is registered; nothing here names a method."""

from typing import get_args

import pytest

from codeward.metrics import metrics
from codeward.types import Kind

ROWS = {
    "classification": ([0, 1, 1, 0, 1], [0, 1, 0, 0, 1]),
    "pair": ([0, 1, 1, 0, 1], [0, 1, 0, 0, 1]),
    "generation": (["int x = 1;", "return y;", ""], ["int x = 2;", "return y;", "f();"]),
    "detection": ([True, False, True, False], [True, True, False, False]),
}


@pytest.fixture(params=metrics.names())
def metric(request):
    return metrics.make(request.param)


def test_it_is_documented_and_says_what_it_judges(metric):
    name = metrics.name_of(metric)
    assert metrics.summary(name)
    assert metric.kinds
    assert metric.kinds <= {*get_args(Kind), "detection"}
    assert all(option.description for option in metrics.options(name))


def test_nothing_to_judge_has_no_value(metric):
    score = metric.score([], [])
    assert (score.value, score.n, score.low, score.high) == (None, 0, None, None)
    assert score.higher_is_better == metric.higher_is_better
    with pytest.raises(ValueError, match="1 outputs against 0 references"):
        metric.score([1], [])


def test_a_value_lies_in_its_interval_and_is_the_same_again(metric):
    for kind in sorted(metric.kinds & ROWS.keys()):
        outputs, references = ROWS[kind]
        score = metric.score(outputs, references, language="java")
        assert score.name == metrics.name_of(metric)
        assert 0 < score.n <= len(outputs)
        assert 0 <= score.low <= score.value <= score.high <= 1
        assert metric.score(outputs, references, language="java") == score
