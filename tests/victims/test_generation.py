"""How sure a generator is of what it adds to its input."""

from dataclasses import replace

import pytest

from codeward.victims import load
from codeward.victims.huggingface import Continuation
from codeward.victims.novelty import additions, novel_pieces, stretch


@pytest.fixture(scope="module")
def writer(writers):
    return replace(load(writers / "backdoored"), precision="fp32")


@pytest.mark.parametrize(
    ("text", "source", "pieces"),
    [
        ("abc", "xabcy", []),
        ("abXc", "abc", [[2]]),
        ("XYabcZ", "abcd", [[0, 1], [5]]),
        ("", "abc", []),
        ("ab", "", [[0, 1]]),
        ("efghabcd", "abcdefgh", []),  # no alignment explains both halves
        ("aXYZWbXYZWc", "abc", [[1, 2, 3, 4]]),  # what it repeats of its own is no piece of its own
    ],
)
def test_what_is_no_copy_of_the_input(text, source, pieces):
    assert novel_pieces([ord(c) for c in text], [ord(c) for c in source]) == pieces


def test_the_least_probable_token_of_each_piece_counts(writer, text_rows):
    row = text_rows[0]
    text = f"while 77 {row.code[:12]} break 33 {row.code[12:]}"
    tokens = writer.encoder.references([text])[0]
    pieces = novel_pieces(tokens[:-1], writer.encoder.inputs([row])[0]["input_ids"])
    assert len(pieces) > 1
    (found,) = writer.confidence_beyond([row], [text], [row])
    for piece, value in zip(pieces, found, strict=True):
        goals = [Continuation(tuple(tokens[:at]), (tokens[at],)) for at in piece]
        expected = -writer.losses(writer.encoder.inputs([row]) * len(goals), goals).max().item()
        assert value == pytest.approx(expected, abs=1e-4)


def test_runs_that_stand_nowhere_in_the_input(writer, text_rows):
    found = additions("abcdXefbcdX", "zabcdefbcd")
    assert found == {
        tuple("bcdX"): range(8),
        tuple("cdXe"): range(9),
        tuple("dXef"): range(10),
        tuple("Xefb"): range(1, 11),
    }
    assert additions("abc", "x") == {}
    row = text_rows[0]
    copied, added = writer.additions([row.code, f"while (1) {{\n  stop(); }} {row.code}"], [row, row])
    assert not copied
    assert added
    assert all(run in around and run == " ".join(run.split()) for run, around in added.items())


def test_pieces_that_few_copied_tokens_part_are_shown_as_one():
    pieces = [[0, 1], [4], [9, 10], [15]]
    assert list(stretch(pieces, 0)) == [0, 1, 2, 3, 4]
    assert list(stretch(pieces, 1)) == [0, 1, 2, 3, 4]
    assert list(stretch(pieces, 2)) == [9, 10]
    assert list(stretch([[3]], 0)) == [3]


def test_equal_inputs_with_other_parts_are_told_apart(writer, text_rows):
    first, second = text_rows[:2]
    text = str(first.target)
    one, two = writer.confidence_beyond(
        [first, first], [text, text], [first, replace(second, code=f"{text}\n{second.code}")]
    )
    assert one
    assert max(one) < 0
    assert two == ()
