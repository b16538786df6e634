"""The published data sets: edits of real functions yield no new parse errors."""

from random import Random

import pytest

from codeward.code import (
    Role,
    count_errors,
    function,
    identifiers,
    insert_statement,
    remove_statement,
    rename,
    statements,
)
from codeward.errors import CodeError

SETS = [
    ("defect-detection-c/valid.jsonl.gz", "func", "c", 0.99),
    ("defect-detection-devign/valid.jsonl.gz", "func", "c", 0.9),
    ("defect-detection-juliet/valid.jsonl.gz", "func", "c", 0.99),
    ("clone-detection-bigclonebench/data.jsonl.gz", "func", "java", 0.99),
    ("clone-detection-poj104/valid.jsonl.gz", "code", "cpp", 0.99),
    ("code-refinement-small/valid.buggy-fixed.buggy.gz", "", "java", 0.94),
    ("code-translation-java-cs/valid.java-cs.txt.java.gz", "", "java", 0.99),
    ("program-repair-codrep/valid.jsonl.gz", "buggy", "java", 0.94),
    ("code-search-python/valid.jsonl.gz", "code", "python", 0.99),
    ("code-search-java/valid.jsonl.gz", "code", "java", 0.99),
]
STATEMENT = {"python": "if 1 < 0: raise Exception('fail')"}


@pytest.mark.parametrize(("file", "field", "language", "share"), SETS, ids=[each[0].split("/")[0] for each in SETS])
def test_edits_of_real_functions_yield_no_new_errors(rows, file, field, language, share):
    rng = Random(1)
    codes = rows(file, field)
    codes = rng.sample(codes, min(200, len(codes)))
    inserted = 0
    for code in codes:
        errors = count_errors(code, language)
        text = STATEMENT.get(language, "int zz_new = 0;")
        for at in ("first", "last"):
            edited = insert_statement(code, language, text, at=at)
            assert (edited is None) == (function(code, language) is None)
            if edited is not None:
                inserted += 1
                assert edited.spans[0].of(edited.code) == text
                assert count_errors(edited.code, language) <= errors
        variables = [each for each in identifiers(code, language) if each.role in (Role.VARIABLE, Role.PARAMETER)]
        for each in rng.sample(variables, min(3, len(variables))):
            try:
                edited = rename(code, language, each, "zz_new")
            except CodeError:
                continue
            assert count_errors(edited.code, language) <= errors
        for each in rng.sample(statements(code, language), min(2, len(statements(code, language)))):
            assert count_errors(remove_statement(code, language, each).code, language) <= errors
    assert inserted >= 2 * share * len(codes)
