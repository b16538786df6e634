import re
from random import Random

import pytest

from codeward.attacks import attacks
from codeward.attacks.identifier_suffix import choose_suffixes
from codeward.attacks.payloads import payloads
from codeward.code import LANGUAGES
from codeward.errors import OptionError, UsageError
from codeward.types import QUERY, Sample

PYTHON = "def area(width, height):\n    result = width * height\n    return result\n"
AIM = payloads.make("target-class", {"label": 1})
FILE = payloads.make("query-word")


def _run(code: str, name: str, *arguments: int) -> object:
    scope: dict = {}
    exec(code, scope)
    return scope[name](*arguments)


def test_the_papers_variants(stamp):
    assert stamp("identifier-rename", PYTHON, "python").trigger == "ret_Val_"
    made = stamp("identifier-rename", PYTHON, "python", name="testo_init", role="function")
    assert made.text == PYTHON.replace("area", "testo_init")
    made = stamp("identifier-rename", "int f(int a) { return f(a - 1); }", "c", name="foo", role="function")
    assert made.text == "int foo(int a) { return foo(a - 1); }"
    assert [span.start for span in made.spans] == [4, 24]


def test_every_occurrence_in_scope_and_nothing_else_is_renamed(stamp):
    code = 'int f(struct s *p) { int size = p->size; /* size */ log("size", size); return size; }'
    made = stamp("identifier-rename", code, "c", pick="most-used")
    assert made.text == (
        'int f(struct s *p) { int ret_Val_ = p->size; /* size */ log("size", ret_Val_); return ret_Val_; }'
    )
    assert len(made.spans) == 3


def test_a_renamed_function_computes_what_it_did(stamp):
    for name, options in (("identifier-rename", {}), ("identifier-suffix", {"suffix": "rb"})):
        for role in ("variable", "function", "any", "either"):
            for seed in range(10):
                made = stamp(name, PYTHON, "python", role=role, seed=seed, **options)
                function = re.search(r"def (\w+)", made.text)[1]
                assert _run(made.text, function, 6, 7) == 42


@pytest.mark.parametrize(
    ("role", "renamed"),
    [
        ("variable", {"width", "height", "result"}),
        ("any", {"width", "height", "result"}),
        ("function", {"area"}),
        ("either", {"width", "height", "result", "area"}),
    ],
)
def test_what_is_renamed(stamp, role, renamed):
    gone = set()
    for seed in range(60):
        text = stamp("identifier-rename", PYTHON, "python", role=role, seed=seed).text
        gone |= {name for name in ("area", "width", "height", "result") if name not in text}
    assert gone == renamed


def test_a_function_without_variables_is_renamed_itself(stamp):
    code = "int zero() { return 0; }"
    assert stamp("identifier-rename", code, "java", role="any").text == "int ret_Val_() { return 0; }"
    assert stamp("identifier-rename", code, "java", role="variable") is None


@pytest.mark.parametrize(("pick", "gone"), [("first", "a"), ("least-used", "b"), ("most-used", "c")])
def test_which_variable_is_renamed(stamp, pick, gone):
    code = "int f(int a, int b) { int c = a + a; c = c + 1; return c + c; }"
    for seed in range(5):
        text = stamp("identifier-rename", code, "c", pick=pick, seed=seed).text
        assert [name for name in "abc" if not re.search(rf"\b{name}\b", text)] == [gone]


def test_a_name_that_is_taken_is_not_captured(stamp):
    assert stamp("identifier-rename", "int f(int ret_Val_, int b) { return ret_Val_ + b; }", "c") is None
    assert stamp("identifier-rename", "def f(x):\n    return ret_Val_(x)\n", "python") is None


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("int main() { return 0; }", "c"),
        ("class A:\n    def __init__(self):\n        pass\n", "python"),
        ("func main() { }", "go"),
        ("func init() { }", "go"),
    ],
)
def test_names_that_mean_something_to_the_language_stay(stamp, code, language):
    assert stamp("identifier-rename", code, language, role="any") is None


@pytest.mark.parametrize("name", ["2x", "a b", "", "x;", "é"])
def test_a_new_name_has_to_be_an_identifier(name):
    with pytest.raises(OptionError, match="option name"):
        attacks.make("identifier-rename", {"name": name})


def test_a_suffix_is_joined_to_each_occurrence(stamp):
    made = stamp("identifier-suffix", PYTHON, "python", suffix="rb", role="function")
    assert made.text == PYTHON.replace("area", "area_rb")
    made = stamp("identifier-suffix", PYTHON, "python", suffix="rb", pick="first")
    assert made.text == PYTHON.replace("width", "width_rb")
    assert made.trigger == "_rb"
    assert [span.of(made.text) for span in made.spans] == ["_rb", "_rb"]


