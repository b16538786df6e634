"""Renaming: consistent, without capture, and refused where it would not be right."""

import pytest

from codeward.code import LANGUAGES, Edit, Identifier, Role, apply, count_errors, identifiers, rename
from codeward.errors import CodeError
from codeward.types import Span


def _named(code, language, name):
    return next(each for each in identifiers(code, language) if each.name == name)


@pytest.mark.parametrize(
    ("language", "name", "message"),
    [
        ("c", "2x", "'2x' is no identifier of c; use letters, digits and underscores"),
        ("c", "a b", "is no identifier"),
        ("c", "", "'' is no identifier"),
        ("c", "a-b", "is no identifier"),
        ("python", "$x", "is no identifier"),
        ("python", "ﬁ", "is no identifier"),
        ("c", "while", "'while' is a keyword of c"),
        ("cpp", "class", "'class' is a keyword of cpp"),
        ("java", "null", "'null' is a keyword of java"),
        ("python", "None", "'None' is a keyword of python"),
        ("javascript", "typeof", "'typeof' is a keyword of javascript"),
        ("go", "range", "'range' is a keyword of go"),
        ("c", "g", "'g' already stands in the code; choose a name that does not"),
    ],
)
def test_names_that_cannot_be_given(language, name, message):
    code = {
        "python": "def f(x):\n    return g(x)\n", "javascript": "function f(x) { return g(x); }",
        "go": "func f(x int) int { return g(x) }",
    }.get(language, "int f(int x) { return g(x); }")  # fmt: skip
    with pytest.raises(CodeError, match=message.replace("$", r"\$")):
        rename(code, language, _named(code, language, "x"), name)


@pytest.mark.parametrize(
    ("language", "name"), [("java", "$x"), ("javascript", "$"), ("python", "größe"), ("c", "class")]
)
def test_names_that_can_be_given(language, name):
    code = {"python": "def f(x):\n    return x\n", "javascript": "function f(x) { return x; }"}.get(
        language, "int f(int x) { return x; }"
    )
    assert rename(code, language, _named(code, language, "x"), name).code == code.replace("x", name)


@pytest.mark.parametrize("taken", ["b", "g", "c", "d", "T", "f"])
def test_a_name_in_use_is_taken_whatever_it_names(taken):
    code = "int f(T a) { int b = g(a); p.c = 1; d: return b; }"
    with pytest.raises(CodeError, match=f"'{taken}' already stands in the code"):
        rename(code, "c", _named(code, "c", "a"), taken)


def test_a_name_that_only_strings_and_comments_have_is_free():
    code = 'int f(int a) { /* fresh */ return g("fresh", a); }'
    assert (
        rename(code, "c", _named(code, "c", "a"), "fresh").code
        == 'int f(int fresh) { /* fresh */ return g("fresh", fresh); }'
    )


def test_an_identifier_of_another_text_is_an_error():
    found = _named("int f(int x) { return x; }", "c", "x")
    with pytest.raises(CodeError, match="'x' is no identifier of this text"):
        rename("int ff(int x) { return x; }", "c", found, "y")
    with pytest.raises(CodeError, match="'x' is no identifier of this text"):
        rename("int f(int x) { return x; }", "c", Identifier("x", Role.VARIABLE, ()), "y")
    with pytest.raises(CodeError, match="'x' is no identifier of this text"):
        rename("int f(int x) { return x; }", "c", Identifier("x", Role.PARAMETER, (Span(10, 11),)), "y")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_identifier_that_is_not_fixed_can_be_renamed_and_back(golden, language):
    count = 0
    for code in golden(language):
        for each in identifiers(code, language):
            assert all(code[span.start : span.end] == each.name for span in each.spans)
            if each.fixed or each.role is Role.OTHER:
                continue
            edited = rename(code, language, each, "fresh_name")
            assert [span.of(edited.code) for span in edited.spans] == ["fresh_name"] * len(each.spans)
            assert count_errors(edited.code, language) == 0
            fresh = next(other for other in identifiers(edited.code, language) if other.name == "fresh_name")
            assert fresh.spans == edited.spans
            assert apply(edited.code, [Edit(span, each.name) for span in edited.spans]).code == code or "{" in code
            count += 1
    assert count >= 10


def test_two_renames_and_an_old_span():
    code = "int f(int a, int b) { return a + b; }"
    first = rename(code, "c", _named(code, "c", "a"), "alpha")
    second = rename(first.code, "c", _named(first.code, "c", "b"), "beta")
    assert second.code == "int f(int alpha, int beta) { return alpha + beta; }"
    body = second.map(first.map(Span(code.index("{"), len(code))))
    assert body.of(second.code) == "{ return alpha + beta; }"


def test_imports_of_python_keep_the_name_of_the_module():
    code = "import json\nfrom a import b\nprint(json, b)\n"
    assert rename(code, "python", _named(code, "python", "json"), "j").code == code.replace(
        "json\n", "json as j\n"
    ).replace("(json", "(j")
    assert "from a import b as c\nprint(json, c)" in rename(code, "python", _named(code, "python", "b"), "c").code
