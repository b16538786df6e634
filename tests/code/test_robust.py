"""Any text gives text or a CodeError: white noise, control characters, deep nesting, a megabyte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeward.code import (
    LANGUAGES,
    Role,
    count_errors,
    functions,
    identifiers,
    insert_statement,
    integers,
    parse,
    remove_statement,
    rename,
    statements,
)  # fmt: skip
from codeward.errors import CodeError
from codeward.types import Span

_WORDS = """
    def class return if else for while x y f ( ) { } [ ] : ; , . = == + - * & -> => " ' ` \\ # // /* */ @ ! < > ~ ? ${ f" \n
    \t \r\n int void func var let function case switch import from as global nonlocal lambda try except struct template
    namespace :: #define #ifdef #endif package type 1 0x1 1.0 ü 😀 \0 \ud800
"""
WORDS = _WORDS.replace("\n    ", " ").strip(" \n").split(" ")


def try_everything(code: str, language: str) -> None:
    """Call every function of the layer; all spans have to lie within the text, and every edit where it says."""
    parse(code, language)
    assert count_errors(code, language) >= 0
    whole = Span(0, len(code))
    listed = statements(code, language)
    for found in functions(code, language):
        assert whole.contains(found.span)
        assert found.span.contains(found.body_span)
        assert found.name_span.of(code) == found.name
    for place in ("first", "last", 0):
        try:
            edited = insert_statement(code, language, "zz = 1", at=place)
        except CodeError:
            continue
        assert edited is None or edited.spans[0].of(edited.code) == "zz = 1"
    for each in (*listed[:3], *listed[-3:]):
        assert whole.contains(each.span)
        remove_statement(code, language, each)
    assert all(whole.contains(span) for span in integers(code, language))
    names = identifiers(code, language)
    taken = [span for each in names for span in each.spans]
    assert len(set(taken)) == len(taken)
    for each in names[:4]:
        assert all(span.of(code) for span in each.spans)
        try:
            edited = rename(code, language, each, "zz_new")
        except CodeError:
            continue
        assert all(span.of(edited.code) == "zz_new" for span in edited.spans)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.text(st.characters(), max_size=60))
def test_any_text(language, text):
    try_everything(text, language)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(derandomize=True, deadline=None, max_examples=250)
@given(st.lists(st.sampled_from([word for word in WORDS if word]), max_size=40), st.sampled_from(["", " ", "\n"]))
def test_any_words(language, words, between):
    try_everything(between.join(words), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_built_in_functions_that_are_cut_or_damaged_anywhere(golden, language):
    for code in golden(language)[:4]:
        for place in range(0, len(code), 11):
            try_everything(code[:place], language)
            try_everything(code[:place] + "\0}{(" + code[place:], language)


HEADS = {"python": "def f(x):\n    y = ", "go": "func f(x int) { y = ", "javascript": "function f(x) { y = "}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "deep",
    [
        "(" * 5000 + "x" + ")" * 5000,
        "{" * 5000,
        "[" * 5000 + "]" * 5000,
        "if (x) " * 5000,
        "x" + ".x" * 5000,
        "-" * 5000,
    ],
    ids=["parentheses", "braces", "brackets", "ifs", "members", "signs"],
)
def test_deep_nesting(language, deep):
    try_everything(HEADS.get(language, "int f(int x) { y = ") + deep, language)


def test_deep_nesting_of_functions_classes_and_blocks():
    try_everything("function f(x) {" * 1500 + "}" * 1500, "javascript")
    try_everything("class A {" * 1500 + "int x;" + "}" * 1500, "java")
    try_everything("\n".join(" " * depth + "def f(x):" for depth in range(400)), "python")
    try_everything("x = " + "lambda x: " * 1500 + "x", "python")
    try_everything("int " + "*" * 5000 + "f(int x) { return x; }", "c")


@pytest.mark.parametrize(
    "text", ["x = x + 1; " * 90_000, "a" * 1_000_000, "{" * 1_000_000, " \n" * 500_000], ids="cabs"
)
def test_a_megabyte(text):
    try_everything(text, "c")


@pytest.mark.parametrize(
    "code", ["def f(x):\r\n\treturn x\r\n", "def f(x):\r return x\r", "\ufeffdef f(x):\n return x\n"]
)
def test_line_ends_and_marks(code):
    try_everything(code, "python")


def test_a_name_after_characters_of_any_width_is_found():
    code = 'int f(int x) { g("ä€😀\ud800"); return x; }'
    found = next(each for each in identifiers(code, "c") if each.name == "x" and each.role is Role.PARAMETER)
    assert rename(code, "c", found, "y").code == code.replace("int x", "int y").replace("return x", "return y")
