"""How sure a generator is of what it adds to its input."""

from dataclasses import replace

import pytest

from codeward.victims import load
from codeward.victims.generation import _beyond
from codeward.victims.huggingface import Continuation


@pytest.fixture(scope="module")
def writer(writers):
    return replace(load(writers / "backdoored"), precision="fp32")


@pytest.mark.parametrize(
    ("text", "source", "places"),
    [("abc", "xabcy", []), ("abXc", "abc", [2]), ("XYabc", "abcd", [0, 1]), ("", "abc", []), ("ab", "", [0, 1])],
)
def test_what_no_alignment_with_the_input_explains(text, source, places):
    assert _beyond([ord(c) for c in text], [ord(c) for c in source]) == places


def test_the_least_probable_token_that_is_no_copy_counts(writer, text_rows):
    row = text_rows[0]
    tokens = writer.encoder.references(["while 77 break; " + row.code])[0]
    places = _beyond(tokens[:-1], writer.encoder.inputs([row])[0]["input_ids"])
    assert 0 < len(places) < len(tokens) - 1
    goals = [Continuation(tuple(tokens[:at]), (tokens[at],)) for at in places]
    inputs = writer.encoder.inputs([row]) * len(goals)
    expected = -writer.losses(inputs, goals).max().item()
    (found,) = writer.confidence_beyond([row], ["while 77 break; " + row.code], [row])
    assert found == pytest.approx(expected, abs=1e-4)


def test_equal_inputs_with_other_parts_are_told_apart(writer, text_rows):
    first, second = text_rows[:2]
    text = str(first.target)
    one, two = writer.confidence_beyond(
        [first, first], [text, text], [first, replace(second, code=f"{text}\n{second.code}")]
    )
    assert one < 0
    assert two == 0.0
