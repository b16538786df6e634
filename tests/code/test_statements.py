"""Statements: where they stand and what encloses them, and taking them away."""

import pytest

from codeward.code import LANGUAGES, Statement, count_errors, remove_statement, statements
from codeward.errors import CodeError
from codeward.types import Span

LISTED = [
    ("c", "int f(int x) { int a = 1; if (x) { g(); } else return 2; for (int i = 0; i < x; i++) h(); { j(); } ; }",
     "int a = 1;|0 if|0 g();|1 return 2;|1 for|0 h();|1 {|0 j();|1"),
    ("c", "void f() { switch (x) { case 1: g(); break; default: h(); } do k(); while (x); out: m(); }",
     "switch|0 g();|1 break;|1 h();|1 do|0 k();|1 out:|0 m();|1"),
    ("java", "void f() { int a = 1; try { g(); } finally { h(); } switch (a) { case 1: k(); } while (b) { } }",
     "int a = 1;|0 try|0 g();|1 h();|1 switch|0 k();|1 while|0"),
    ("python", "@d\ndef f(x):\n    'doc'\n    a = 1; b = 2\n    if x: return a\n    else:\n        pass\n",
     "@d|0 'doc'|1 a = 1|1 b = 2|1 if|1 return a|2 pass|2"),
    ("javascript", "export const f = () => { let a = 1; for (const b of c) { g(b) } };", "export|0 let a = 1;|1 for|1 g(b)|2"),
    ("go", "func f() { a := 1; if b := g(); b { h() }; for i := 0; i < 2; i++ { i-- }; go k() }",
     "a := 1|0 if|0 h()|1 for|0 i--|1 go k()|0"),
    ("cpp", "void f() { for (auto a : b) g(); if (int c = h(); c) k(); auto l = [] { m(); }; }",
     "for|0 g();|1 if|0 k();|1 auto l|0 m();|1"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "listed"), LISTED)
def test_all_are_listed_an_outer_one_first(language, code, listed):
    found = statements(code, language)
    expected = [
        part.rsplit("|", 1)
        for part in listed.replace("| ", "|")
        .replace("|0 ", "|0\n")
        .replace("|1 ", "|1\n")
        .replace("|2 ", "|2\n")
        .split("\n")
    ]
    assert [each.depth for each in found] == [int(depth) for _, depth in expected]
    for each, (start, _) in zip(found, expected, strict=True):
        assert each.span.of(code).startswith(start)


REMOVED = [
    ("c", "void f()\n{\n\ta();\n\tb();\n}\n", "a();", "void f()\n{\n\tb();\n}\n"),
    ("c", "void f() { a(); b(); }", "a();", "void f() { b(); }"),
    ("c", "void f() { a(); b(); }", "b();", "void f() { a(); }"),
    ("c", "void f() { if (x) a(); else b(); }", "a();", "void f() { if (x) ; else b(); }"),
    ("c", "void f() { for (;;) a(); }", "a();", "void f() { for (;;) ; }"),
    ("c", "void f()\r\n{\r\n  a();\r\n  b();\r\n}\r\n", "a();", "void f()\r\n{\r\n  b();\r\n}\r\n"),
    ("java", "void f ( ) { a ( ) ; b ( ) ; } ", "a ( ) ;", "void f ( ) { b ( ) ; } "),
    ("python", "def f():\n    a()\n    b()\n", "a()", "def f():\n    b()\n"),
    ("python", "def f():\n    a(); b(); c()\n", "a()", "def f():\n    b(); c()\n"),
    ("python", "def f():\n    a(); b(); c()\n", "b()", "def f():\n    a(); c()\n"),
    ("python", "def f():\n    a(); b()\n", "b()", "def f():\n    a()\n"),
    ("python", "def f():\n    a()\n", "a()", "def f():\n    pass\n"),
    ("python", "def f(): return 1\n", "return 1", "def f(): pass\n"),
    ("python", "if x:\n    a()\nelse:\n    b()\n", "b()", "if x:\n    a()\nelse:\n    pass\n"),
    ("python", "@d\ndef f(): pass\nx = 1\n", "@d\ndef f(): pass", "x = 1\n"),
    ("go", "func f() { a(); b() }", "a()", "func f() { b() }"),
    ("go", "func f() { a(); b() }", "b()", "func f() { a() }"),
    ("javascript", "function f() { a(); b() }", "b()", "function f() { a(); }"),
    ("javascript", "f();g();h()", "g();", "f();h()"),
    ("javascript", "let a = b\nf()\n;[1].map(g)\n", "f()\n;", "let a = b\n;[1].map(g)\n"),
    ("javascript", "let a = b;\nf()\n;[1].map(g)\n", "f()\n;", "let a = b;\n[1].map(g)\n"),
    ("javascript", "a = () => 1\nf();\n(b)()", "f();", "a = () => 1\n;\n(b)()"),
    ("javascript", "a = b\nf()\nc()", "f()", "a = b\nc()"),
]


@pytest.mark.parametrize(("language", "code", "text", "expected"), REMOVED)
def test_taking_one_away(language, code, text, expected):
    found = next(each for each in statements(code, language) if each.span.of(code) == text)
    assert remove_statement(code, language, found).code == expected


def test_a_statement_of_another_text_is_an_error():
    with pytest.raises(
        CodeError, match="there is no if_statement at 0-3; take one of the statements of this very text"
    ):
        remove_statement("a(); b();", "c", Statement("if_statement", Span(0, 3), 0))


@pytest.mark.parametrize("language", LANGUAGES)
def test_taking_any_one_away_leaves_code_that_parses(golden, language):
    for code in golden(language):
        for each in statements(code, language):
            assert each.span.of(code) == each.span.of(code).strip()
            assert count_errors(remove_statement(code, language, each).code, language) == 0
