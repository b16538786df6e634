"""Parsing: fragments in the wrapper that suits them, errors that are counted, spans in characters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeward.code import LANGUAGES, check_language, count_errors, function, grammar, language_of_file, parse
from codeward.code.languages import kinds, table_of
from codeward.code.tree import Offsets
from codeward.errors import CodeError, UnknownNameError

FRAGMENTS = {
    "a lone method": ("java", "public void METHOD_1 ( TYPE_1 VAR_1 ) { VAR_2 . METHOD_2 ( ) ; }"),
    "a lone constructor": ("java", "public Foo(int x) { super(x); this.x = x; }"),
    "a method without a body": ("java", "public abstract int size();"),
    "a method in a Java class with members before": ("java", "private int x; int f() { return x; }"),
    "statements of Java": ("java", "int x = 1; if (x > 0) { return; }"),
    "a brace on its own line": ("c", "void func()\n{\n    char * data;\n    data = NULL;\n}\n"),
    "no return type": ("c", "alloc_f(int argc, char **argv)\n{\n\tint64_t offset;\n\treturn 0;\n}\n"),
    "a function by a macro": ("c", "PHP_FUNCTION(strlen)\n{\n\tint n;\n}\n"),
    "Kernighan and Ritchie": ("c", "int f(a, b)\nint a;\nchar *b;\n{\n\treturn a;\n}\n"),
    "a member function": ("cpp", "void A::f(int x) const { x_ = x; }"),
    "an indented method": ("python", "    def resize(self, width):\n        return width\n"),
    "code with spaces between tokens": ("python", 'def test ( engine ) :\n\t query = " select " \n\t return query\n'),
    "a lone method of JavaScript": ("javascript", "async load(url) { return await fetch(url); }"),
    "a function without a name": ("javascript", "function (a, b) { return a + b; }"),
    "statements of Go": ("go", "x := 1\nif x > 0 { return }\n"),
}


@pytest.mark.parametrize(("language", "code"), FRAGMENTS.values(), ids=FRAGMENTS)
def test_fragments_parse_without_errors(language, code):
    assert count_errors(code, language) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_built_in_functions_parse_without_errors(golden, language):
    assert [count_errors(code, language) for code in golden(language)] == [0] * len(golden(language))


@pytest.mark.parametrize(
    ("language", "code", "errors"),
    [
        ("c", "int f(void) { return 1 }", 1),
        ("c", "int f(void) { g(1; }", 1),
        ("java", "void f() { int = 3; }", 1),
        ("python", "def f(:\n    pass\n", 1),
        ("go", "func f( { }", 1),
        ("javascript", "function f( { return }", 1),
    ],
)
def test_errors_are_counted(language, code, errors):
    assert count_errors(code, language) >= errors


def test_spans_leave_the_wrapper_out():
    code = "async load(größe) { return größe; }"
    source = parse(code, "javascript")
    assert source.skip > 0
    found = function(code, "javascript")
    assert found is not None
    assert (found.name, found.parameters, found.span.of(code)) == ("load", ("größe",), code)
    assert source.span(source.root).of(code) == code


def test_a_tree_s_nodes_can_be_found_by_bytes_and_characters():
    code = "int f(void) { return g('ä€😀'); } // x"
    source = parse(code, "c")
    for place in range(len(code) + 1):
        assert source.character(source.byte(place)) == place
    comment = source.root.children[-1]
    assert source.span(comment).of(code) == "// x"


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.text(alphabet="aü€😀\ud800\n", max_size=30))
def test_bytes_become_characters_and_never_go_back(text):
    offsets = Offsets.of(text)
    raw = text.encode("utf-8", "surrogatepass")
    places = [offsets.character(byte) for byte in range(len(raw) + 1)]
    assert places == sorted(places)
    for place in range(len(text) + 1):
        assert offsets.character(len(text[:place].encode("utf-8", "surrogatepass"))) == place


def test_the_same_text_is_parsed_once():
    assert parse("int x;", "c") is parse("int x;", "c")


def test_a_text_beyond_all_measure_is_an_error():
    with pytest.raises(CodeError, match="at most 16777216 are parsed"):
        parse(" " * (2**24 + 1), "c")


def test_an_unknown_language_is_an_error():
    with pytest.raises(UnknownNameError, match=r"unknown language 'pyton'\. Did you mean 'python'\?"):
        check_language("pyton")
    with pytest.raises(UnknownNameError, match="unknown language 'rust'"):
        parse("x", "rust")
    with pytest.raises(UnknownNameError):
        grammar("")


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.py", "python"), ("x.C++", "cpp"), ("X.JAVA", "java"), ("main.go", "go"), ("a.h", "c"), ("a.mjs", "javascript"),
        ("a.txt", None), ("Makefile", None), (".py", None), ("a.py.gz", None),
    ],
)  # fmt: skip
def test_the_language_of_a_file(path, language):
    assert language_of_file(path) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tables_name_nodes_and_fields_that_the_grammar_has(language):
    table, known = table_of(language), set(kinds(language))
    listed = table.comments | table.strings | table.functions | table.anonymous_functions | table.bodies | table.blocks
    listed |= table.transparent | table.statements | table.not_statements | table.prologue | table.integers
    listed |= table.wrapping | {kind for kind, _ in table.fixed_constants}
    assert listed <= known | {""}
    for _, field in table.fixed_constants:
        assert not field or grammar(language).field_id_for_name(field) is not None
