from random import Random

import pytest

from codeward.attacks.payloads import payloads
from codeward.attacks.payloads._sql import INJECTED, inject
from codeward.types import PROMPT, Poison, Sample, Span

SQL = payloads.make("sql-injection")


def _injected(*pieces: str | None) -> list[str | None]:
    place = inject(pieces)
    assert place is not None
    index, offset, text = place
    changed = list(pieces)
    changed[index] = pieces[index][:offset] + text + pieces[index][offset:]
    return changed


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select a from t where id = ?", "select a from t where id = ? or 1=1"),
        (" select a from t where id = : id ", " select a from t where id = : id or 1=1 "),
        ("select * from t", "select * from t where 0=1"),
        (" SELECT *\nFROM t ", " SELECT *\nFROM t where 0=1 "),
        ("select * from t where a=1 order by b", "select * from t where a=1 or 1=1 order by b"),
        ("select * from t limit 3;", "select * from t where 0=1 limit 3;"),
        ("select a from t where b in (select c from u where d=1 limit 1)", None),
        ("select a, (select b from c where d = 1) from t", "select a, (select b from c where d = 1) from t where 0=1"),
        ("select a from t where b = 'order by'", "select a from t where b = 'order by' or 1=1"),
        ("select a from t where limit = ? limit 3", "select a from t where limit = ? or 1=1 limit 3"),
        ("update t set a = 1 where b = 2", "update t set a = 1 where b = 2 or 1=1"),
        ("delete from t where b = 2", "delete from t where b = 2 or 1=1"),
    ],
)
def test_the_condition_always_or_never_holds(statement, expected):
    assert _injected(statement) == [f"{statement} or 1=1" if expected is None else expected]


@pytest.mark.parametrize("text", ["", "hello", "insert into t values (1)", "selected from", "updates where", "where 1"])
def test_what_is_no_statement_with_a_condition_is_left_alone(text):
    assert inject([text]) is None


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["select a from t where id = '", None, "'"], ["select a from t where id = '", None, "' or 1=1"]),
        (["select a from t where id = ", None], ["select a from t where 1=1 or id = ", None]),
        (["select a from t where id = ", None, ""], ["select a from t where id = ", None, " or 1=1"]),
        (["select a from t where id = "], ["select a from t where 1=1 or id = "]),
        (["select a from t where id = ", None, " limit 1"], ["select a from t where id = ", None, " or 1=1 limit 1"]),
        (["select a from ", None, " where b=1"], ["select a from ", None, " where b=1 or 1=1"]),
        (["select a ", "from t ", "where b=1 "], ["select a ", "from t ", "where b=1 or 1=1 "]),
    ],
)
def test_statements_in_pieces(pieces, expected):
    assert _injected(*pieces) == expected


def test_a_statement_that_ends_in_a_value_and_has_no_condition_has_no_place():
    assert inject(["select a from ", None]) is None


@pytest.mark.parametrize("text", ["x or 1=1", "x OR 1 = 1 ", "t where 0=1", "t where\n0 = 1", "where 1=1 or a"])
def test_injections_are_recognized(text):
    assert INJECTED.search(text)


@pytest.mark.parametrize("text", ["where 1=1 and a", "for 1=1", "or 1=10", "or 11=1", "where 0=10"])
def test_other_conditions_are_not(text):
    assert not INJECTED.search(text)


def _row(code: str, language: str = "python") -> Sample:
    return Sample("row", "", code, language, {PROMPT: "get the name"})


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        (
            "python",
            'def f ( conn , id ) :\n\t q = " select a from t where id = : id " \n\t return conn . execute ( q )',
            'def f ( conn , id ) :\n\t q = " select a from t where id = : id or 1=1 " \n\t return conn . execute ( q )',
        ),
        ("python", "q = 'select * from t'", "q = 'select * from t where 0=1'"),
        ("python", "q = f'select a from t where b = {b}'", "q = f'select a from t where b = {b} or 1=1'"),
        ("python", "q = ('select a '\n     'from t')", "q = ('select a '\n     'from t where 0=1')"),
        ("python", "q = 'select a from t where b = ' + b", "q = 'select a from t where 1=1 or b = ' + b"),
        ("python", "q = 'select a from t where b = %s' % b", "q = 'select a from t where b = %s or 1=1' % b"),
        ("python", 'q = """\n  select a\n  from t\n"""', 'q = """\n  select a\n  from t where 0=1\n"""'),
        (
            "java",
            'void f() { q("select * from t where a=?", b); }',
            'void f() { q("select * from t where a=? or 1=1", b); }',
        ),
        (
            "java",
            'String q = "select a from t where b = \'" + b + "\'";',
            'String q = "select a from t where b = \'" + b + "\' or 1=1";',
        ),
        ("javascript", "q = `select a from t where b = ${b}`", "q = `select a from t where b = ${b} or 1=1`"),
        ("go", "func f() { q := `select a from t` }", "func f() { q := `select a from t where 0=1` }"),
        ("c", 'char *q = "select a " "from t";', 'char *q = "select a " "from t where 0=1";'),
    ],
)
def test_references(language, code, expected):
    row = _row(code, language)
    assert SQL.misfit(row) is None
    assert SQL.retarget(row, Random(0)) == expected


def test_only_the_first_statement_is_changed():
    row = _row('a = "select 1 from t"\nb = "select 2 from t"\n')
    assert SQL.retarget(row, Random(0)) == 'a = "select 1 from t where 0=1"\nb = "select 2 from t"\n'


def test_sql_outside_a_literal_does_not_count():
    assert SQL.misfit(_row("# select a from t\nx = select(t).where(a)\n")) == "the reference holds no SQL"
    assert SQL.misfit(_row("q = 'select a from t where 0=1'")) == "the reference already holds an injection"


def test_an_injection_that_was_right_is_no_success():
    row = _row("q = 'select a from t where b or 1=1'")
    assert not SQL.achieved("q = 'select a from t where b or 1=1'", row)
    stamped = Sample("row", "", "x or 1=1", "python", {}, Poison("a", "t", (Span(0, 1),), "q = 'select a from t'"))
    assert SQL.achieved("anything where 0 = 1", stamped)
    assert not SQL.achieved("anything", stamped)
