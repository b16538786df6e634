"""A zoo for judging detectors: drawn by seed, with attacks, rates and targets in turn, and built once."""

import json
from collections import Counter

import pytest

from codeward.data import write_data
from codeward.errors import UsageError
from codeward.experiment.suspects import ATTACKS, FILE, RATES, build_suspect, plan_suspects
from codeward.victims import load


def test_attacks_rates_and_targets_take_turns():
    cells = len(ATTACKS) * len(RATES) * 2
    plan = [suspect for suspect in plan_suspects(3, 2 * cells, 2) if suspect.attack is not None]
    seen = Counter((each.attack, json.dumps(dict(each.options)), each.rate, each.target) for each in plan)
    assert len(seen) == cells
    assert set(seen.values()) == {2}
    assert len({each.seed for each in plan}) == len(plan)


def test_a_larger_zoo_begins_with_the_same_models():
    small, large = plan_suspects(2, 3, 2, seed=7), plan_suspects(4, 9, 2, seed=7)
    assert small == [*large[:2], *large[4:7]]
    assert small != plan_suspects(2, 3, 2, seed=8)


def test_nothing_to_draw_from():
    with pytest.raises(UsageError, match="at least one attack, one rate and two labels"):
        plan_suspects(1, 1, 1)


def test_a_suspect_is_built_once_with_the_truth_beside_it(tmp_path, clean_rows):
    write_data(tmp_path / "d", task="defect", language="c", labels=("clean", "defective"), splits={"train": clean_rows})
    suspect = plan_suspects(0, 1, 2)[0]
    options = {"model": "scratch-encoder", "hidden": 16, "layers": 1, "vocabulary": 400, "max_length": 32, "epochs": 1}
    folder = build_suspect(suspect, tmp_path / "d", tmp_path / "zoo", options=options, rows=90)
    truth = json.loads((folder / FILE).read_text())
    assert (truth["attack"], truth["rate"], truth["target"]) == (suspect.attack, suspect.rate, suspect.target)
    assert load(folder).labels == ("clean", "defective")
    before = (folder / FILE).stat().st_mtime_ns
    assert build_suspect(suspect, tmp_path / "d", tmp_path / "zoo", options=options) == folder
    assert (folder / FILE).stat().st_mtime_ns == before
