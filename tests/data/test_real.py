"""The published sets in ../shared/data (or $CODEWARD_DATA) are read to their last row; skipped where absent."""

from collections import Counter
from pathlib import Path

import pytest

from codeward.data import open_data

EXPECTED = {
    "clone-detection-bigclonebench": ("bigclonebench", "clone", "java", (9_000, 1_500, 1_500)),
    "clone-detection-poj104": ("poj104", "clone-search", "cpp", (5_760, 960, 1_440)),
    "code-refinement-small": ("refinement", "repair", "java", (8_670, 1_000, 1_000)),
    "code-search-java": ("codesearchnet", "search", "java", (2_424, 261, 523)),
    "code-search-python": ("codesearchnet", "search", "python", (6_457, 400, 1_000)),
    "code-translation-java-cs": ("translation", "translation", "java", (10_295, 499, 1_000)),
    "cosqa": ("cosqa", "search", "python", (404,)),
    "defect-detection-c": ("defect", "defect", "c", (3_718, 530, 530)),
    "defect-detection-devign": ("defect", "defect", "c", (1_669, 258, 385)),
    "defect-detection-juliet": ("defect", "defect", "c", (7_952, 900, 1_412)),
    "lyra": ("text-to-code", "generation", "python", (1_480, 200, 200)),
    "pisces": ("text-to-code", "generation", "java", (1_357, 200, 200)),
    "program-repair-bugs2fix-natural": ("refinement", "repair", "java", (4_797, 500, 5_308)),
    "program-repair-codrep": ("refinement", "repair", "java", (17_541, 800, 1_865)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_set_is_read_to_its_last_row(real_data: Path, name: str) -> None:
    if not (real_data / name).is_dir():
        pytest.skip(f"{real_data / name} is absent")
    layout, task, language, counts = EXPECTED[name]
    data = open_data(real_data / name)
    assert (data.layout, data.task, data.language) == (layout, task, language)
    ids: set[str] = set()
    for split, count in zip(data.splits, counts, strict=True):
        samples = data.load(split)
        assert len(samples) == count
        assert Counter(sample.language for sample in samples) == {language: count}
        assert all(sample.code or sample.context for sample in samples)
        assert ids.isdisjoint(sample.id for sample in samples)
        ids.update(sample.id for sample in samples)
