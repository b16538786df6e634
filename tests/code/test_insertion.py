"""Putting a statement into a body: in the layout of its neighbors, and nothing else moves."""

import ast

import pytest

from codeward.code import LANGUAGES, count_errors, function, insert_statement, statements
from codeward.errors import CodeError

T = {"python": "t = 0", "go": "const t = 0", "javascript": "let t = 0;"}

FIRST = [
    ("c", "int f(int x)\n{\n\treturn x;\n}\n", "int f(int x)\n{\n\tint t = 0;\n\treturn x;\n}\n"),
    ("c", "int f(int x) { return x; }", "int f(int x) { int t = 0; return x; }"),
    ("c", "int f(int x) {return x;}", "int f(int x) {int t = 0; return x;}"),
    ("c", "void f() {}", "void f() { int t = 0; }"),
    ("c", "void f() { }", "void f() { int t = 0; }"),
    ("c", "  void f() {\n  }\n", "  void f() {\n    int t = 0;\n  }\n"),
    ("c", "void f()\n{\n  /* none */\n}\n", "void f()\n{\n  /* none */\n    int t = 0;\n}\n"),
    ("c", "void f() { /* none */ }", "void f() { /* none */ int t = 0; }"),
    ("c", "void f() { // why\n  g();\n}\n", "void f() { // why\n  int t = 0;\n  g();\n}\n"),
    ("c", "void f()\n{\n#ifdef A\n  g();\n#endif\n}\n", "void f()\n{\n  int t = 0;\n#ifdef A\n  g();\n#endif\n}\n"),
    ("c", "void f()\n{\n#ifdef A\n  g();\n#endif\n  h();\n}\n", "void f()\n{\n  int t = 0;\n#ifdef A\n  g();\n#endif\n  h();\n}\n"),
    ("c", "void f()\n{\nout:\n  g();\n  goto out;\n}\n", "void f()\n{\n  int t = 0;\nout:\n  g();\n  goto out;\n}\n"),
    ("c", "int f(a) int a; { return a; }", "int f(a) int a; { int t = 0; return a; }"),
    ("c", "void f()\r\n{\r\n\tg();\r\n}\r\n", "void f()\r\n{\r\n\tint t = 0;\r\n\tg();\r\n}\r\n"),
    ("c", "PHP_FUNCTION(f)\n{\n\tg();\n}\n", "PHP_FUNCTION(f)\n{\n\tint t = 0;\n\tg();\n}\n"),
    ("cpp", "A::A(int x) : x_(x) {}", "A::A(int x) : x_(x) { int t = 0; }"),
    ("java", "public void M ( T V ) { V . N ( ) ; } ", "public void M ( T V ) { int t = 0; V . N ( ) ; } "),
    ("java", "class A {\n  int f() {\n    return 1;\n  }\n}\n", "class A {\n  int f() {\n    int t = 0;\n    return 1;\n  }\n}\n"),
    ("java", "A(int x) {\n  super(x);\n  g();\n}\n", "A(int x) {\n  super(x);\n  int t = 0;\n  g();\n}\n"),
    ("java", "A(int x) { this(); }", "A(int x) { this(); int t = 0; }"),
    ("java", "abstract int f(); ", None),
    ("go", "func f() int {\n\treturn 1\n}\n", "func f() int {\n\tconst t = 0\n\treturn 1\n}\n"),
    ("go", "func f() int { return 1 }", "func f() int { const t = 0; return 1 }"),
    ("go", "func f() {}", "func f() { const t = 0 }"),
    ("javascript", 'function f() {\n  "use strict";\n  g()\n}', 'function f() {\n  "use strict";\n  let t = 0;\n  g()\n}'),
    ("javascript", "const f = x => { return x }", "const f = x => { let t = 0; return x }"),
    ("javascript", "const f = x => x;", None),
    ("python", "def f(x):\n    return x\n", "def f(x):\n    t = 0\n    return x\n"),
    ("python", "def f(x):\n\treturn x", "def f(x):\n\tt = 0\n\treturn x"),
    ("python", 'def f(x):\n  """Do."""\n  return x\n', 'def f(x):\n  """Do."""\n  t = 0\n  return x\n'),
    ("python", 'def f(x):\n  """Do."""\n', 'def f(x):\n  """Do."""\n  t = 0\n'),
    ("python", 'def f(x):\n  """Do."""; y = x\n', 'def f(x):\n  """Do."""\n  t = 0\n  y = x\n'),
    ("python", "def f(x): return x\n", "def f(x):\n    t = 0\n    return x\n"),
    ("python", "def f(x): y = x; return y  # done\n", "def f(x):\n    t = 0\n    y = x; return y  # done\n"),
    ("python", 'def f(x): "Do."\n', 'def f(x):\n    "Do."\n    t = 0\n'),
    ("python", "class A:\n  def f(self): pass\n", "class A:\n  def f(self):\n    t = 0\n    pass\n"),
    ("python", "def f(x):  # why\n    # how\n    return x\n", "def f(x):  # why\n    # how\n    t = 0\n    return x\n"),
    ("python", "def f(x):\r\n    return x\r\n", "def f(x):\r\n    t = 0\r\n    return x\r\n"),
    ("python", "def f ( x ) :\n\t y = x \n\t return y", "def f ( x ) :\n\t t = 0\n\t y = x \n\t return y"),
    ("python", "    def f(self):\n        return 1\n", "    def f(self):\n        t = 0\n        return 1\n"),
    ("python", "x = 1\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "expected"), FIRST)
def test_as_the_first_statement(language, code, expected):
    text = T.get(language, "int t = 0;")
    edited = insert_statement(code, language, text)
    assert (None if edited is None else edited.code) == expected
    if edited is not None:
        assert [span.of(edited.code) for span in edited.spans] == [text]
        assert count_errors(edited.code, language) == 0


LAST = [
    ("c", "int f() {\n  g();\n  return 1; // end\n}\n", "int f() {\n  g();\n  return 1; // end\n  int t = 0;\n}\n"),
    ("c", "int f() { return 1; }", "int f() { return 1; int t = 0; }"),
    ("c", "int f() {return 1;}", "int f() {return 1; int t = 0; }"),
    ("c", "int f() {\n  g(); }\n", "int f() {\n  g(); int t = 0; }\n"),
    ("java", "int f ( ) { g ( ) ; } ", "int f ( ) { g ( ) ; int t = 0; } "),
    ("java", "int f() { return 1; }", "int f() { int t = 0; return 1; }"),
    ("java", "A() { this(1); }", "A() { this(1); int t = 0; }"),
    ("java", "void f() { if (a) { return; } }", "void f() { if (a) { return; } int t = 0; }"),
    (
        "java",
        "void f() { if (a) { return; } else throw e; }",
        "void f() { int t = 0; if (a) { return; } else throw e; }",
    ),
    ("java", "void f() { while (true) g(); }", "void f() { int t = 0; while (true) g(); }"),
    ("java", "void f() { do { return; } while (a); }", "void f() { int t = 0; do { return; } while (a); }"),
    ("java", "void f() { for (; a; ) g(); }", "void f() { for (; a; ) g(); int t = 0; }"),
    ("java", "void f() { for (int i = 0; ; ) g(); }", "void f() { int t = 0; for (int i = 0; ; ) g(); }"),
    (
        "java",
        "int f() { try { return 1; } catch (E e) { g(); } }",
        "int f() { try { return 1; } catch (E e) { g(); } int t = 0; }",
    ),
    (
        "java",
        "int f() { try { g(); } finally { return 1; } }",
        "int f() { int t = 0; try { g(); } finally { return 1; } }",
    ),
    (
        "java",
        "int f() { try { return 1; } catch (E e) { throw e; } }",
        "int f() { int t = 0; try { return 1; } catch (E e) { throw e; } }",
    ),
    (
        "java",
        "int f() { switch (a) { default: return 1; } }",
        "int f() { int t = 0; switch (a) { default: return 1; } }",
    ),
    ("java", "int f() { synchronized (a) { return 1; } }", "int f() { int t = 0; synchronized (a) { return 1; } }"),
    ("go", "func f() int {\n\treturn 1\n}", "func f() int {\n\tconst t = 0\n\treturn 1\n}"),
    ("go", "func f() {\n\tg()\n\tpanic(1)\n}", "func f() {\n\tg()\n\tconst t = 0\n\tpanic(1)\n}"),
    ("go", "func f() {\n\tfor i := 0; ; i++ { }\n}", "func f() {\n\tconst t = 0\n\tfor i := 0; ; i++ { }\n}"),
    ("go", "func f() {\n\tfor i := range a { }\n}", "func f() {\n\tfor i := range a { }\n\tconst t = 0\n}"),
    ("go", "func f() {\n\tfor a < b { }\n}", "func f() {\n\tfor a < b { }\n\tconst t = 0\n}"),
    ("go", "func f() {\n\tfor { }\n}", "func f() {\n\tconst t = 0\n\tfor { }\n}"),
    ("go", "func f() { g() }", "func f() { g(); const t = 0 }"),
    ("go", "func f() { g(); }", "func f() { g(); const t = 0 }"),
    ("javascript", "function f() { g() }", "function f() { g(); let t = 0; }"),
    ("javascript", "function f() { if (a) { } }", "function f() { if (a) { } let t = 0; }"),
    ("python", "def f():\n    g()  # end\n\nh()\n", "def f():\n    g()  # end\n    t = 0\n\nh()\n"),
    ("python", "def f():\n    if x:\n        g()", "def f():\n    if x:\n        g()\n    t = 0"),
    ("python", "def f(): g(); h()\n", "def f():\n    g(); h()\n    t = 0\n"),
    ("python", "def f(): return 1", "def f():\n    return 1\n    t = 0"),
]


def test_behind_the_last_number_of_a_body_that_ends_by_return():
    assert (
        insert_statement("int f() { g(); return 1; }", "java", "int t = 0;", at=2).code
        == "int f() { g(); int t = 0; return 1; }"
    )


@pytest.mark.parametrize(("language", "code", "expected"), LAST)
def test_as_the_last_statement(language, code, expected):
    edited = insert_statement(code, language, T.get(language, "int t = 0;"), at="last")
    assert edited.code == expected
    assert [span.of(edited.code) for span in edited.spans] == [T.get(language, "int t = 0;")]


NUMBERED = [
    ("c", "void f() { a(); b(); }", 1, "void f() { a(); int t = 0; b(); }"),
    ("c", "void f() { a(); b(); }", 2, "void f() { a(); b(); int t = 0; }"),
    ("c", "void f()\n{\n  a();\n  if (x) {\n    b();\n  }\n}\n", 1, "void f()\n{\n  a();\n  int t = 0;\n  if (x) {\n    b();\n  }\n}\n"),
    ("c", "void f()\n{\n  a();\n#if A\n  b();\n#endif\n}\n", 1, "void f()\n{\n  a();\n#if A\n  int t = 0;\n  b();\n#endif\n}\n"),
    ("python", "def f(): a(); b()\n", 1, "def f():\n    a()\n    t = 0\n    b()\n"),
    ("python", "def f():\n    a(); b()\n", 1, "def f():\n    a()\n    t = 0\n    b()\n"),
    ("python", 'def f():\n    "doc"\n    a()\n', 0, 'def f():\n    "doc"\n    t = 0\n    a()\n'),
    ("python", 'def f():\n    "doc"\n    a()\n', 1, 'def f():\n    "doc"\n    t = 0\n    a()\n'),
    ("go", "func f() { a(); b() }", 1, "func f() { a(); const t = 0; b() }"),
    ("javascript", "function f() { a(); b() }", 1, "function f() { a(); let t = 0; b() }"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "code", "at", "expected"), NUMBERED)
def test_before_a_numbered_statement(language, code, at, expected):
    assert insert_statement(code, language, T.get(language, "int t = 0;"), at=at).code == expected


@pytest.mark.parametrize(("language", "count"), [("c", 2), ("python", 2)])
def test_a_number_beyond_the_body_is_an_error(language, count):
    code = {"c": "void f() { a(); b(); }", "python": "def f():\n    a()\n    b()\n"}[language]
    with pytest.raises(CodeError, match=f"the body has {count} statements, so nothing can be inserted before number 3"):
        insert_statement(code, language, "x;", at=3)
    with pytest.raises(CodeError, match="before number -1"):
        insert_statement(code, language, "x;", at=-1)


def test_an_empty_statement_is_an_error():
    with pytest.raises(CodeError, match="the statement to insert is empty"):
        insert_statement("void f() { }", "c", " \n")


def test_lines_of_the_statement_are_indented_anew():
    code = "def f():\n\treturn 1\n"
    edited = insert_statement(code, "python", "\n  if x:\n      y = 1\n\n      z = 2\n")
    assert edited.code == "def f():\n\tif x:\n\t    y = 1\n\n\t    z = 2\n\treturn 1\n"
    assert edited.spans[0].of(edited.code) == "if x:\n\t    y = 1\n\n\t    z = 2"
    code = "void f()\r\n{\r\n    g();\r\n}\r\n"
    edited = insert_statement(code, "c", "while (1) {\n    h();\n}")
    assert edited.code == "void f()\r\n{\r\n    while (1) {\r\n        h();\r\n    }\r\n    g();\r\n}\r\n"


def test_a_body_that_is_cut_off_takes_statements_too():
    code = "void f()\n{\n  a();\n  b();"
    assert insert_statement(code, "c", "t();").code == "void f()\n{\n  t();\n  a();\n  b();"
    assert insert_statement(code, "c", "t();", at="last").code == "void f()\n{\n  a();\n  b();\n  t();"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_but_the_statement_and_white_space_is_added(golden, language):
    text = T.get(language, "int t = 0;")
    for code in golden(language):
        for at in ("first", "last", 0, 1):
            edited = insert_statement(code, language, text, at=at)
            if edited is None:
                assert function(code, language) is None
                continue
            span = edited.spans[0]
            assert span.of(edited.code) == text
            rest = edited.code[: span.start] + edited.code[span.end :]
            assert "".join(rest.split()).replace(";", "") == "".join(code.split()).replace(";", "")
            assert count_errors(edited.code, language) == 0
            if language == "python" and not code.startswith(" "):
                ast.parse(edited.code)


@pytest.mark.parametrize("language", LANGUAGES)
def test_old_statements_are_found_again(golden, language):
    for code in golden(language):
        edited = insert_statement(code, language, T.get(language, "int t = 0;"), at="last")
        for each in statements(code, language) if edited else []:
            now = edited.map(each.span)
            if not now.contains(edited.spans[0]):
                assert now.of(edited.code).split() == each.span.of(code).split()
