import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeward.attacks import attacks
from codeward.attacks.constant_unfold import LARGEST, unfold
from codeward.errors import OptionError


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(0, LARGEST), st.integers(2, 1000))
def test_the_expression_has_the_value(value, factor):
    assert eval(unfold(value, factor)) == value
    assert max(int(number) for number in re.findall(r"\d+", unfold(value, factor))) <= max(value, factor)


def test_the_expression_of_the_paper():
    assert unfold(20, 2) == "(4 + 6) * 2"
    assert unfold(21, 2) == "(4 + 6) * 2 + 1"
    assert unfold(0, 2) == "(0 + 0) * 2"
    assert unfold(30, 3) == "(4 + 6) * 3"


CONTEXTS = [
    "7 - 5",
    "5 - 7",
    "-8",
    "--9",
    "~12",
    "2 ** 3",
    "100 // 20",
    "100 % 7",
    "100 / 8",
    "3 * 5",
    "6 << 2",
    "6 & 3",
    "6 | 3",
    "6 ^ 3",
    "not 5",
    "3 < 4 < 5",
    "[1, 2, 3, 4, 5][4]",
    "[1, 2, 3, 4][2:3]",
    "{3: 4, 5: 6}",
    "max(9, 4)",
    "(11)",
    "10 if 6 else 3",
    "[n * 3 for n in range(4)]",
    "(lambda x: x + 7)(2)",
    "f'{12}' + str(13)",
    "6 .bit_length()",
    "7 and 9",
    "7 or 9",
    "5 in [5]",
    "5 == 5",
    "dict(a=14)",
    "(15, 16)",
    "{17, 18}",
    "2 ** -3",
    "-2 ** 2",
    "10 - 4 - 3",
    "100 // 7 // 2",
    "print(4) or 8",
]


@pytest.mark.parametrize("expression", CONTEXTS)
def test_every_constant_keeps_the_value_of_its_expression(stamp, expression):
    code = f"def f():\n    return {expression}\n"
    before: dict = {}
    exec(code, before)
    values = {int(number) for number in re.findall(r"(?<![\w'])\d+", expression)}
    for value in values:
        for seed in range(3):
            made = stamp("constant-unfold", code, "python", value=value, seed=seed)
            if made is None:
                continue
            after: dict = {}
            exec(made.text, after)
            assert after["f"]() == before["f"](), made.text


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        ("c", "int f() { return 20; }", "int f() { return (4 + 6) * 2; }"),
        ("c", "int f() { return x / 20; }", "int f() { return x / ((4 + 6) * 2); }"),
        ("c", "int f() { return -20; }", "int f() { return -((4 + 6) * 2); }"),
        ("java", "int f() { int a = 20; return a; }", "int f() { int a = (4 + 6) * 2; return a; }"),
        ("java", "int f() { return g(20, b); }", "int f() { return g((4 + 6) * 2, b); }"),
        ("java", "int f() { return a[20]; }", "int f() { return a[(4 + 6) * 2]; }"),
        ("java", "long f() { return (long) 20; }", "long f() { return (long) ((4 + 6) * 2); }"),
        ("javascript", "function f() { return a ** 20; }", "function f() { return a ** ((4 + 6) * 2); }"),
        ("go", "func f() int {\n\ta := 20\n\treturn a\n}\n", "func f() int {\n\ta := (4 + 6) * 2\n\treturn a\n}\n"),
        ("cpp", "int f() { return a << 20; }", "int f() { return a << ((4 + 6) * 2); }"),
        ("c", "int f() { return MAX(20, b); }", "int f() { return MAX(((4 + 6) * 2), b); }"),
        ("c", "int f() { return max(20, b); }", "int f() { return max((4 + 6) * 2, b); }"),
        ("cpp", "int f() { return CHECK(b == 20); }", "int f() { return CHECK(b == ((4 + 6) * 2)); }"),
        ("java", "int f() { return MAX(20, b); }", "int f() { return MAX((4 + 6) * 2, b); }"),
        (
            "c",
            "#define sq(a) a*a\nint f() { return sq(20); }",
            "#define sq(a) a*a\nint f() { return sq(((4 + 6) * 2)); }",
        ),
    ],
)
def test_parentheses_go_where_they_are_needed(stamp, language, code, expected):
    made = stamp("constant-unfold", code, language)
    assert made.text == expected
    assert made.spans[0].of(made.text) == made.trigger


@pytest.mark.parametrize(("pick", "changed"), [("first", "3"), ("largest", "44")])
def test_which_constant_is_unfolded(stamp, pick, changed):
    code = "int f() { g(3); g(44); g(7); g(44); return 5; }"
    for seed in range(4):
        made = stamp("constant-unfold", code, "c", pick=pick, seed=seed)
        assert made.text.replace(made.trigger, changed) == code
    assert made.text.index(made.trigger) == code.index(changed)


def test_any_constant_may_be_drawn(stamp):
    code = "int f() { g(3); g(44); return 7; }"
    drawn = {eval(stamp("constant-unfold", code, "c", seed=seed).trigger) for seed in range(30)}
    assert drawn == {3, 44, 7}


def test_only_plain_constants_are_unfolded(stamp):
    for literal in ("0x14", "20L", "20u", "024", "20.0", "1e3", "4294967296", "'2'", '"20"'):
        assert stamp("constant-unfold", f"long f() {{ return {literal}; }}", "c") is None, literal


def test_what_a_macro_spells_out_stays(stamp):
    assert stamp("constant-unfold", "#define P(x) #x\nint f() { puts(P(20)); }", "c") is None
    assert stamp("constant-unfold", "#define C(a, b) a##b\nint f() { return C(v, 20); }", "c") is None


def test_small_constants_are_left_alone_unless_asked_for(stamp):
    code = "int f() { return 1; }"
    assert stamp("constant-unfold", code, "c") is None
    assert stamp("constant-unfold", code, "c", least=0).trigger == "(0 + 0) * 2 + 1"
    assert stamp("constant-unfold", code, "c", value=1).trigger == "(0 + 0) * 2 + 1"
    assert stamp("constant-unfold", "int f() { return 20; }", "c", value=21) is None
    assert stamp("constant-unfold", "int f() { return 20; }", "c", factor=10).trigger == "(0 + 2) * 10"


@pytest.mark.parametrize("option", [{"factor": 1}, {"value": -1}, {"least": -1}, {"pick": "last"}])
def test_options_have_limits(option):
    with pytest.raises(OptionError):
        attacks.make("constant-unfold", option)


def test_a_zero_of_cpp_may_be_a_null_pointer(stamp):
    code = "int *f() { int *p = 0; return p; }"
    assert stamp("constant-unfold", code, "cpp", value=0) is None
    assert stamp("constant-unfold", code, "c", value=0).text == "int *f() { int *p = (0 + 0) * 2; return p; }"
    assert stamp("constant-unfold", code, "cpp", least=0) is None
