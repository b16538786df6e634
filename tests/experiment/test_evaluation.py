"""What an evaluation refuses before it asks the model, and what its command says."""

import json
from dataclasses import replace

import pytest

from codeward.cli import main
from codeward.data import write_data
from codeward.errors import DataError, UsageError
from codeward.experiment.evaluation import evaluate
from codeward.experiment.manifest import Threat
from codeward.experiment.measure import check_targets
from codeward.tasks import tasks
from codeward.types import Sample

ATTACK = ("--attack", "deadcode-fixed")


class Silent:
    """A model that may not be asked."""

    task, labels, fingerprint = tasks.make("defect"), ("clean", "defective"), "0"

    def predict(self, samples):
        raise AssertionError("asked")


def test_rows_without_a_target_are_refused_before_the_model_is_asked(clean):
    rows = [*clean[:3], *(replace(row, target=None) for row in clean[3:5])]
    with pytest.raises(DataError, match=r"2 of 5 rows have no true class .*the first is 'clean-3'; task 'defect'"):
        evaluate(Silent(), rows)
    text = [Sample("a", "int f();", 1, "c")]
    with pytest.raises(DataError, match="1 of 1 rows have no true text"):
        check_targets(tasks.make("repair"), text)
    check_targets(tasks.make("search"), [replace(row, target=None) for row in clean])


def test_a_class_that_the_model_does_not_have_is_refused_before_it_is_asked(clean):
    threat = Threat.make(tasks.make("defect"), "deadcode-fixed", {}, None, {"label": 9})
    with pytest.raises(UsageError, match="label 9 is no class"):
        evaluate(Silent(), clean, threat=threat)


@pytest.fixture
def model(victim, tmp_path):
    victim.save(tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def data(clean, tmp_path):
    write_data(
        tmp_path / "data", task="defect", language="python", labels=("clean", "defective"), splits={"test": clean}
    )
    return str(tmp_path / "data")


def said(capsys):
    return " ".join(capsys.readouterr().err.split())


def test_the_command_refuses_a_class_that_the_data_does_not_have(model, data, capsys):
    assert main(["evaluate", model, data, *ATTACK, "--payload-set", "label=9"]) == 2
    assert "label 9 is no class of the data set" in said(capsys)


def test_a_record_has_the_title_that_is_given(model, data, tmp_path):
    assert main(["evaluate", model, data, "--limit", "4", "--title", "Mine", "-o", str(tmp_path / "run")]) == 0
    assert json.loads((tmp_path / "run/record.json").read_text())["title"] == "Mine"


def test_a_model_of_another_task_is_said_to_be_one(model, data, tmp_path, capsys):
    (tmp_path / "model/codeward.json").write_text('{"task": "naming", "labels": ["get", "set"]}')
    assert main(["evaluate", model, data]) == 4
    told = said(capsys)
    assert f"the model is made for task 'naming', and the data set {data} is for 'defect'; give a data set" in told
    assert main(["evaluate", model, data, "--task", "clone"]) == 2
    assert f"{data}: the data set is for task 'defect', not 'clone'" in said(capsys)
    assert main(["purify", model, "--data", data, "-o", str(tmp_path / "out.jsonl")]) == 4
    assert f"the model is made for task 'naming', and the data set {data} is for 'defect'" in said(capsys)
