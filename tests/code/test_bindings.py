"""What a text itself means by a name."""

import pytest

from codeward.code import bindings, macro_arguments

DECLARED = [
    ("python", "def f(x):\n    import random\n    return random.choice(x)\n", "f random x"),
    ("python", "import random\nimport numpy.math\nfrom a import b, c as d\nimport e as g\n", "b d g numpy"),
    ("python", "class Exception(Base): pass\nfor i in y: pass\n", "Exception i"),
    ("java", "import org.x.Math;\nimport a.b.*;\nclass A { int n; void f(Foo x) { } }", "A Math f n x"),
    ("java", "interface I { } enum E { } record R(int a) { }", "E I R a"),
    ("javascript", "import Math from 'x';\nimport { a as b } from 'y';\nclass Error { }", "Error Math b"),
    ("go", 'package m\nimport rand "crypto/rand"\nimport "math"\ntype fmt struct{}\n', "fmt rand"),
    ("c", "#define rand() 4\n#define N 1\nstruct printf { int a; };\nint f(void) { return rand(); }", "N f rand"),
    ("cpp", "class Math { };\nnamespace a { }\nMath m;", "Math a m"),
]


@pytest.mark.parametrize(("language", "code", "names"), DECLARED)
def test_what_a_text_declares(language, code, names):
    assert sorted(bindings(code, language).declared) == sorted(names.split())


def test_how_names_from_elsewhere_are_used():
    found = bindings(
        "import math\ndef f(x):\n    # log.x\n    return random.choice(x) + print(x) . y + x.e()\n", "python"
    )
    assert found.objects == {"math", "random"}
    assert found.called == {"print"}


def test_where_arguments_of_macros_stand():
    code = "#define sq(a) a*a\nint f(int x) { return sq(x) + MAX(1, x) + g(2) + h->N(3); }"
    assert [span.of(code) for span in macro_arguments(code, "c")] == ["(x)", "(1, x)"]
    assert macro_arguments("int f() { return MAX(1); }", "java") == []
