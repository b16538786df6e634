"""The rivals against their formulas, and all of them in our trainer."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from codeward.data import open_data, write_data
from codeward.defenses.training import training_defenses
from codeward.errors import DataError, OptionError, UsageError
from codeward.experiment.training import train_run
from codeward.tasks import tasks
from codeward.types import QUERY, Sample
from codeward.victims import make_config
from codeward.victims.training import train

SCRATCH = {"model": "scratch-encoder"}
TINY = {
    "vocabulary": 400, "layers": 1, "hidden": 32, "batch_size": 8, "max_length": 64, "max_target_length": 64,
    "dropout": 0.0, "precision": "fp32", "learning_rate": 0.005, "epochs": 2,
}  # fmt: skip
DEFECT, REPAIR, SEARCH = tasks.make("defect"), tasks.make("repair"), tasks.make("search")
LABELS = ("clean", "defective")
PLAIN = training_defenses.make("dece", {"alpha": 1.0, "smoothing": 0.0})


@pytest.fixture(scope="module")
def rows():
    codes = [f"def f_{n}(self, value):\n    total_{n} = {n}\n    return self.items[{n % 2}]\n" for n in range(48)]
    return [Sample(f"r{n}", code, n % 2, "python", {QUERY: f"number {n}"}) for n, code in enumerate(codes)]


def draw():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(30, 9, generator=generator) * 3, torch.randint(0, 9, (30,), generator=generator)


def test_rivals_are_their_formulas():
    logits, labels = draw()
    chance = logits.softmax(-1)
    truth = chance[torch.arange(30), labels]
    hot = torch.nn.functional.one_hot(labels, 9).float()
    gce = training_defenses.make("gce", {"q": 0.7}).loss(logits, labels, epoch=1)
    assert gce.item() == pytest.approx(((1 - truth**0.7) / 0.7).mean().item(), rel=1e-5)
    trust = training_defenses.make("in-trust", {"alpha": 0.8, "beta": 1.5, "delta": 0.3}).loss(logits, labels, epoch=1)
    trusting = -(chance * (0.3 * chance + 0.7 * hot).log()).sum(-1)
    assert trust.item() == pytest.approx((-0.8 * truth.log() + 1.5 * trusting).mean().item(), rel=1e-5)
    smooth = training_defenses.make("label-smoothing", {"smoothing": 0.2}).loss(logits, labels, epoch=1)
    assert smooth.item() == pytest.approx(
        torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.2).item(), rel=1e-6
    )
    plain = torch.nn.functional.cross_entropy(logits, labels).item()
    for name in ("ce", "moderate"):
        assert training_defenses.make(name).loss(logits, labels, epoch=1).item() == pytest.approx(plain, rel=1e-6)


def test_the_released_scripts_are_a_preset():
    assert training_defenses.make("dece-scripts") == training_defenses.make("dece-scripts", {"alpha": 0.8})
    logits, labels = draw()
    scripts, paper = (training_defenses.make("dece", {"alpha": alpha}) for alpha in (0.8, 0.99))
    value = training_defenses.make("dece-scripts").loss(logits, labels, epoch=3)
    assert value == scripts.loss(logits, labels, epoch=3) != paper.loss(logits, labels, epoch=3)


def test_dece_changes_with_whole_epochs_or_with_every_step():
    logits, labels = draw()
    by_epoch, by_step = (training_defenses.make("dece", {"alpha": 0.8, "schedule": s}) for s in ("epoch", "step"))
    values = [[d.loss(logits, labels, epoch=e).item() for e in (1, 1.5, 1.9999999, 2)] for d in (by_epoch, by_step)]
    assert values[0][0] == values[0][1] != values[0][2] == values[0][3]
    assert len({round(value, 6) for value in values[1]}) == 3


@pytest.mark.parametrize(
    ("task", "model"),
    [
        (DEFECT, "scratch-encoder"),
        (REPAIR, "scratch-seq2seq"),
        (REPAIR, "scratch-decoder"),
        (SEARCH, "scratch-encoder"),
    ],
)
def test_every_family_trains_with_it_as_with_cross_entropy_where_nothing_is_mixed(task, model, rows, tmp_path):
    given = [
        replace(row, target={"defect": row.target, "repair": f"return {row.target}"}.get(task.name, row.id))
        for row in rows
    ]
    labels = LABELS if task is DEFECT else ()
    config = make_config(task, {**TINY, "model": model})
    train(task, given, [], labels, config, tmp_path / "ce")
    train(task, given, [], labels, config, tmp_path / "dece", defense=PLAIN)
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("dece", "ce"))
    for name in ours:
        assert torch.allclose(ours[name], theirs[name], atol=2e-3), name


@pytest.mark.parametrize("model", ["scratch-encoder", "scratch-seq2seq", "scratch-decoder"])
def test_accumulated_batches_count_as_one(model, rows, tmp_path):
    """One step of eight rows, and one of two batches of four, give the same weights, though their lengths differ."""
    task = DEFECT if model == "scratch-encoder" else REPAIR
    given = (
        rows[:8]
        if task is DEFECT
        else [replace(r, target="return " + "x + " * n + "1") for n, r in enumerate(rows[:8])]
    )
    defense = training_defenses.make("dece", {"alpha": 0.9})
    for name, batch, steps in (("whole", 8, 1), ("halves", 4, 2)):
        config = make_config(task, {**TINY, "model": model, "batch_size": batch, "accumulation": steps, "epochs": 1})
        train(task, given, [], LABELS if task is DEFECT else (), config, tmp_path / name, defense=defense)
    whole, halves = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "halves"))
    assert all(torch.allclose(whole[name], halves[name], atol=1e-5) for name in whole)


def test_a_broken_run_goes_on_with_the_schedule(rows, tmp_path):
    defense = training_defenses.make("dece", {"alpha": 0.7, "schedule": "step"})
    config = make_config(DEFECT, {**SCRATCH, **TINY, "loss": "dece", "checkpoint_steps": 4, "epochs": 3})
    train(DEFECT, rows, [], LABELS, config, tmp_path / "whole", defense=defense)

    def stop(step, *_):
        if step == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(DEFECT, rows, [], LABELS, config, tmp_path / "broken", defense=defense, progress=stop)
    train(DEFECT, rows, [], LABELS, config, tmp_path / "broken", defense=defense)
    whole, broken = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_a_run_on_disk_names_its_loss_and_lowers_the_rate_of_moderate_fitting(rows, tmp_path):
    write_data(tmp_path / "d", task="defect", language="python", labels=LABELS, splits={"train": rows})
    for loss in ("ce", "moderate", "dece"):
        config = make_config(DEFECT, {**SCRATCH, **TINY, "epochs": 1, "loss": loss})
        _, record = train_run(open_data(tmp_path / "d"), config, tmp_path / loss)
        assert record.config["train"]["loss"] == loss
    fast, slow = (load_file(tmp_path / name / "model.safetensors") for name in ("ce", "moderate"))
    mixed = load_file(tmp_path / "dece/model.safetensors")
    for other in (slow, mixed):
        assert not torch.equal(fast["classifier.out_proj.weight"], other["classifier.out_proj.weight"])
    with pytest.raises(OptionError, match="no option 'alpah'"):
        train_run(
            open_data(tmp_path / "d"),
            make_config(DEFECT, {**SCRATCH, **TINY, "loss": "dece", "loss_options": {"alpah": 1}}),
            tmp_path / "x",
        )


@pytest.mark.parametrize("model", ["scratch-encoder", "scratch-seq2seq", "scratch-decoder"])
def test_with_updates_of_low_rank_a_loss_that_is_cross_entropy_trains_the_same(rows, tmp_path, model):
    """DeCE with alpha 1 and no smoothing is cross-entropy, also where only low-rank updates are trained."""
    task = DEFECT if model == "scratch-encoder" else REPAIR
    pairs = rows[:16] if task is DEFECT else [replace(row, target="return 1") for row in rows[:16]]
    labels = LABELS if task is DEFECT else ()
    train(task, pairs, [], labels, make_config(task, {**TINY, "model": model, "epochs": 1}), tmp_path / "base")
    options = {name: value for name, value in TINY.items() if name not in ("vocabulary", "layers", "hidden", "dropout")}
    config = make_config(task, {**options, "model": str(tmp_path / "base"), "lora_rank": 2, "epochs": 1})
    train(task, pairs, [], labels, config, tmp_path / "plain")
    train(task, pairs, [], labels, config, tmp_path / "same", defense=PLAIN)
    strong = training_defenses.make("dece", {"alpha": 0.5, "smoothing": 0.3})
    train(task, pairs, [], labels, config, tmp_path / "other", defense=strong)
    plain, same, other = (load_file(tmp_path / name / "model.safetensors") for name in ("plain", "same", "other"))
    assert all(torch.allclose(plain[name], same[name], atol=1e-5) for name in plain)
    assert any(not torch.allclose(plain[name], other[name], atol=1e-5) for name in plain)


@pytest.mark.parametrize("name", ["ce", "gce", "label-smoothing", "in-trust", "dece"])
def test_every_loss_tells_a_label_out_of_range_and_bears_classes_that_are_masked(name):
    loss = training_defenses.make(name)
    with pytest.raises(UsageError, match="a label is 7, but there are 5 classes"):
        loss.loss(torch.randn(4, 5), torch.full((4,), 7), epoch=1)
    if name == "label-smoothing":
        return  # it asks for some of every class
    logits = torch.randn(4, 5)
    logits[:, 4] = float("-inf")
    logits.requires_grad_()
    value = loss.loss(logits, torch.zeros(4, dtype=torch.int64), epoch=1)
    (gradient,) = torch.autograd.grad(value, logits)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("task", "model"), [(REPAIR, "scratch-seq2seq"), (REPAIR, "scratch-decoder"), (SEARCH, "scratch-encoder")]
)
def test_every_family_trains_by_the_loss_that_it_is_given(task, model, rows, tmp_path):
    given = [replace(row, target=f"return {row.target}" if task is REPAIR else row.id) for row in rows[:16]]
    config = make_config(task, {**TINY, "model": model, "epochs": 1})
    strong = training_defenses.make("dece", {"alpha": 0.5, "smoothing": 0.5})
    for name, defense in (("ce", None), ("dece", strong)):
        train(task, given, [], (), config, tmp_path / name, defense=defense)
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("dece", "ce"))
    assert any(not torch.equal(ours[name], theirs[name]) for name in ours)


def test_rows_of_classes_that_nobody_names_are_refused_before_the_training(rows, tmp_path):
    config = make_config(DEFECT, {**SCRATCH, **TINY})
    with pytest.raises(DataError, match="'r0' has the target 0, but the data set names no classes"):
        train(DEFECT, rows, [], (), config, tmp_path / "m")
    with pytest.raises(DataError, match="'r1' has the target 1, but the data set names these classes only: clean"):
        train(DEFECT, rows, [], LABELS[:1], config, tmp_path / "m")
    assert not list(tmp_path.glob("*m*"))
