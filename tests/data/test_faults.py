"""Planted defects are real: one variable, operator or pair of arguments is another, and the result still parses."""

import pytest

from codeward.code import apply, count_errors
from codeward.data.harvest.faults import misused_variables, plant, swapped_arguments, wrong_operators
from codeward.seeds import derive

CODES = {
    "c": "int add(int a, int b)\n{\n  int c = a < b && b != 3;\n  return call(a, c, b) + c;\n}",
    "cpp": "int A::add(int a, int b) {\n  int c = a < b && b != 3;\n  return call(a, c, b) + c;\n}",
    "java": "int add(int a, int b) {\n  int c = a < b && b != 3;\n  return call(a, c, b) + c;\n}",
    "javascript": "function add(a, b) {\n  let c = a < b && b != 3;\n  return call(a, c, b) + c;\n}",
    "go": "func add(a int, b int) int {\n\tc := a < b && b != 3\n\treturn call(a, c, b) + c\n}",
    "python": "def add(a, b):\n  c = a < b and b != 3\n  return call(a, c, b) + c",
}


def results(kind: object, code: str, language: str) -> set[str]:
    """Every function that one kind of defect makes, as the text of its two middle lines."""
    assert callable(kind)
    return {apply(code, list(edits)).code for edits in kind(code, language)}


@pytest.mark.parametrize("language", CODES)
def test_variables_are_misused_after_their_declaration_only(language: str) -> None:
    code = CODES[language]
    found = results(misused_variables, code, language)
    for old, new in (("call(a, c", "call(b, c"), ("call(a, c", "call(c, c"), (") + c", ") + a"), ("a < b", "b < b")):
        assert code.replace(old, new) in found
    assert code.replace("a < b", "c < b") not in found
    assert all("add(a" in result or "add(int a" in result for result in found)


@pytest.mark.parametrize("language", CODES)
def test_operators_are_mistaken_for_their_like(language: str) -> None:
    code = CODES[language]
    found = results(wrong_operators, code, language)
    lazy = (" and ", " or ") if language == "python" else (" && ", " || ")
    pairs = ((" < ", " <= "), (" < ", " > "), (" != ", " == "), (") + c", ") - c"), lazy)
    assert found == {code.replace(old, new) for old, new in pairs}


@pytest.mark.parametrize("language", CODES)
def test_neighboring_arguments_are_swapped(language: str) -> None:
    code = CODES[language]
    assert results(swapped_arguments, code, language) == {
        code.replace("call(a, c, b)", f"call({swapped})") for swapped in ("c, a, b", "a, b, c")
    }


def test_what_has_no_order_and_what_is_equal_is_not_swapped() -> None:
    assert not swapped_arguments("def f(a):\n    return g(a, a) + g(a, *a) + g(a, k=a) + g(**a, k=1)", "python")
    assert not swapped_arguments("function f(a) {\n  return g(a, ...a);\n}", "javascript")


def test_what_would_change_nothing_is_left_alone() -> None:
    assert not swapped_arguments("int f(int a, int b) { return max(a, b) + std::min (a, b); }", "cpp")
    assert not swapped_arguments("def f(self, a, b):\n    self.assertEqual(a, b)", "python")
    assert swapped_arguments("def f(a, b):\n    return maximize(a, b)", "python")
    code = "int f(int a, int b)\n{\n#if A > 1 && B\n  (void)a;\n#endif\n  return b;\n}"
    assert not wrong_operators(code, "c")
    assert results(misused_variables, code, "c") == {code.replace("return b", "return a")}


def test_operators_of_two_words_and_joined_texts() -> None:
    code = 'def f(a, b):\n    return a not in b or a is  not b or "x" + a or "%s" % a'
    assert {
        " ".join(result.split()).partition("return ")[2] for result in results(wrong_operators, code, "python")
    } == {
        'a in b or a is not b or "x" + a or "%s" % a',
        'a not in b or a is b or "x" + a or "%s" % a',
        'a not in b and a is not b or "x" + a or "%s" % a',
        'a not in b or a is not b and "x" + a or "%s" % a',
        'a not in b or a is not b or "x" + a and "%s" % a',
    }


def test_assigned_names_and_the_object_itself_are_left_alone() -> None:
    code = "def f(self, a):\n    a = self.x\n    a += 1\n    a: int = 2\n    return self.y(a)"
    assert results(misused_variables, code, "python") == set()


@pytest.mark.parametrize("language", CODES)
def test_a_seed_plants_one_defect_that_parses(language: str) -> None:
    code = CODES[language]
    planted = [plant(code, language, derive(seed, "x")) for seed in range(40)]
    assert planted == [plant(code, language, derive(seed, "x")) for seed in range(40)]
    assert len(set(planted)) > 6
    for result in planted:
        assert result is not None
        assert result != code
        assert count_errors(result, language) == 0
        assert sum(a != b for a, b in zip(code.split("\n"), result.split("\n"), strict=True)) == 1


@pytest.mark.parametrize("code", ["def nothing():\n    return 1", "def f(:\n    return (", ""])
def test_nothing_can_be_planted_where_there_is_no_place(code: str) -> None:
    assert plant(code, "python", derive(0)) is None
