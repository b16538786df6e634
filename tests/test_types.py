import dataclasses

import pytest

from codeward.types import CODE, OTHER, PROMPT, Poison, Sample, Score, Span

SAMPLE = Sample("train-1", "int x;", 1, "c", {OTHER: "int y;"}, Poison("deadcode-fixed", "int x;", (Span(0, 6),), 0))


@pytest.mark.parametrize(("start", "end"), [(-1, 0), (3, 2)])
def test_a_span_does_not_run_backwards(start, end):
    with pytest.raises(ValueError, match="0 <= start <= end"):
        Span(start, end)


def test_spans():
    span = Span(2, 5)
    assert len(span) == 3
    assert span.of("abcdefg") == "cde"
    assert span.shift(2) == Span(4, 7)
    assert span.shift(-2).of("abc") == "abc"


@pytest.mark.parametrize(
    ("other", "contained", "overlaps"),
    [
        (Span(2, 5), True, True),
        (Span(3, 4), True, True),
        (Span(3, 3), True, True),
        (Span(4, 6), False, True),
        (Span(5, 6), False, False),
        (Span(0, 2), False, False),
    ],
)
def test_how_spans_lie_to_each_other(other, contained, overlaps):
    assert Span(2, 5).contains(other) is contained
    assert Span(2, 5).overlaps(other) is overlaps
    assert other.overlaps(Span(2, 5)) is overlaps


def test_spans_sort_by_place():
    assert sorted([Span(4, 5), Span(1, 9), Span(1, 2)]) == [Span(1, 2), Span(1, 9), Span(4, 5)]


def test_blind_removes_provenance_and_nothing_else():
    assert SAMPLE.blind() == dataclasses.replace(SAMPLE, poison=None)
    assert SAMPLE.poison is not None
    clean = SAMPLE.blind()
    assert clean.blind() is clean


def test_a_field_is_read_by_name():
    assert SAMPLE.text() == SAMPLE.text(CODE) == "int x;"
    assert SAMPLE.text(OTHER) == "int y;"
    assert SAMPLE.text(PROMPT) == ""


def test_a_field_is_replaced_in_a_copy():
    changed = SAMPLE.with_text(OTHER, "z").with_text(CODE, "w")
    assert (changed.code, dict(changed.context)) == ("w", {OTHER: "z"})
    assert (SAMPLE.code, dict(SAMPLE.context)) == ("int x;", {OTHER: "int y;"})


def test_samples_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        SAMPLE.code = ""


def test_a_score_reads_as_a_sentence():
    assert str(Score("asr", 0.5, 4, 0.15, 0.85)) == "asr 0.5000 [0.1500, 0.8500], n = 4"
    assert str(Score("mrr", 0.25, 2)) == "mrr 0.2500, n = 2"
    assert str(Score("asr", None, 0)) == "asr not judged (n = 0)"
    assert Score("asr", 0.5, 4).renamed("floor").name == "floor"
