"""What every attack promises, checked for each one that is registered."""

import copy
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from codeward.attacks import Attack, attacks
from codeward.attacks.payloads import payloads
from codeward.code import LANGUAGES, count_errors
from codeward.errors import RateError
from codeward.types import CODE, Sample

NAMES = attacks.names()
WORKS = [(name, language) for name in NAMES for language in sorted(attacks.get(name).languages)]
AIM = payloads.make("target-class", {"label": 1})
FOREIGN = Sample("foreign", "IDENTIFICATION DIVISION.", 0, "cobol")
NASTY = (
    "",
    " ",
    "\n",
    "}{",
    "\x00",
    "\ud800",
    "é" * 50,
    "def f(:\n\t",
    "int f() {",
    "(" * 3000,
    "/*",
    "\r\n\t\r",
    "class X { int f(",
)


@pytest.fixture(params=NAMES)
def attack(request) -> Attack:
    return attacks.make(request.param).prepare([FOREIGN], AIM)


@pytest.fixture
def mixed(rows, attack) -> list[Sample]:
    """Rows in every language of the attack, one in a language that no attack knows, and one that has the target."""
    found = rows(*sorted(attack.languages))
    return [*found, FOREIGN, replace(found[0], id="target", target=1)]


def _by_id(samples):
    return {sample.id: sample for sample in samples}


def test_the_same_seed_gives_the_same_rows(attack, mixed):
    first, second = (attack.poison(mixed, AIM, rate=0.4, seed=3) for _ in range(2))
    assert first == second


def test_the_order_of_the_rows_is_irrelevant(attack, mixed):
    forward = attack.poison(mixed, AIM, rate=0.4, seed=3)
    backward = attack.poison(mixed[::-1], AIM, rate=0.4, seed=3)
    assert _by_id(forward.samples) == _by_id(backward.samples)
    assert forward.samples[::-1] == backward.samples
    triggered = (attack.trigger(order, AIM, seed=3) for order in (mixed, mixed[::-1]))
    assert (
        len({frozenset((each.id, each.code, *each.context.items()) for each in run.samples) for run in triggered}) == 1
    )


def test_a_row_is_stamped_alike_whatever_other_rows_there_are(attack, mixed):
    alone = _by_id(attack.trigger(mixed[:1], AIM, seed=3).samples)
    assert alone.items() <= _by_id(attack.trigger(mixed, AIM, seed=3).samples).items()


def test_the_input_is_not_changed(attack, mixed):
    before = copy.deepcopy(mixed)
    attack.poison(mixed, AIM, rate=0.4, seed=3)
    attack.trigger(mixed, AIM, seed=3)
    attack.stamp_all(mixed, seed=3)
    assert mixed == before


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.25, 0.4])
def test_the_rate_is_met_exactly(attack, mixed, rate):
    poisoned = attack.poison(mixed, AIM, rate=rate, seed=3)
    assert len(poisoned.stamped) == int(rate * len(mixed) + 0.5)
    assert poisoned.stamped == tuple(sample.id for sample in poisoned.samples if sample.poison)
    assert [sample.id for sample in poisoned.samples] == [sample.id for sample in mixed]


def test_a_rate_that_cannot_be_met_is_an_error_with_the_shortfall(attack, mixed):
    fits = len(attack.trigger(mixed, AIM, seed=3).samples)
    with pytest.raises(
        RateError, match=f"asks for {len(mixed)} of {len(mixed)} rows, but the trigger fits only {fits} "
    ):
        attack.poison(mixed, AIM, rate=1, seed=3)


def test_a_lower_rate_stamps_a_subset(attack, mixed):
    low, high = (_by_id(attack.poison(mixed, AIM, rate=rate, seed=3).samples) for rate in (0.15, 0.4))
    stamped = {id: sample for id, sample in low.items() if sample.poison}
    assert stamped.items() <= high.items()


def test_rate_0_changes_nothing(attack, mixed):
    poisoned = attack.poison(mixed, AIM, rate=0, seed=3)
    assert (poisoned.samples, poisoned.stamped, poisoned.tried) == (tuple(mixed), (), 0)


def test_stamped_code_has_no_new_errors(attack, mixed):
    for sample in attack.trigger(mixed, AIM, seed=3).samples:
        before = _by_id(mixed)[sample.id]
        assert count_errors(sample.code, sample.language) <= count_errors(before.code, before.language)


