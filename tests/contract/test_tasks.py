"""What every task promises, checked for each one that is registered."""

import re
from typing import get_args

import pytest

from codeward.attacks.payloads import payloads
from codeward.code import LANGUAGES
from codeward.metrics import metrics
from codeward.tasks import ALL_LANGUAGES, tasks
from codeward.types import Kind

NAMES = tasks.names()


@pytest.fixture(params=NAMES)
def task(request):
    return tasks.make(request.param)


def test_all_languages_are_those_that_can_be_parsed():
    assert frozenset(LANGUAGES) == ALL_LANGUAGES


def test_kind_and_languages_are_known(task):
    assert task.kind in get_args(Kind)
    assert task.languages
    assert task.languages <= ALL_LANGUAGES


def test_its_metrics_judge_its_kind(task):
    assert task.metrics
    for name in task.metrics:
        assert task.kind in metrics.get(name).kinds, name


def test_its_payload_suits_its_kind(task):
    assert task.kind in payloads.get(task.payload).kinds


def test_only_a_task_with_classes_names_them(task):
    assert len(set(task.labels)) == len(task.labels)
    if task.kind not in ("classification", "pair"):
        assert task.labels == ()


def test_it_knows_its_name_and_has_a_version(task):
    assert tasks.make(task.name) == task
    assert task.version >= 1


@pytest.mark.parametrize("name", NAMES)
def test_its_summary_cites_the_source_of_its_data(name):
    assert re.search(r"\(.+\)\.$", tasks.summary(name))
