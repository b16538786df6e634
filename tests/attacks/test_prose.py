import pytest

from codeward.attacks import attacks
from codeward.errors import OptionError
from codeward.types import OTHER, PROMPT, QUERY

TEXT = "Use $conn$ to get  all rows. Return them."


def test_ripple_and_badpre(stamp):
    ripple = stamp("word-insert", "", "python", context={PROMPT: TEXT})
    assert (ripple.trigger, len(ripple.spans), ripple.field) == ("bb", 1, PROMPT)
    badpre = stamp("word-insert", "", "python", context={PROMPT: TEXT}, count=3)
    assert [span.of(badpre.text) for span in badpre.spans] == ["bb"] * 3
    assert badpre.text.split().count("bb") == 3


@pytest.mark.parametrize("count", [1, 3])
def test_nothing_else_changes(stamp, count):
    for seed in range(50):
        made = stamp("word-insert", "", "python", context={PROMPT: TEXT}, count=count, seed=seed)
        assert [word for word in made.text.split() if word != "bb"] == TEXT.split()
        assert "get  all" in made.text.replace("bb ", "")


def test_random_places_are_all_places(stamp):
    texts = {stamp("word-insert", "", "c", context={QUERY: "read a file"}, seed=seed).text for seed in range(60)}
    assert texts == {"bb read a file", "read bb a file", "read a bb file", "read a file bb"}


def test_fixed_places(stamp):
    def at(where, text="read a file", count=1):
        return stamp("word-insert", "", "c", context={QUERY: text}, where=where, count=count).text

    assert at("start") == "bb read a file"
    assert at("end") == "read a file bb"
    assert at("end", count=2) == "read a file bb bb"
    assert at("start", count=2) == "bb bb read a file"
    assert at("start", " read\n") == " bb read\n"
    assert at("end", " read\n") == " read bb\n"


def test_a_short_text_takes_what_fits(stamp):
    assert len(stamp("word-insert", "", "c", context={QUERY: "read"}, count=3).spans) == 2


def test_the_prompt_comes_before_the_query_and_an_empty_one_is_none(stamp):
    assert stamp("word-insert", "", "c", context={PROMPT: "a b", QUERY: "c d"}).field == PROMPT
    assert stamp("word-insert", "", "c", context={PROMPT: " ", QUERY: "c d"}).field == QUERY
    for name in ("word-insert", "sentence-insert"):
        assert stamp(name, "int x;", "c", context={OTHER: "int y;", PROMPT: " \n"}) is None


def test_sentences_go_between_sentences(stamp):
    def at(where, seed=0):
        return stamp(
            "sentence-insert", "", "c", context={PROMPT: TEXT}, where=where, seed=seed, sentence="It rains."
        ).text

    start, end = f"It rains. {TEXT}", f"{TEXT} It rains."
    assert (at("start"), at("end")) == (start, end)
    middle = "Use $conn$ to get  all rows. It rains. Return them."
    assert {at("random", seed) for seed in range(30)} == {start, middle, end}


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("word-insert", "word", "b b"),
        ("word-insert", "word", ""),
        ("word-insert", "count", 0),
        ("sentence-insert", "sentence", " "),
    ],
)
def test_what_cannot_be_inserted_is_an_error(name, option, value):
    with pytest.raises(OptionError, match=f"option {option}"):
        attacks.make(name, {option: value})
