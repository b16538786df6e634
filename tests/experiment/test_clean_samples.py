"""Clean samples are clean: rows that an attack has stamped are refused, by their provenance."""

import pytest

from codeward.data import open_data, write_data
from codeward.errors import DataError
from codeward.experiment.manifest import Threat
from codeward.experiment.poisoning import poison_folder
from codeward.experiment.splits import check_clean, clean_samples, inputs_of
from codeward.tasks import tasks
from codeward.types import QUERY, Sample

SENTENCE = r"poisoned: 4 of 40 rows are poisoned \(the first is '.*', by deadcode-fixed\), and clean ones are needed"


def poisoned(tmp_path, rows, **splits):
    write_data(
        tmp_path / "clean", task="defect", language="c", labels=("a", "b"), splits={"train": rows[:40], **splits}
    )
    threat = Threat.make(tasks.make("defect"), "deadcode-fixed", None)
    poison_folder(open_data(tmp_path / "clean"), threat, rate=0.1, seed=0, out=tmp_path / "poisoned")
    return tmp_path / "poisoned"


def test_the_only_split_of_a_poisoned_set_is_no_clean_one(tmp_path, clean_rows):
    place = poisoned(tmp_path, clean_rows)
    with pytest.raises(DataError, match=SENTENCE):
        clean_samples(place, None, None, None)
    assert len(clean_samples(tmp_path / "clean", None, None, None)) == 40


def test_the_held_out_rows_of_a_poisoned_set_are(tmp_path, clean_rows):
    place = poisoned(tmp_path, clean_rows, valid=clean_rows[40:60])
    assert len(clean_samples(place, None, None, None)) == 20
    check_clean(())


def test_inputs_come_without_targets_but_for_pairs_of_a_search(tmp_path):
    pairs = [
        Sample(f"p{n}", f"int f_{n}(void) {{ return {n}; }}", f"p{n}", "c", context={QUERY: "f"}) for n in range(3)
    ]
    write_data(tmp_path / "pairs", task="search", language="c", labels=(), splits={"train": pairs})
    assert [row.target for row in inputs_of(tmp_path / "pairs", None, "search", None)] == ["p0", "p1", "p2"]
    labeled = [Sample(f"d{n}", f"int f_{n}(void) {{ return {n}; }}", n % 2, "c") for n in range(3)]
    write_data(
        tmp_path / "labeled", task="defect", language="c", labels=("clean", "defective"), splits={"train": labeled}
    )
    assert [row.target for row in inputs_of(tmp_path / "labeled", None, "defect", None)] == [None, None, None]
