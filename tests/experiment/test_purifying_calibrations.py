"""Calibrations that purifying takes up and keeps: of one model, of this version, where nobody may write."""

import json

import pytest
from tests.experiment.conftest import LABELS, run

from codeward.errors import DataError, ModelError
from codeward.experiment.calibration import load_calibration, place_of, save_calibration
from codeward.tasks import tasks
from codeward.victims import PlantedVictim


def test_a_calibration_is_for_one_model(tmp_path, victim, ready, rows):
    save_calibration(tmp_path / "c.json", ready)
    found = load_calibration(tmp_path / "c.json", victim)
    assert found == ready
    assert found.defense.purify(rows[:20], victim) == ready.defense.purify(rows[:20], victim)
    with pytest.raises(ModelError, match=r"made for another model .*--calibration"):
        load_calibration(tmp_path / "c.json", PlantedVictim(tasks.make("defect"), LABELS, "other", 0))
    (tmp_path / "c.json").write_text("{}")
    with pytest.raises(DataError, match="this is no calibration"):
        load_calibration(tmp_path / "c.json", victim)


def test_a_calibration_of_a_version_without_an_option_is_made_again(tmp_path, victim, ready):
    save_calibration(tmp_path / "c.json", ready)
    row = json.loads((tmp_path / "c.json").read_text())
    del row["options"]["max_rounds"]
    (tmp_path / "c.json").write_text(json.dumps(row))
    with pytest.raises(
        DataError, match="without the option max_rounds, which the threshold depends on; calibrate again"
    ):
        load_calibration(tmp_path / "c.json", victim)


def test_a_calibration_that_cannot_be_kept_stops_nothing(capsys, folders):
    place_of(folders / "m", "codepurify-plant").mkdir()
    options = ("--data", folders / "c", "-o", folders / "p", "--calibration", folders / "c")
    result, _, err = run(capsys, folders / "m", *options)
    assert result == 0
    assert "is not kept, and the next run needs --calibration again" in err
    assert (folders / "p").is_file()