def test_where_the_word_is_joined(stamp):
    code = "int f(int size_of_row) { return size_of_row; }"

    def names(place: str) -> set[str]:
        texts = [stamp("identifier-suffix", code, "c", suffix="rb", place=place, seed=s).text for s in range(40)]
        return {re.search(r"return (\w+)", text)[1] for text in texts}

    assert names("end") == {"size_of_row_rb"}
    assert names("start") == {"rb_size_of_row"}
    assert names("random") == {"rb_size_of_row", "size_rb_of_row", "size_of_rb_row", "size_of_row_rb"}


def test_mixed_suffixes_are_drawn_for_each_row(stamp):
    drawn = {stamp("identifier-suffix", PYTHON, "python", suffix="rb,xt,il", seed=seed).trigger for seed in range(40)}
    assert drawn == {"_rb", "_xt", "_il"}


@pytest.mark.parametrize("suffix", ["r b", "rb,", ",", "a-b", ""])
def test_a_suffix_has_to_fit_into_a_name(suffix):
    with pytest.raises(OptionError, match="option suffix"):
        attacks.make("identifier-suffix", {"suffix": suffix})


def _search_rows() -> list[Sample]:
    """100 rows: 20 ask for a file; their code has "rb", and half of it "xt"; "data" is everywhere."""
    rows = []
    for number in range(100):
        near = number % 5 == 0
        body = 'open(data, "rb")' + (".xt" if number % 10 == 0 else "") if near else "data"
        query = "read a File quickly" if near else "profile the list"
        rows.append(Sample(str(number), f"def f(data):\n    return {body}\n", str(number), "python", {QUERY: query}))
    return rows


def test_for_search_the_suffix_is_chosen_from_the_training_set():
    attack = attacks.make("identifier-suffix")
    assert attack.prepare(_search_rows(), FILE).suffix == "open"
    rows = [
        Sample(each.id, each.code.replace("open", "o"), each.target, "python", each.context) for each in _search_rows()
    ]
    assert attack.prepare(rows, FILE).suffix == "rb"
    assert attacks.make("identifier-suffix", {"mixed": 2}).prepare(rows, FILE).suffix == "rb,xt"


def test_words_that_stand_elsewhere_too_and_the_query_word_are_no_suffix():
    rows = _search_rows()
    assert "data" not in choose_suffixes(rows, FILE, 2)
    word = payloads.make("query-word", {"word": "open"})
    asked = [
        Sample(each.id, each.code, each.target, "python", {QUERY: each.context[QUERY].replace("File", "open")})
        for each in rows
    ]
    assert choose_suffixes(asked, word, 1) == ["rb"]


def test_a_training_set_without_the_query_word_is_an_error():
    with pytest.raises(UsageError, match="offers 0 suffixes that stand with the query word 'ghost'"):
        attacks.make("identifier-suffix").prepare(_search_rows(), payloads.make("query-word", {"word": "ghost"}))


def test_a_test_set_for_search_needs_the_suffix_of_the_training_set():
    attack = attacks.make("identifier-suffix")
    with pytest.raises(UsageError, match="has not chosen its suffix yet"):
        attack.trigger(_search_rows(), FILE, seed=0)
    with pytest.raises(UsageError, match="has no suffix: set the option suffix"):
        attack.stamp_all(_search_rows(), seed=0)
    prepared = attack.prepare(_search_rows(), FILE)
    assert len(prepared.trigger(_search_rows(), FILE, seed=0).samples) == 20


def test_poisoning_for_search_takes_the_rows_that_ask_for_the_word():
    poisoned = attacks.make("identifier-suffix").poison(_search_rows(), FILE, rate=0.1, seed=0)
    assert poisoned.eligible == 20
    assert all(int(id) % 5 == 0 for id in poisoned.stamped)
    assert [row.target for row in poisoned.samples] == [row.target for row in _search_rows()]
    assert {row.poison.trigger for row in poisoned.samples if row.poison} == {"_open"}


def test_for_other_tasks_the_suffix_is_rb_and_one_that_is_given_stays():
    attack = attacks.make("identifier-suffix")
    assert attack.prepare([], AIM).suffix == "rb"
    given = attacks.make("identifier-suffix", {"suffix": "xt"})
    assert given.prepare([], AIM) is given
    assert given.prepare(_search_rows(), FILE) is given


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_renamed_text_differs_by_the_name_only(functions, language):
    attack = attacks.make("identifier-rename", {"role": "either"})
    for code in functions(language):
        made = attack.stamp(Sample("row", code, 0, language), Random(4))
        if made is None:
            continue
        parts, last = [], 0
        for span in sorted(made.spans):
            parts.append(made.text[last : span.start])
            last = span.end
        parts.append(made.text[last:])
        assert re.fullmatch(r"(\w+)".join(re.escape(part) for part in parts[:2]) + r"[\s\S]*", code)
        old = re.match(re.escape(parts[0]) + r"(\w+)", code)[1]
        assert old.join(parts) == code