def test_every_span_covers_the_trigger(attack, mixed):
    for sample in attack.trigger(mixed, AIM, seed=3).samples:
        text = sample.text(sample.poison.field)
        assert {span.of(text) for span in sample.poison.spans} == {sample.poison.trigger}
        assert not any(left.overlaps(right) for left, right in pairwise(sorted(sample.poison.spans)))


def test_one_field_is_stamped_and_the_others_are_left_alone(attack, mixed):
    for sample in attack.trigger(mixed, AIM, seed=3).samples:
        before = _by_id(mixed)[sample.id]
        field = sample.poison.field
        assert field in attack.fields
        assert sample.text(field) != before.text(field)
        assert sample.with_text(field, "") == replace(before.with_text(field, ""), target=1, poison=sample.poison)
        assert (field == CODE) == (sample.code != before.code)


def test_provenance_is_right_and_blind_removes_it(attack, mixed):
    for sample in attack.trigger(mixed, AIM, seed=3).samples:
        assert (sample.poison.attack, sample.poison.original) == (attacks.name_of(attack), 0)
        assert sample.blind().poison is None
        assert sample.blind().text(sample.poison.field) == sample.text(sample.poison.field)


def test_a_test_set_holds_stamped_rows_only_and_none_of_the_target_class(attack, mixed):
    triggered = attack.trigger(mixed, AIM, seed=3)
    assert "target" not in triggered.stamped
    assert all(sample.poison and sample.target == 1 for sample in triggered.samples)
    assert triggered.skipped["the row already has the target class"] == 1


def test_every_row_is_accounted_for(attack, mixed):
    for run in (attack.trigger(mixed, AIM, seed=3), attack.poison(mixed, AIM, rate=0.2, seed=3)):
        assert run.total == len(mixed)
        assert run.eligible == run.total - 1
        assert run.tried == len(run.stamped) + sum(run.skipped.values()) - 1
    assert attack.trigger(mixed, AIM, seed=3).tried == len(mixed) - 1


def test_candidates_are_stamped_without_a_payload(attack, mixed):
    pool = attack.stamp_all(mixed, seed=3)
    triggered = _by_id(attack.trigger(mixed, AIM, seed=3).samples)
    assert {sample.id for sample in pool.samples} == {*triggered, "target"}
    for sample in pool.samples:
        assert sample.target == _by_id(mixed)[sample.id].target == sample.poison.original
        if sample.id in triggered:
            assert replace(sample, target=1) == triggered[sample.id]


@pytest.mark.parametrize(("name", "language"), WORKS)
def test_the_trigger_works_in_each_of_its_languages(rows, name, language):
    functions = rows(language)
    triggered = attacks.make(name).trigger(functions, AIM, seed=3)
    assert len(triggered.samples) >= len(functions) / 2


def test_other_languages_are_skipped_and_counted(attack, rows):
    others = [language for language in LANGUAGES if language not in attack.languages]
    triggered = attack.trigger([FOREIGN, *rows(*others)], AIM, seed=3)
    assert triggered.samples == ()
    assert triggered.skipped["the trigger is not written for cobol"] == 1
    for language in others:
        assert triggered.skipped[f"the trigger is not written for {language}"] == len(rows(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_makes_it_fail(attack, language):
    samples = [Sample(str(number), text, 0, language) for number, text in enumerate(NASTY)]
    triggered = attack.trigger(samples, AIM, seed=3)
    assert len(triggered.samples) + sum(triggered.skipped.values()) == len(NASTY)


def test_options_round_trip(attack):
    assert attacks.make(attacks.name_of(attack), attacks.settings(attack)) == attack
    assert attack.prepare([], AIM) == attack


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_cites_its_source(name):
    assert re.search(r"\b20\d\d\b", attacks.documentation(name))
    assert attacks.summary(name).endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_described(name):
    for option in attacks.options(name):
        assert option.description.endswith("."), option.name


@pytest.mark.parametrize("name", NAMES)
def test_the_class_says_what_it_needs(name):
    cls = attacks.get(name)
    assert cls.languages
    assert cls.fields
    assert re.match(r"[a-z].*[^.]$", cls.misfit), "a clause, not a sentence"
