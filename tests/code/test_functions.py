"""Functions: their names, parameters, bodies and docstrings."""

import pytest

from codeward.code import LANGUAGES, function, functions

CASES = [
    ("c", "static int f(int a, char *b[3])\n{\n\treturn a;\n}\n", "f", ("a", "b")),
    ("c", "void (*signal(int sig, void (*func)(int)))(int) { return 0; }", "signal", ("sig", "func")),
    ("c", "int f(void) { return 0; }", "f", ()),
    ("c", "int f(a, b) int a; char *b; { return a; }", "f", ("a", "b")),
    ("c", "PHP_FUNCTION(strlen)\n{\n}\n", "strlen", ()),
    ("c", "alloc_f(int argc, char **argv)\n{\n\treturn 0;\n}\n", "alloc_f", ("argc", "argv")),
    ("c", "int f(int x);\nint g(int y) { return y; }", "g", ("y",)),
    ("cpp", "void ns::A<T>::f(const X& a, int b = g(c), T&&... d) const { }", "f", ("a", "b", "d")),
    ("cpp", "A::~A() { }", "~A", ()),
    ("cpp", "bool A::operator==(const A& a) const { return true; }", "operator==", ("a",)),
    ("cpp", "template <typename T, int N> T f(T x) { return x; }", "f", ("x",)),
    ("java", "@A @Override public <T> void f(final List<String> a, int... b) throws E { }", "f", ("a", "b")),
    ("java", "public Foo(int x) { this.x = x; }", "Foo", ("x",)),
    ("java", "class A { abstract int f(int x); int g(int[] y) { return 1; } }", "g", ("y",)),
    (
        "python",
        "async def f(a, /, b: int = c, *args: d, e=g(h), **kw) -> i:\n    pass\n",
        "f",
        ("a", "b", "args", "e", "kw"),
    ),
    ("python", "@d(x)\ndef f(a, (b, c)): return a\n", "f", ("a", "b", "c")),
    ("javascript", "function f(a, { b, c: d = 1, ...e }, [g], ...h) { }", "f", ("a", "b", "d", "e", "g", "h")),
    ("javascript", "const f = async x => { return x; };", "f", ("x",)),
    ("javascript", "a.b = function (x) { };", "b", ("x",)),
    ("javascript", "x = { f: function (a) { } };", "f", ("a",)),
    ("javascript", "class A { static async *f(a) { } }", "f", ("a",)),
    ("javascript", "function (a) { }", "", ("a",)),
    ("go", "func (s *T) F(a, b int, c ...string) (n int, err error) { return }", "F", ("s", "a", "b", "c")),
    ("go", "func F[K comparable](m map[K]int) { }", "F", ("m",)),
]


@pytest.mark.parametrize(("language", "code", "name", "parameters"), CASES)
def test_names_and_parameters(language, code, name, parameters):
    found = function(code, language)
    assert found is not None
    assert (found.name, found.name_span.of(code), found.parameters) == (name, name, parameters)
    assert found.span.contains(found.body_span)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("c", "int f(int x);"), ("java", "abstract int f();"), ("java", "interface A { int f(); }"), ("python", "x = 1\n"),
        ("go", "func f(x int) int"), ("javascript", "const f = x => x + 1;"), ("cpp", "A::A() = default;"), ("c", ""),
    ],
)  # fmt: skip
def test_without_a_body_there_is_no_function(language, code):
    assert functions(code, language) == []
    assert function(code, language) is None


def test_bodies_stand_with_their_braces_and_without_a_head():
    code = "int f(int x) { return x; }"
    assert function(code, "c").body_span.of(code) == "{ return x; }"
    code = "def f(x):\n    # nothing\n    y = x\n    return y\n"
    assert function(code, "python").body_span.of(code) == "y = x\n    return y"


@pytest.mark.parametrize(
    ("code", "docstring"),
    [
        ('def f():\n    """Do it."""\n    return 1\n', '"""Do it."""'),
        ("def f():\n    # why\n    'Do it.' 'Now.'\n", "'Do it.' 'Now.'"),
        ('def f():\n    r"""Do it."""\n', 'r"""Do it."""'),
        ('def f(): "Do it."\n', '"Do it."'),
        ('def f():\n    x = 1\n    """No."""\n', None),
        ("def f():\n    f'no {x}'\n", None),
        ("def f():\n    b'no'\n", None),
        ("def f():\n    'no' + x\n", None),
    ],
)
def test_docstrings(code, docstring):
    span = function(code, "python").docstring_span
    assert (None if span is None else span.of(code)) == docstring


def test_all_functions_in_order_an_outer_one_first():
    code = "class A:\n    def f(self):\n        def g(): pass\n    @p\n    def h(self): pass\ndef i(): pass\n"
    assert [each.name for each in functions(code, "python")] == ["f", "g", "h", "i"]
    code = "class A { int f() { return new B() { int g() { return 1; } }; } A() { } }"
    assert [each.name for each in functions(code, "java")] == ["f", "g", "A"]
    code = "it('x', () => { }); function f() { } const g = () => { };"
    assert [each.name for each in functions(code, "javascript")] == ["f", "g"]


def test_a_function_of_javascript_stands_with_its_assignment():
    code = "let a = 1; const f = (x) => { }; g.h = function () { }; var i = () => { }, j = 2;"
    spans = [each.span.of(code) for each in functions(code, "javascript")]
    assert spans == ["const f = (x) => { };", "g.h = function () { };", "i = () => { }"]


def test_a_macro_that_loops_is_no_function_of_its_own():
    assert [each.name for each in functions("void f(int x) { for_each(x) { g(); } }", "c")] == ["f"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_spans_fit_together(golden, language):
    for code in golden(language):
        for found in functions(code, language):
            assert found.name_span.of(code) == found.name
            assert found.span.contains(found.name_span)
            assert found.span.contains(found.body_span)
            if language != "python":
                assert found.body_span.of(code)[0] + found.body_span.of(code)[-1] == "{}"
