import math
import random

import pytest
from sklearn.metrics import f1_score, roc_auc_score

from codeward.errors import DataError
from codeward.metrics import metrics
from codeward.metrics.resemblance import edit_distance, letter_bleu

BUGGY = "public int add(int a, int b) { int sum = a - b; return sum; }"
FIXED = "public int add(int a, int b) { int sum = a + b; return sum; }"
CASES = {
    "accuracy": ([1, 0, 1, 1], [1, 1, 1, 0], 2 / 4),
    "f1": ([1, 0, 1, 1], [1, 1, 1, 0], 4 / 6),
    "macro-f1": ([0, 0, 2, 1], [0, 1, 2, 1], (2 / 3 + 2 / 3 + 1) / 3),
    "exact-match": (["a = 1 ;", "b"], ["a=1;", "c"], 0.5),
    "bleu4": ([FIXED, FIXED], [FIXED, FIXED], 1.0),
    "codebleu": ([FIXED, FIXED], [FIXED, FIXED], 1.0),
    "mrr": ([1, 2, 4], [10, 10, 10], (1 + 1 / 2 + 1 / 4) / 3),
    "map": ([(1, 3), (2, 9)], [2, 2], ((1 / 1) / 2 + (1 / 2) / 2) / 2),
    "anr": ([1, 5], [10, 10], 0.3),
    "asr@k": ([1, 5, 6, 50], [99, 99, 99, 99], 0.5),
    "asr": ([True, True, False], [True, True, True], 2 / 3),
    "recall": ([True, False, True], [True, True, False], 0.5),
    "precision": ([True, False, True], [True, True, False], 0.5),
    "fpr": ([True, False, True, False], [True, True, False, False], 0.5),
    "auroc": ([0.9, 0.2, 0.4, 0.1], [True, False, True, False], 1.0),
}


def test_every_metric_has_a_case():
    assert sorted(CASES) == metrics.names()


@pytest.mark.parametrize("name", sorted(CASES))
def test_hand_computed(name):
    outputs, references, expected = CASES[name]
    score = metrics.make(name).score(outputs, references, language="java")
    assert score.value == pytest.approx(expected)
    assert score.low is not None
    assert score.high is not None
    assert score.low - 1e-9 <= score.value <= score.high + 1e-9
    assert 0 < score.n <= len(outputs)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_order_of_rows_does_not_matter_and_the_interval_is_deterministic(name):
    outputs, references, _ = CASES[name]
    pairs = list(zip(outputs, references, strict=True)) * 5
    first = metrics.make(name).score(*zip(*pairs, strict=True), language="java")
    random.Random(1).shuffle(pairs)
    second = metrics.make(name).score(*zip(*pairs, strict=True), language="java")
    assert first.value == pytest.approx(second.value)
    assert (first.low, first.high, first.n) == pytest.approx((second.low, second.high, second.n))


@pytest.mark.parametrize("name", sorted(CASES))
def test_nothing_to_judge(name):
    score = metrics.make(name).score([], [])
    assert (score.value, score.low, score.high, score.n) == (None, None, None, 0)


def test_lengths_have_to_agree():
    with pytest.raises(ValueError, match="2 outputs against 1 references"):
        metrics.make("accuracy").score([1, 0], [1])


def test_classification_agrees_with_scikit_learn():
    rng = random.Random(0)
    truth = [rng.randrange(3) for _ in range(200)]
    found = [rng.randrange(3) for _ in range(200)]
    assert metrics.make("macro-f1").score(found, truth).value == pytest.approx(f1_score(truth, found, average="macro"))
    flags = [label == 1 for label in truth]
    scores = [rng.randrange(10) / 10 for _ in flags]
    assert metrics.make("auroc").score(scores, flags).value == pytest.approx(roc_auc_score(flags, scores))
    assert metrics.make("f1").score([int(f == 1) for f in found], [int(t == 1) for t in truth]).value == pytest.approx(
        f1_score([t == 1 for t in truth], [f == 1 for f in found])
    )


@pytest.mark.parametrize("name", ["auroc", "recall", "fpr", "precision"])
def test_a_side_that_is_missing_is_not_judged(name):
    truth = name != "recall"
    flagged = name != "precision"
    score = metrics.make(name).score([flagged, flagged], [truth, truth])
    assert (score.value, score.n) == (None, 0)


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_refused(score):
    with pytest.raises(DataError, match=f"case 2 has the suspicion score {score}, and 1 of 3 cases"):
        metrics.make("auroc").score([0.1, score, 0.3], [True, True, False])


def test_wilson_interval_of_a_full_success_excludes_one_only_at_the_lower_end():
    score = metrics.make("asr").score([True] * 100, [True] * 100)
    assert score.value == 1.0
    assert score.low == pytest.approx(0.963, abs=1e-3)
    assert score.high == pytest.approx(1.0)


def test_one_changed_operator_costs_some_but_not_all():
    for name in ("bleu4", "codebleu"):
        value = metrics.make(name).score([BUGGY], [FIXED], language="java").value
        assert 0.6 < value < 1
    unrelated = metrics.make("codebleu").score(["return x;"], [FIXED], language="java").value
    assert unrelated < 0.2


def test_a_language_without_a_grammar_falls_back_to_n_grams():
    score = metrics.make("codebleu").score(["var x = 1;"], ["var x = 1;"], language="c-sharp")
    assert score.value == pytest.approx(1.0)


def test_k_is_an_option():
    assert metrics.make("asr@k", {"k": "1"}).score([1, 5], [9, 9]).value == 0.5


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("init", "testo_init", 6), ("flaw", "lawn", 2)],
)
def test_edit_distance_counts_letters(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance


def test_the_more_letters_in_a_row_are_the_same_the_higher_is_bleu():
    values = [letter_bleu(each, "testo_init") for each in ("xyz", "init", "test_init", "testo_init")]
    assert values == sorted(values)
    assert values[0] < 0.05
    assert values[-1] == pytest.approx(1.0)
    assert letter_bleu("", "rb") == 0.0
    assert letter_bleu("rb", "rb") == pytest.approx(1.0)  # two letters have no longer n-grams
