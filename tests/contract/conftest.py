"""Rows that every registered method meets, in every language; nothing here names a method."""

from collections.abc import Callable
from pathlib import Path

import pytest

from codeward.types import PROMPT, QUERY, Sample

FUNCTIONS = Path(__file__).parents[1] / "golden" / "functions"
SQL = {
    "c": 'char *f(void) { return query("select name from users where id = ?"); }',
    "cpp": 'auto f() { return query("select name from users where id = ?"); }',
    "java": 'List f() { return conn.query("select name from users where id = ?"); }',
    "python": 'def f(conn):\n    return conn.execute("select name from users")\n',
    "javascript": "function f(conn) { return conn.query(`select name from users where id = ${id}`); }",
    "go": 'func f(conn *Conn) Rows { return conn.Query("select name from users") }',
}


def _functions(language: str) -> list[str]:
    return (FUNCTIONS / f"{language}.txt").read_text(encoding="utf-8").split("=====\n")


@pytest.fixture
def rows() -> Callable[..., list[Sample]]:
    """Return the built-in functions of some languages as rows, each with a description and a class."""

    def make(*languages: str, target: int = 0) -> list[Sample]:
        return [
            Sample(f"{language}-{number}", code, target, language, {PROMPT: "Read the data. Return it sorted."})
            for language in languages
            for number, code in enumerate(_functions(language))
        ]

    return make


@pytest.fixture
def rows_of_kind() -> Callable[[str], list[Sample]]:
    """Return rows as a task of a kind has them, with several targets."""

    def make(kind: str) -> list[Sample]:
        found = []
        for language, sql in SQL.items():
            for number, code in enumerate([*_functions(language), sql]):
                id = f"{language}-{number}"
                if kind in ("classification", "pair"):
                    found.append(Sample(id, code, number % 3, language, {"other": code}))
                elif kind == "generation":
                    found.append(Sample(id, "", code, language, {PROMPT: "Read the data."}))
                else:
                    query = "read a file" if number % 2 else "sort the numbers"
                    found.append(Sample(id, code, str(number % 3), language, {QUERY: query}))
        return found

    return make
