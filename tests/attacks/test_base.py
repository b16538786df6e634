import pytest

from codeward.attacks import Stamp, attacks
from codeward.attacks.payloads import payloads
from codeward.errors import DataError, RateError, UnknownNameError, UsageError
from codeward.types import PROMPT, Sample, Span

WORD = attacks.make("word-insert")
AIM = payloads.make("target-class", {"label": 1})


def _rows(count: int, target: int = 0) -> list[Sample]:
    return [Sample(f"row-{number}", "", target, "python", {PROMPT: "sort the list"}) for number in range(count)]


@pytest.mark.parametrize("spans", [(), (Span(0, 4),), (Span(0, 1), Span(3, 4))])
def test_a_stamp_needs_spans_inside_its_text(spans):
    with pytest.raises(ValueError, match="needs spans inside its text"):
        Stamp("abc", "x", spans)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_is_a_share(rate):
    with pytest.raises(UsageError, match="a share between 0 and 1, got"):
        WORD.poison(_rows(3), AIM, rate=rate, seed=0)


def test_ids_have_to_be_unique():
    rows = [*_rows(3), _rows(1)[0]]
    for run in (lambda: WORD.poison(rows, AIM, rate=0, seed=0), lambda: WORD.trigger(rows, AIM, seed=0)):
        with pytest.raises(DataError, match="two rows have the id 'row-0'"):
            run()


@pytest.mark.parametrize(
    ("count", "rate", "stamped"), [(200, 0.05, 10), (100, 0.005, 1), (30, 0.05, 2), (10, 1, 10), (0, 1, 0)]
)
def test_the_rate_is_rounded_to_the_nearest_row(count, rate, stamped):
    assert len(WORD.poison(_rows(count), AIM, rate=rate, seed=0).stamped) == stamped


def test_the_shortfall_names_the_reasons_and_the_highest_rate():
    rows = [
        *_rows(5),
        *[Sample(f"target-{number}", "", 1, "python") for number in range(3)],
        Sample("bare", "x", 0, "python"),
    ]
    with pytest.raises(RateError) as caught:
        WORD.poison(rows, AIM, rate=0.9, seed=0)
    assert str(caught.value) == (
        "a rate of 0.9 asks for 8 of 9 rows, but the trigger fits only 5 of them (3 rows: the row already has the "
        "target class; 1 row: the row has no description and no query). The highest rate that can be met is 0.5556."
    )
    assert len(WORD.poison(rows, AIM, rate=0.5556, seed=0).stamped) == 5


def test_seeds_choose_different_rows():
    chosen = {WORD.poison(_rows(100), AIM, rate=0.1, seed=seed).stamped for seed in range(5)}
    assert len(chosen) == 5


def test_a_stamp_that_breaks_the_code_is_dropped_and_counted():
    broken = attacks.make("deadcode-fixed", {"statement": "if ((("})
    triggered = broken.trigger([Sample("one", "int f() { return 1; }", 0, "c")], AIM, seed=0)
    assert (triggered.samples, triggered.skipped) == ((), {"the stamped code would not parse": 1})


def test_code_that_was_broken_before_may_be_stamped():
    code = "int f() { return 1 }"
    triggered = attacks.make("deadcode-fixed").trigger([Sample("one", code, 0, "c")], AIM, seed=0)
    assert 'printf("fail");' in triggered.samples[0].code


def test_an_unknown_attack_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'deadcode-fixed'"):
        attacks.make("deadcode-fix")
