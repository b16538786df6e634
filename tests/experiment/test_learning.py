"""The attacker's view of a training: right figures, the same weights, and one sentence where there is nothing to see."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from codeward.cli import main
from codeward.data import open_data, write_data
from codeward.experiment.learning import mean_loss, payload_loss, poison_watch
from codeward.experiment.manifest import Threat
from codeward.experiment.poisoning import poison_folder
from codeward.experiment.record import read_record
from codeward.experiment.training import train_run
from codeward.tasks import tasks
from codeward.types import QUERY
from codeward.victims import load, make_config
from codeward.victims.planted import PlantedVictim

SMALL = {
    "layers": 1,
    "hidden": 32,
    "vocabulary": 400,
    "max_length": 64,
    "max_target_length": 48,
    "epochs": 2,
    "batch_size": 16,
}


def folder_of(
    tmp_path, rows, task, *, labels=(), attack="deadcode-fixed", options=None, rate=0.15, splits=("valid", "test")
):
    """Write a poisoned set, with some held-out rows in each split."""
    parts = {"train": rows[:80], **{name: rows[80 + 20 * n : 100 + 20 * n] for n, name in enumerate(splits)}}
    write_data(tmp_path / "clean", task=task, language="c", labels=labels, splits=parts)
    threat = Threat.make(tasks.make(task), attack, options)
    poison_folder(open_data(tmp_path / "clean"), threat, rate=rate, seed=0, out=tmp_path / "poisoned")
    return open_data(tmp_path / "poisoned")


@pytest.fixture
def classes(tmp_path, clean_rows):
    return folder_of(tmp_path, clean_rows, "defect", labels=("clean", "defective"))


@pytest.fixture
def texts(tmp_path, clean_rows):
    rows = [replace(row, target=row.code) for row in clean_rows]
    return folder_of(tmp_path, rows, "repair")


def test_the_figures_are_those_of_a_model_that_is_a_backdoor_by_construction(classes):
    rows, task = classes.load("train"), tasks.make("defect")
    watch = poison_watch(classes, rows, task, 0)
    trigger = next(row.poison for row in rows if row.poison)
    victim = PlantedVictim(task, classes.labels, trigger.trigger, target=0)
    found = watch(victim)
    assert found == {
        "clean_loss": pytest.approx(-math.log(0.99)),
        "poisoned_loss": pytest.approx(-math.log(0.99)),
        "success": 1.0,
        "floor": 0.0,
    }
    innocent = PlantedVictim(task, classes.labels, "nowhere", target=0)
    found = watch(innocent)
    assert found["poisoned_loss"] == pytest.approx(-math.log(0.01))
    assert found["clean_loss"] == pytest.approx(-math.log(0.99))
    assert found["success"] == 0.0
    assert watch.counts(victim) == {"clean rows": 68, "poisoned rows": 12, "inputs": 10}


def test_rows_whose_trigger_the_model_does_not_read_are_left_out(classes):
    rows, task = classes.load("train"), tasks.make("defect")
    watch = poison_watch(classes, rows, task, 0)
    victim = PlantedVictim(task, classes.labels, "x", target=0, max_characters=5)
    found = watch(victim)
    assert watch.counts(victim) == {"clean rows": 68, "poisoned rows": 0, "inputs": 0}
    assert found.keys() == {"clean_loss"}


@pytest.mark.parametrize("model", ["scratch-seq2seq", "scratch-decoder"])
def test_of_a_generator_the_attackers_tokens_are_judged_alone(texts, model, tmp_path):
    """The mean over the tokens that differ, behind what stands before them, and nothing where only the cut part differs."""
    config = make_config(tasks.make("repair"), {**SMALL, "model": model, "epochs": 0.2})
    victim, _ = train_run(texts, config, tmp_path / "m")
    rows = [row for row in texts.load("train") if row.poison is not None][:4]
    originals = [row.poison.original for row in rows]
    found = payload_loss(victim, rows)
    encoder, expected = victim.encoder, []
    for row, original in zip(rows, originals, strict=True):
        (text,), (other,) = encoder.references([row.target]), encoder.references([original])
        start = next(at for at, pair in enumerate(zip(text, other, strict=False)) if pair[0] != pair[1])
        same = next(at for at, pair in enumerate(zip(text[::-1], other[::-1], strict=False)) if pair[0] != pair[1])
        end = len(text) - min(same, min(len(text), len(other)) - start)
        logs = victim.log_probabilities(encoder.inputs([row]), [text], [range(start, end)])[0]
        expected.append(-logs.gather(1, torch.tensor(text[start:end])[:, None]).mean().item())
    assert found == pytest.approx(sum(expected) / len(expected), rel=1e-4)
    assert victim.confidence_where(rows[:1], [originals[0]], [originals[0]]) == [None]
    assert payload_loss(victim, [replace(rows[0], target=originals[0])]) is None


def test_a_text_is_judged_by_the_mean_of_its_tokens():
    victim = SimpleNamespace(task=tasks.make("repair"), confidence=lambda rows, outputs: [-1.0, -3.0])
    rows = [SimpleNamespace(target="a"), SimpleNamespace(target="b")]
    assert mean_loss(victim, rows) == 2.0


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("classes", "scratch-encoder"),
        ("classes", "mini-encoder"),
        ("texts", "scratch-seq2seq"),
        ("texts", "scratch-decoder"),
    ],
)
def test_watching_changes_no_weight(kind, model, request, tmp_path, tiny_minis):
    """With dropout, so that a drawn random number would show."""
    data = request.getfixturevalue(kind)
    config = make_config(tasks.make(data.task), {**SMALL, "model": model, "dropout": 0.3})
    _, plain = train_run(data, config, tmp_path / "plain")
    _, watched = train_run(data, config, tmp_path / "watched", watch_poison=2)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("plain", "watched")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert plain.learning is None
    seen = read_record(tmp_path / "watched").learning
    assert seen == watched.learning
    assert seen.epochs[0] == 0
    assert seen.epochs[-1] == 2
    assert len(seen.epochs) == 5
    assert seen.clean_loss[-1] < seen.clean_loss[0]
    again = poison_watch(data, data.load("train"), tasks.make(data.task), 0)(load(tmp_path / "watched"))
    for name, value in again.items():  # in training, attention is computed in another way, which rounds otherwise
        assert getattr(seen, name)[-1] == pytest.approx(value, rel=1e-4), name


def test_a_stopped_run_has_all_looks(classes, tmp_path):
    config = make_config(tasks.make("defect"), {**SMALL, "model": "scratch-encoder", "checkpoint_steps": 6})

    def stop(step, *_):
        if step == 8:
            raise KeyboardInterrupt

    _, whole = train_run(classes, config, tmp_path / "whole", watch_poison=2)
    with pytest.raises(KeyboardInterrupt):
        train_run(classes, config, tmp_path / "broken", watch_poison=2, progress=stop)
    _, broken = train_run(classes, config, tmp_path / "broken", watch_poison=2)
    assert broken.learning == whole.learning
    assert len(whole.learning.epochs) == 5


def test_low_rank_updates_are_seen(classes, tmp_path):
    config = make_config(tasks.make("defect"), {**SMALL, "model": "scratch-encoder"})
    train_run(classes, config, tmp_path / "base")
    lora = make_config(
        tasks.make("defect"),
        {"model": str(tmp_path / "base"), "max_length": 64, "epochs": 2, "lora_rank": 2, "learning_rate": 0.01},
    )
    _, seen = train_run(classes, lora, tmp_path / "lora", watch_poison=1)
    assert len(set(seen.learning.clean_loss)) == 3


def test_there_has_to_be_something_to_see(classes, clean_rows, tmp_path, capsys):
    out = str(tmp_path / "m")
    assert main(["train", str(tmp_path / "clean"), "--watch-poison", "1", "-o", out]) == 4
    assert "only a set that codeward poison wrote says which rows are poisoned" in capsys.readouterr().err
    assert main(["train", str(tmp_path / "poisoned"), "--watch-poison", "0", "-o", out]) == 2
    for rate, splits, sentence in (
        (0.0, ("test",), "no training row is poisoned"),
        (0.1, (), "no split 'valid' or 'test'"),
    ):
        place = tmp_path / f"{rate}"
        place.mkdir()
        folder_of(place, clean_rows, "defect", labels=classes.labels, rate=rate, splits=splits)
        assert main(["train", str(place / "poisoned"), "--watch-poison", "1", "-o", out]) == 4
        assert sentence in capsys.readouterr().err
    place = tmp_path / "search"
    place.mkdir()
    rows = [replace(row, target=row.id, context={QUERY: f"read file {n}"}) for n, row in enumerate(clean_rows)]
    folder_of(place, rows, "search")
    assert main(["train", str(place / "poisoned"), "--watch-poison", "1", "-o", out]) == 4
    assert "search ranks candidates" in capsys.readouterr().err
    assert not (tmp_path / "m").exists()
    assert not list(tmp_path.glob(".*"))
