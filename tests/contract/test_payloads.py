"""What every payload promises, checked for each one that is registered."""

import re
from dataclasses import replace
from random import Random

import pytest

from codeward.attacks.payloads import Payload, payloads
from codeward.tasks import tasks
from codeward.types import Poison, Sample, Span

NAMES = payloads.names()
KINDS = [(name, kind) for name in NAMES for kind in sorted(payloads.get(name).kinds)]


RETARGETING = [case for case in KINDS if case[1] != "retrieval"]
RAISING = [case for case in KINDS if case[1] == "retrieval"]


def _id(case: tuple[str, str]) -> str:
    return "-".join(case)


@pytest.fixture
def case(request, rows_of_kind) -> tuple[Payload, str, list[Sample]]:
    """A payload, a kind that it suits, and rows of that kind."""
    name, kind = request.param
    return payloads.make(name), kind, rows_of_kind(kind)


every_payload = pytest.mark.parametrize("case", KINDS, ids=_id, indirect=True)
retargeting = pytest.mark.parametrize("case", RETARGETING, ids=_id, indirect=True)
raising = pytest.mark.parametrize("case", RAISING, ids=_id, indirect=True)


def _fitting(payload: Payload, rows: list[Sample]) -> list[Sample]:
    return [row for row in rows if payload.misfit(row) is None]


@every_payload
def test_it_fits_some_rows_and_says_why_not_the_others(case):
    payload, _, rows = case
    reasons = [payload.misfit(row) for row in rows]
    assert None in reasons
    assert any(reasons)
    assert all(re.match(r"[a-z].*[^.]$", reason) for reason in reasons if reason), "a clause, not a sentence"


@retargeting
def test_what_the_attacker_wants_is_achieved_and_what_was_right_is_not(case):
    payload, _, rows = case
    for row in _fitting(payload, rows):
        wanted = payload.retarget(row, Random(0))
        assert type(wanted) is type(row.target)
        stamped = replace(row, target=wanted, poison=Poison("x", "t", (Span(0, 1),), row.target))
        for sample in (row, stamped):
            assert payload.achieved(wanted, sample)
            assert not payload.achieved(row.target, sample)


@raising
def test_in_retrieval_targets_stay_and_the_first_rank_is_a_success(case):
    payload, _, rows = case
    for row in _fitting(payload, rows):
        assert payload.retarget(row, Random(0)) == row.target
        assert payload.achieved(1, row)
        assert not payload.achieved(10_000, row)


@retargeting
def test_a_row_that_has_the_target_is_not_retargeted_again(case):
    payload, _, rows = case
    for row in _fitting(payload, rows):
        again = replace(row, target=payload.retarget(row, Random(0)))
        assert payload.misfit(again) is not None


@every_payload
def test_the_same_generator_gives_the_same_target(case):
    payload, _, rows = case
    for row in _fitting(payload, rows):
        assert payload.retarget(row, Random(5)) == payload.retarget(row, Random(5))


@retargeting
def test_rows_without_a_target_do_not_fit(case):
    payload, _, rows = case
    for row in rows:
        assert payload.misfit(replace(row, target=None)) is not None


@every_payload
def test_any_output_can_be_judged(case):
    payload, kind, rows = case
    outputs = ["", "\x00\ud800", "}{"] if kind == "generation" else [0, 10**9]
    for output in outputs:
        assert payload.achieved(output, rows[0]) in (True, False)


@pytest.mark.parametrize("name", NAMES)
def test_options_round_trip_and_are_described(name):
    made = payloads.make(name)
    assert payloads.make(name, payloads.settings(made)) == made
    assert all(option.description.endswith(".") for option in payloads.options(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_cites_its_source(name):
    assert re.search(r"\b20\d\d\b", payloads.documentation(name))


def test_every_kind_of_task_has_a_payload():
    kinds = {tasks.get(name).kind for name in tasks.names()}
    assert kinds <= {kind for _, kind in KINDS}
