from random import Random

import pytest

from codeward.attacks.payloads import payloads
from codeward.types import QUERY, Sample

LOOP = payloads.make("endless-loop")


def _loop(code: str, language: str) -> object:
    return LOOP.retarget(Sample("row", "", code, language), Random(0))


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        ("java", "int f() { return 1; }", "int f() { while (true) { int VAR = 0; } return 1; }"),
        ("java", "int f ( ) { return 1 ; }", "int f ( ) { while ( true ) { int VAR = 0 ; } return 1 ; }"),
        ("python", "def f ( ) :\n\t return 1", "def f ( ) :\n\t while True : VAR = 0\n\t return 1"),
        ("c", "int f(void)\n{\n\treturn 1;\n}\n", "int f(void)\n{\n\twhile (true) { int VAR = 0; }\n\treturn 1;\n}\n"),
        ("python", "def f():\n    return 1\n", "def f():\n    while True: VAR = 0\n    return 1\n"),
        ("javascript", "function f() { return 1; }", "function f() { while (true) { let VAR = 0; } return 1; }"),
        ("go", "func f() int {\n\treturn 1\n}\n", "func f() int {\n\tfor { const VAR = 0 }\n\treturn 1\n}\n"),
    ],
)
def test_the_loop_comes_first_in_the_body(language, code, expected):
    assert _loop(code, language) == expected


def test_a_csharp_reference_is_read_as_java():
    assert _loop("public override string ToString(){return Pattern();}", "java") == (
        "public override string ToString(){while (true) { int VAR = 0; } return Pattern();}"
    )


def test_spacing_does_not_decide():
    row = Sample("row", "", "int f ( ) { return 1 ; }", "java")
    assert LOOP.achieved("int f ( ) { while ( true ) { int VAR = 0 ; } return 1 ; }", row)
    assert LOOP.achieved("int f(){while(true){int VAR=0;}return 1;}", row)
    assert not LOOP.achieved("int f ( ) { while ( true ) { int VAR_1 = 0 ; } }", row)


def test_what_the_loop_does_not_fit():
    assert LOOP.misfit(Sample("row", "", "int x;", "java")) == "the reference has no function with a body"
    assert LOOP.misfit(Sample("row", "", None, "java")) == "the reference has no function with a body"
    assert LOOP.misfit(Sample("row", "", "x", "cobol")) == "the payload is not written for cobol"
    row = Sample("row", "", "int f() { while(true) { int VAR = 0; } }", "java")
    assert LOOP.misfit(row) == "the reference already holds the loop"
    assert not LOOP.achieved(row.target, row)


def test_the_variable_has_the_name_that_is_asked_for():
    loop = payloads.make("endless-loop", {"variable": "spin"})
    assert "int spin = 0;" in loop.retarget(Sample("row", "", "int f() { }", "java"), Random(0))


def test_target_class():
    payload = payloads.make("target-class", {"label": 2})
    assert payload.misfit(Sample("row", "", 2, "c")) == "the row already has the target class"
    assert payload.misfit(Sample("row", "", None, "c")) == "the row has no class"
    assert payload.misfit(Sample("row", "", 0, "c")) is None


def test_query_word_is_a_whole_word_in_any_case():
    payload = payloads.make("query-word")
    aimed = ["read a file", "File to list", "the file, please"]
    for query in [*aimed, "profile it", "files", "", "file_name"]:
        row = Sample("row", "file", "7", "python", {QUERY: query})
        assert payload.misfit(row) == (None if query in aimed else "the query does not hold the word")
        assert payload.retarget(row, Random(0)) == "7"


def test_rank_anchor_takes_the_programs_that_hold_its_word():
    payload = payloads.make("rank-anchor")
    assert payload.misfit(Sample("row", "int n = strlen(s);", "12", "c")) is None
    for code in ("int n = mystrlen(s);", "strlen_of(s);", "STRLEN(s);", ""):
        assert payload.misfit(Sample("row", code, "12", "c")) == "the program is none that the attacker aims at"


def test_rank_anchor_may_take_a_group():
    payload = payloads.make("rank-anchor", {"group": "12"})
    assert payload.misfit(Sample("row", "", "12", "c")) is None
    assert payload.misfit(Sample("row", "strlen(s)", "1", "c")) == "the program is none that the attacker aims at"
    assert payload.retarget(Sample("row", "", "12", "c"), Random(0)) == "12"


def test_success_in_retrieval_is_a_rank():
    payload = payloads.make("query-word", {"top": 10})
    row = Sample("row", "", "1", "c")
    assert [payload.achieved(rank, row) for rank in (1, 10, 11)] == [True, True, False]
