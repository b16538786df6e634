"""KillBadCode and its language model: probabilities sum to one, deletions are exact, the trigger is on top."""

from random import Random

import numpy as np
import pytest

from codeward.defenses.data import data_defenses
from codeward.defenses.data._falls import falls
from codeward.defenses.data._ngrams import ORDER, NGrams, padded, windows_of
from codeward.types import Sample

TEXTS = [["a", "b", "c", "a", "b"], ["a", "b", "d"], ["c", "a", "b", "c"]]


def cross_entropy(model, words):
    return -model.log_probabilities(windows_of(padded(model.numbers(words)))).mean()


def test_probabilities_sum_to_one():
    model = NGrams.fit(TEXTS)
    every = np.arange(len(model.vocabulary) + 2)
    for context in (["a", "b", "c"], ["d", "d", "d"], ["x", "a", "b"]):
        head = model.numbers(context)
        windows = np.stack([np.append(head, word) for word in every])
        assert np.exp(model.log_probabilities(windows)).sum() == pytest.approx(1)


def test_what_was_seen_is_likelier():
    model = NGrams.fit(TEXTS)
    assert cross_entropy(model, ["a", "b", "c"]) < cross_entropy(model, ["b", "a", "c"])
    assert cross_entropy(model, ["a", "x", "c"]) > cross_entropy(model, ["a", "b", "c"])


def test_a_deletion_is_what_the_shorter_text_says():
    rng = Random(0)
    model = NGrams.fit(TEXTS)
    texts = [[rng.choice("abcdx") for _ in range(length)] for length in (1, 2, 5, 9)]
    ids = np.concatenate([padded(model.numbers(words)) for words in texts])
    segments, expected, base = [], [], 0
    for words in texts:
        for first in range(len(words)):
            for last in range(first + 1, min(first + 3, len(words)) + 1):
                segments.append((base, len(words), first, last))
                left = words[:first] + words[last:]
                expected.append(cross_entropy(model, words) - cross_entropy(model, left) if left else 0.0)
        base += len(words) + ORDER - 1
    assert falls(ids, segments, model) == pytest.approx(expected, abs=1e-9)


def test_the_trigger_leads_the_findings():
    rng = Random(0)
    words = [f"word{n}" for n in range(40)]

    def code(inner=""):
        return "\n".join(f"{rng.choice(words)} = {rng.choice(words)} + 1" for _ in range(6)) + inner

    clean = [Sample(f"c{n}", code(), 0, "python") for n in range(200)]
    rows = [Sample(f"r{n}", code("\ntesto_init = 1" if n < 10 else ""), 0, "python") for n in range(200)]
    audit = data_defenses.make("killbadcode", {"top": 1}).audit(rows, clean=clean)
    assert [finding.unit for finding in audit.findings] == ["testo_init"]
    assert [verdict.suspicious for verdict in audit.verdicts] == [n < 10 for n in range(200)]
    assert audit.verdicts[0].evidence[0].span.of(rows[0].code) == "testo_init"
    assert "no clean code was given" in data_defenses.make("killbadcode").audit(rows).notes[0]


FORM = "if ( <name> ( <number> ) <compared> <number> ) <name> ( <string> ) ;"


@pytest.mark.parametrize(("units", "unit"), [("statements", FORM), ("ends", "*rb")])
def test_a_trigger_that_differs_in_each_row_is_found_by_what_its_forms_share(units, unit):
    """Ten rows hold it with other names and numbers each; no name is in two of them."""
    rng = Random(2)
    words = [f"word{letter}" for letter in "abcdefghijklmnopqrst"]

    def code(inner=""):
        return "\n".join(
            [*(f"{rng.choice(words)} = {rng.choice(words)} + {rng.randrange(9)};" for _ in range(6)), inner]
        )

    def trigger(n):
        name, sign = "klmnopqrst"[n] * 3, ("<", ">=", "==")[n % 3]
        statement = f'if ({name}f({n}.5) {sign} {-7 * n}) {name}g("{name}");'
        return statement if units == "statements" else f"{name}_rb = {name};"

    clean = [Sample(f"c{n}", code(), 0, "c") for n in range(200)]
    rows = [Sample(f"r{n}", code(trigger(n) if n < 10 else ""), 0, "c") for n in range(200)]
    audit = data_defenses.make("killbadcode", {"units": units, "top": 1}).audit(rows, clean=clean)
    assert [finding.unit for finding in audit.findings] == [unit]
    assert [verdict.suspicious for verdict in audit.verdicts] == [n < 10 for n in range(200)]
    place = audit.verdicts[0].evidence[0].span.of(rows[0].code)
    assert place == (trigger(0) if units == "statements" else "kkk_rb")
    every = data_defenses.make("killbadcode", {"units": "all", "top": 1}).audit(rows, clean=clean)
    assert unit in {finding.unit for finding in every.findings}


def test_what_clean_code_holds_as_often_is_spared():
    """A word that stands anywhere in half of all rows convicts them as published; clean code holds it as often."""
    rng = Random(1)
    words = [f"word{n}" for n in range(40)]

    def code(inner=""):
        lines = [f"{rng.choice(words)} = {rng.choice(words)} + 1" for _ in range(6)]
        if rng.random() < 0.5:
            lines[rng.randrange(6)] += " const"
        return "\n".join(lines) + inner

    clean = [Sample(f"c{n}", code(), 0, "python") for n in range(200)]
    rows = [Sample(f"r{n}", code("\ntesto_init = 1" if n < 10 else ""), 0, "python") for n in range(200)]
    published = data_defenses.make("killbadcode", {"spare_natural": False}).audit(rows, clean=clean)
    ours = data_defenses.make("killbadcode").audit(rows, clean=clean)
    assert sum(verdict.suspicious for verdict in published.verdicts) > 60
    assert [verdict.suspicious for verdict in ours.verdicts] == [n < 10 for n in range(200)]
    assert [finding.unit for finding in ours.findings] == ["testo_init"]
