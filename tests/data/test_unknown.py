"""Data that no layout fits, or several, are told by what was found there and what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from codeward.data import open_data
from codeward.errors import DataError

C = "static int add(struct pair *p)\n{\n    return p->a + p->b;\n}\n"

Row = dict[str, object]
Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"words": C, "class": 0}, "found rows with the fields class, words; see: codeward list layouts"),
        ({"func": C, "label": 0}, r"fields func, label; nearest is 'defect' \(rows with func, target\); see: codeward"),
    ],
)
def test_an_unknown_layout_says_what_was_found_and_which_is_nearest(write_rows: Write, row: Row, told: str) -> None:
    with pytest.raises(DataError, match=f"unknown layout; .*{told}"):
        open_data(write_rows("train.jsonl", [row]))


def test_source_code_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    file = tmp_path / "src" / "a.c"
    file.write_text(C, encoding="utf-8")
    told = "codeward harvest makes a data set of code, and codeward purify reads one file"
    with pytest.raises(DataError, match=rf"this folder holds source code \(src/a.c\), but no data file; {told}"):
        open_data(tmp_path)
    with pytest.raises(DataError, match=f"a.c: this is source code, no data set; {told}"):
        open_data(file)


def test_two_layouts_that_fit(write_rows: Write) -> None:
    folder = write_rows("train.jsonl", [{"func": C, "target": 0, "buggy": C, "fixed": C}])
    with pytest.raises(DataError, match=r"several layouts fit \(defect, refinement\); name one of them \(--layout"):
        open_data(folder)
    assert open_data(folder, layout="refinement").task == "repair"
