"""Attacks on real functions; skipped where the data is not there."""

import gzip
import json
import os
from pathlib import Path

import pytest

from codeward.attacks import attacks
from codeward.attacks.payloads import payloads
from codeward.code import count_errors
from codeward.types import PROMPT, Sample

DATA = Path(os.environ.get("CODEWARD_DATA") or Path(__file__).parents[3] / "shared" / "data")
SETS = {
    "c": ("defect-detection-c/valid.jsonl.gz", "func"),
    "cpp": ("clone-detection-poj104/valid.jsonl.gz", "code"),
    "java": ("clone-detection-bigclonebench/data.jsonl.gz", "func"),
    "python": ("code-search-python/valid.jsonl.gz", "code"),
}
ROWS = 60
FITS_LESS = {"constant-unfold": 0.05}
"""The share of functions that an attack fits at least, where it is not nearly all of them."""


def _rows(language: str) -> list[Sample]:
    name, field = SETS[language]
    if not (DATA / name).is_file():
        pytest.skip(f"{DATA / name} is not there; set CODEWARD_DATA to the folder of the real data")
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        codes = [json.loads(line)[field] for line, _ in zip(file, range(ROWS), strict=False)]
    return [Sample(str(number), code, 0, language, {PROMPT: "Do it."}) for number, code in enumerate(codes)]


@pytest.mark.parametrize("language", SETS)
@pytest.mark.parametrize("name", attacks.names())
def test_real_functions_take_the_trigger_and_still_parse(name, language):
    rows = _rows(language)
    attack = attacks.make(name).prepare(rows, payloads.make("target-class"))
    stamped = attack.stamp_all(rows, seed=0).samples
    assert len(stamped) >= FITS_LESS.get(name, 0.9) * len(rows)
    for sample in stamped:
        before = rows[int(sample.id)]
        assert {span.of(sample.text(sample.poison.field)) for span in sample.poison.spans} == {sample.poison.trigger}
        assert count_errors(sample.code, language) <= count_errors(before.code, language)
