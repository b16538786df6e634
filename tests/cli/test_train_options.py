"""Options of ``codeward train`` that say one thing in two ways."""

import pytest

from codeward.cli import main
from codeward.cli.train import configured_once
from codeward.data import write_data
from codeward.errors import UsageError
from codeward.tasks import tasks

DEFECT = tasks.make("defect")


@pytest.mark.parametrize(
    ("given", "settings", "sentence"),
    [
        ({"epochs": 1.0}, {"epochs": "2"}, "epochs is given twice: --epochs 1.0 and --set epochs=2; leave one out"),
        ({"learning_rate": 1e-3}, {"learning_rate": "2e-3"}, "--learning-rate 0.001 and --set learning_rate=2e-3"),
        ({"seed": 0}, {"seed": "1"}, "--seed 0 and --set seed=1"),
        ({"model": "scratch-encoder"}, {"model": "scratch-decoder"}, "--model scratch-encoder and --set model="),
    ],
)
def test_a_field_that_is_given_twice_is_refused(given, settings, sentence):
    with pytest.raises(UsageError, match=sentence):
        configured_once(DEFECT, given, settings)


def test_the_same_value_twice_and_what_is_not_given_are_no_mistake():
    config = configured_once(DEFECT, {"epochs": 1.0, "seed": None, "loss_options": None}, {"epochs": "1", "seed": "3"})
    assert (config.epochs, config.seed) == (1, 3)
    assert configured_once(DEFECT, {"seed": None}, {}).seed == 0


def test_the_command_line_says_so_before_anything_is_trained(clean_rows, tmp_path, capsys):
    write_data(tmp_path / "d", task="defect", language="c", labels=("a", "b"), splits={"train": clean_rows[:8]})
    out = tmp_path / "m"
    assert main(["train", str(tmp_path / "d"), "--seed", "0", "--set", "seed=1", "-o", str(out)]) == 2
    assert "seed is given twice: --seed 0 and --set seed=1" in capsys.readouterr().err
    assert not out.exists()
