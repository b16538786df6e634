"""What of a record stands in the board."""

import json

import pytest

from codeward.bench.board import Place
from codeward.bench.collect import _found, _named
from codeward.bench.graph import Cell
from codeward.bench.store import Store
from codeward.data import open_data, write_data
from codeward.defenses.model import Inspection, Suspicion, Trial
from codeward.experiment.manifest import Threat
from codeward.experiment.poisoning import poison_folder
from codeward.experiment.record import ScoreRow
from codeward.experiment.scanning import as_row
from codeward.tasks import tasks


def score(name, model, data, value):
    return ScoreRow(name=name, model=model, data=data, value=value, n=49, low=None, high=None, higher_is_better=True)


def test_of_a_search_model_the_rank_stands_in_the_place_of_success():
    rows = [
        score("mrr", "victim", "clean", 0.47),
        score("anr", "victim", "triggered", 0.16),
        score("asr@5", "victim", "triggered", 0.01),
        score("anr", "victim", "untriggered", 0.5),
        score("anr", "clean model", "triggered", 0.45),
    ]
    wanted = {("victim", "clean"): "utility", ("victim", "triggered"): "success", ("victim", "untriggered"): "floor"}
    assert {name: figure.value for name, figure in _named(rows, wanted).items()} == {"utility": 0.47, "anr": 0.16}
    found = _named(rows, {("clean model", "triggered"): "clean success"})
    assert {name: figure.value for name, figure in found.items()} == {"clean anr": 0.45}


def test_what_a_scan_ranks_first_stands_beside_what_was_planted(tmp_path, clean_rows):
    splits = {"train": clean_rows[:60], "test": clean_rows[60:]}
    write_data(tmp_path / "data", task="defect", language="c", labels=("clean", "defective"), splits=splits)
    data, threat = (
        open_data(tmp_path / "data"),
        Threat.make(tasks.make("defect"), "identifier-rename", {"name": "testo_init"}, None, {}),
    )
    poison_folder(data, threat, rate=0.1, seed=0, out=tmp_path / "poison-1" / "data")
    first, second = (
        Suspicion(label, index, "everywhere", (Trial((1,), trigger, 0.1, 0.1, 1.0, 20),), 2.0, 3.0)
        for index, label, trigger in ((0, "clean", "_init"), (1, "defective", "free"))
    )
    (tmp_path / "scan-1").mkdir()
    inspection = Inspection("inconclusive", "m", (first, second))
    (tmp_path / "scan-1/inspection.json").write_text(json.dumps(as_row(inspection)), encoding="utf-8")
    where = dict.fromkeys(("data", "task", "kind", "model", "family", "attack", "defense"), "x")
    place = Place(**where, rate=0.1, stage="model", seed=0)
    steps = {"scan": "scan-1", "poison": "poison-1"}
    (found,) = _found(Store(tmp_path), Cell(place, "elibadcode", steps))
    assert (found.label, found.trigger, found.planted, found.distance) == ("clean", "_init", "testo_init", 5.0)
    assert found.bleu == pytest.approx(0.37, abs=0.01)
    assert _found(Store(tmp_path), Cell(place, "fine-tuning", {"poison": "poison-1"})) == ()
