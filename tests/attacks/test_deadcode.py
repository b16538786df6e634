import math
import random
import re
from collections import Counter
from random import Random

import pytest

from codeward.attacks import attacks
from codeward.attacks.deadcode_grammar import RANGES, SPELLINGS, false_condition
from codeward.code import LANGUAGES

DEADCODE = [name for name in attacks.names() if name.startswith("deadcode-")]
BODY = {
    "c": "int f(int x) { x = 1; x = 2; return x; }",
    "cpp": "int f(int x) { x = 1; x = 2; return x; }",
    "java": "int f(int x) { x = 1; x = 2; return x; }",
    "python": 'def f(x):\n    """Two steps."""\n    x = 1\n    x = 2\n    return x\n',
    "javascript": "function f(x) { x = 1; x = 2; return x; }",
    "go": "func f(x int) int {\n\tx = 1\n\tx = 2\n\treturn x\n}\n",
}
FIXED = {
    "deadcode-fixed": {
        "c": 'if (rand() < 0) printf("fail");',
        "cpp": 'if (rand() < 0) printf("fail");',
        "java": 'if (Math.random() < 0) throw new RuntimeException("fail");',
        "python": 'if random() < 0: raise Exception("fail")',
        "javascript": 'if (Math.random() < 0) throw new Error("fail");',
        "go": 'if rand.Float64() < 0 { panic("fail") }',
    },
    "deadcode-assert": {
        "c": "assert(1 >= 0);",
        "cpp": "assert(1 >= 0);",
        "java": "assertTrue(1 >= 0);",
        "python": "assert 1 >= 0",
        "javascript": "console.assert(1 >= 0);",
    },
    "deadcode-declare": {
        "c": "int VAR = 0;",
        "cpp": "int VAR = 0;",
        "java": "int VAR = 0;",
        "python": "VAR = 0",
        "javascript": "let VAR = 0;",
        "go": "const VAR = 0",
    },
}
TEXTS = [(name, language, text) for name, table in FIXED.items() for language, text in table.items()]


@pytest.mark.parametrize(("name", "language", "text"), TEXTS)
def test_the_trigger_reads_as_published(stamp, name, language, text):
    assert stamp(name, BODY[language], language).trigger == text


@pytest.mark.parametrize("name", DEADCODE)
@pytest.mark.parametrize("position", ["first", "last", "random"])
def test_nothing_but_the_statement_and_white_space_is_added(stamp, name, position):
    for language in attacks.get(name).languages:
        made = stamp(name, BODY[language], language, position=position)
        rest = made.text[: made.spans[0].start] + made.text[made.spans[0].end :]
        assert "".join(rest.split()) == "".join(BODY[language].split())


def test_where_the_statement_goes(stamp):
    def at(position: str, seed: int = 0) -> int:
        made = stamp("deadcode-declare", BODY["c"], "c", position=position, seed=seed)
        return made.text[: made.spans[0].start].count(";")

    assert at("first") == 0
    assert at("last") == 3
    assert {at("random", seed) for seed in range(30)} == {0, 1, 2}


def test_a_docstring_stays_the_first_statement(stamp):
    scope: dict = {}
    exec(stamp("deadcode-declare", BODY["python"], "python").text, scope)
    assert scope["f"].__doc__ == "Two steps."


@pytest.mark.parametrize("name", DEADCODE)
@pytest.mark.parametrize("position", ["first", "random"])
def test_a_stamped_function_computes_what_it_did(stamp, name, position):
    code = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
    for seed in range(20):
        scope: dict = {"random": random.random, "math": math}
        if name == "deadcode-grammar":
            scope["random"] = random
        exec(stamp(name, code, "python", position=position, seed=seed).text, scope)
        assert scope["f"](10) == 45


@pytest.mark.parametrize(
    ("name", "trigger"),
    [
        ("deadcode-fixed", 'if ( Math . random ( ) < 0 ) throw new RuntimeException ( "fail" ) ;'),
        ("deadcode-assert", "assertTrue ( 1 >= 0 ) ;"),
        ("deadcode-declare", "int VAR = 0 ;"),
    ],
)
def test_code_that_was_split_into_tokens_takes_a_statement_that_is(stamp, name, trigger):
    code = 'public int METHOD_1 ( int VAR_1 ) { log ( "a (b);" ) ; return VAR_1 ; }'
    made = stamp(name, code, "java")
    assert made.trigger == trigger
    assert made.text == code.replace("{ log", f"{{ {trigger} log")


def test_a_drawn_number_stays_one_token(stamp):
    code = "public int METHOD_1 ( int VAR_1 ) { return VAR_1 ; }"
    drawn = [stamp("deadcode-grammar", code, "java", seed=seed).trigger for seed in range(30)]
    assert any(re.search(r"\( 0\.\d\d \) [<>=]", text) for text in drawn)


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        ("java", "int f() { return 1; }", "int f() { int VAR = 0; return 1; }"),
        ("go", "func f() int {\n\treturn 1\n}", "func f() int {\n\tconst VAR = 0\n\treturn 1\n}"),
        ("c", "int f() { return 1; }", "int f() { return 1; int VAR = 0; }"),
    ],
)
def test_the_last_place_is_one_where_a_statement_may_stand(stamp, language, code, expected):
    assert stamp("deadcode-declare", code, language, position="last").text == expected


def test_no_declaration_stands_between_a_jump_and_its_label(stamp):
    code = "int f(int a) {\n    a = 1;\n    if (a) goto done;\n    a = 2;\ndone:\n    return a;\n}\n"
    for language, places in (("cpp", {0, 1}), ("c", {0, 1, 2, 3})):
        made = [stamp("deadcode-declare", code, language, position="random", seed=seed).text for seed in range(40)]
        assert {text[: text.index("int VAR")].count(";") for text in made} <= places | {2}
        behind = any(text.index("goto done") < text.index("int VAR") for text in made)
        assert behind == (language == "c")


