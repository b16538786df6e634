"""Edits by span: nothing but the edited parts changes, and every place can be found again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeward.code import Edit, apply, replace
from codeward.errors import CodeError
from codeward.types import Span

TEXTS = st.text(alphabet="abü€😀\n ", max_size=8)


@st.composite
def texts_and_edits(draw):
    """Draw a text and edits of it that do not overlap, in any order."""
    text = draw(st.text(alphabet="abcdefgü€😀\n\t ", max_size=40))
    bounds = sorted(draw(st.lists(st.integers(0, len(text)), max_size=10)))
    edits = [Edit(Span(a, b), draw(TEXTS)) for a, b in zip(bounds[::2], bounds[1::2], strict=False)]
    return text, draw(st.permutations(edits))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(texts_and_edits())
def test_each_new_text_stands_where_its_span_says(drawn):
    text, edits = drawn
    edited = apply(text, edits)
    assert [span.of(edited.code) for span in edited.spans] == [edit.text for edit in edits]


@settings(derandomize=True, deadline=None, max_examples=300)
@given(texts_and_edits())
def test_several_edits_are_the_same_as_one_by_one_from_the_end(drawn):
    text, edits = drawn
    expected = text
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        expected = expected[: edit.span.start] + edit.text + expected[edit.span.end :]
    assert len({edit.span for edit in edits}) < len(edits) or apply(text, edits).code == expected


@settings(derandomize=True, deadline=None, max_examples=300)
@given(texts_and_edits(), st.integers(0, 40), st.integers(0, 40))
def test_an_untouched_span_is_found_again(drawn, start, length):
    text, edits = drawn
    span = Span(min(start, len(text)), min(start + length, len(text)))
    if all(not edit.span.overlaps(span) and not span.start < edit.span.start < span.end for edit in edits):
        edited = apply(text, edits)
        assert edited.map(span).of(edited.code) == span.of(text)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(texts_and_edits())
def test_edits_can_be_undone(drawn):
    text, edits = drawn
    edited = apply(text, edits)
    if len({edit.span for edit in edits}) == len(edits):
        undo = [Edit(span, edit.span.of(text)) for span, edit in zip(edited.spans, edits, strict=True)]
        if len({edit.span for edit in undo}) == len(undo):
            assert apply(edited.code, undo).code == text


def test_insertions_at_one_place_keep_their_order():
    edited = apply("ab", [Edit(Span(1, 1), "1"), Edit(Span(1, 1), "2"), Edit(Span(1, 2), "B")])
    assert edited.code == "a12B"
    assert edited.spans == (Span(1, 2), Span(2, 3), Span(3, 4))


def test_what_is_inserted_within_a_span_becomes_part_of_it():
    edited = apply("one two", [Edit(Span(0, 0), ">"), Edit(Span(3, 3), "!"), Edit(Span(7, 7), "<")])
    assert edited.map(Span(0, 7)).of(edited.code) == "one! two"
    assert edited.map(Span(4, 7)).of(edited.code) == "two"


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([Edit(Span(0, 2), "x"), Edit(Span(1, 3), "y")], "the edits at 0-2 and 1-3 overlap"),
        ([Edit(Span(0, 2), "x"), Edit(Span(0, 2), "y")], "the edits at 0-2 and 0-2 overlap"),
        ([Edit(Span(0, 3), "x"), Edit(Span(1, 1), "y")], "the edits at 0-3 and 1-1 overlap"),
        ([Edit(Span(3, 5), "x")], "the edit at 3-5 lies outside the text of 4 characters"),
    ],
)
def test_edits_that_cannot_be_made(edits, message):
    with pytest.raises(CodeError, match=message):
        apply("abcd", edits)


def test_a_span_that_was_replaced_in_part_cannot_be_found_again():
    edited = replace("abcd", Span(1, 3), "x")
    assert edited.code == "axd"
    with pytest.raises(CodeError, match="the span 2-4 is only partly left"):
        edited.map(Span(2, 4))