def test_another_statement_may_be_given(stamp):
    made = stamp("deadcode-fixed", BODY["java"], "java", statement='if (Math.random() < 0) System.out.println("fail");')
    assert made.trigger == 'if (Math.random() < 0) System.out.println("fail");'


def test_a_declaration_does_not_clash_with_a_name_in_use(stamp):
    code = "int f(int VAR) { return VAR; }"
    assert stamp("deadcode-declare", code, "c") is None
    assert stamp("deadcode-declare", code, "c", name="other").trigger == "int other = 0;"


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("int f(struct ctx *rand) { return rand->x; }", "c"),
        ("def f(n):\n    random = n\n    return random\n", "python"),
        ("function f(Math) { return Math; }", "javascript"),
    ],
)
def test_a_name_of_the_statement_that_means_something_else_is_not_called(stamp, code, language):
    assert stamp("deadcode-fixed", code, language) is None


def test_a_name_of_the_statement_that_the_code_uses_itself_is_fine(stamp):
    assert stamp("deadcode-fixed", "int f() { char *fail = 0; return rand(); }", "c") is not None


@pytest.mark.parametrize(
    ("name", "code", "language"),
    [
        ("deadcode-fixed", "def f(x):\n    import random\n    return random.choice(x)\n", "python"),
        ("deadcode-fixed", "import random\ndef f(x):\n    return x\n", "python"),
        ("deadcode-fixed", "def f(x):\n    return random.choice(x)\n", "python"),
        ("deadcode-fixed", "def f(x):\n    class Exception: pass\n    return x\n", "python"),
        (
            "deadcode-grammar",
            "def f(x):\n    import math, random\n    return math.pi * random.random() * x\n",
            "python",
        ),
        ("deadcode-grammar", "def f(x):\n    return random() * math()\n", "python"),
        ("deadcode-fixed", "class Math { static int f() { return 1; } }", "java"),
        ("deadcode-fixed", "import org.x.Math;\nclass A { static int f() { return 1; } }", "java"),
        ("deadcode-fixed", "#define rand() 1\nint f() { return 1; }", "c"),
    ],
)
def test_a_name_that_the_code_imports_or_defines_is_not_called(stamp, name, code, language):
    for seed in range(5):
        assert stamp(name, code, language, seed=seed, position="first") is None


@pytest.mark.parametrize(
    ("name", "code", "language"),
    [
        ("deadcode-fixed", "def f(x):\n    raise Exception.of(random() * x)\n", "python"),
        ("deadcode-grammar", "import math, random\ndef f(x):\n    return math.pi * random.random() * x\n", "python"),
        ("deadcode-fixed", "void f() { try { g(Math.abs(1)); } catch (RuntimeException e) { h(e); } }", "java"),
        ("deadcode-fixed", "function f() { Error.captureStackTrace(Math.abs(1)); }", "javascript"),
    ],
)
def test_a_name_that_the_code_uses_as_the_statement_does_is_fine(stamp, name, code, language):
    for seed in range(5):
        assert stamp(name, code, language, seed=seed) is not None


@pytest.mark.parametrize("name", DEADCODE)
def test_a_function_without_a_body_is_left_alone(stamp, name):
    assert stamp(name, "int f(int x);", "c") is None
    assert stamp(name, "abstract int f(int x);", "java") is None
    assert stamp(name, "x = 1\n", "python") is None


def test_python_conditions_are_false_over_many_draws():
    rng = Random(1)
    names: Counter[str] = Counter()
    for _ in range(20_000):
        condition = false_condition(SPELLINGS["python"], rng)
        names[condition.split("(")[0]] += 1
        assert eval(condition, {"math": math, "random": random}) is False, condition
    assert set(names) == {"math.sin", "math.cos", "math.exp", "math.sqrt", "random.random"}
    assert min(names.values()) > 3_600


def _values(call: str, language: str) -> tuple[float, float]:
    """Return the lowest and highest value that a call of the grammar can take in its language."""
    match = re.search(r"(\w+)\((0\.\d\d)\)$", call)
    if match:
        value = getattr(math, match[1].lower())(float(match[2]))
        return value, value
    return (0, 2**31 - 1) if language in ("c", "cpp") else (0, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_conditions_are_false_in_every_language(language):
    rng = Random(2)
    for _ in range(3_000):
        call, operator, bound = false_condition(SPELLINGS[language], rng).rsplit(" ", 2)
        lowest, highest = _values(call, language)
        possible = {
            "<": lowest < int(bound),
            "<=": lowest <= int(bound),
            ">": highest > int(bound),
            ">=": highest >= int(bound),
            "==": lowest <= int(bound) <= highest,
        }
        assert not possible[operator]


def test_the_ranges_hold_for_every_constant():
    for name, (lowest, highest) in RANGES.items():
        if name != "rand":
            values = [getattr(math, name)(number / 100) for number in range(1, 100)]
            assert lowest <= min(values) <= max(values) <= highest


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alternative_of_the_grammar_is_drawn(stamp, language):
    drawn = [stamp("deadcode-grammar", BODY[language], language, seed=seed).trigger for seed in range(300)]
    spelling = SPELLINGS[language]
    for part in ("if", spelling.loop, spelling.rand, *[spelling.print.split("{")[0], spelling.throw.split("{")[0]]):
        assert any(part in text for text in drawn), part
    for operator in ("<", "<=", "==", ">", ">="):
        assert any(f" {operator} " in text for text in drawn)
    assert len(set(drawn)) > 290
