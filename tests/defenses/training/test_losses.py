"""The rivals against their formulas, and all of them in our trainer and in any other."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from transformers import Trainer, TrainingArguments

from codeward.data import open_data, write_data
from codeward.defenses.training import TrainerLoss, training_defenses
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


class Spy(TrainerLoss):
    """Keeps the epochs that it is called in."""

    def __init__(self):
        super().__init__(training_defenses.make("dece", {"alpha": 0.9, "schedule": "step"}))
        self.seen = []

    def __call__(self, *arguments, **options):
        self.seen.append(self.epoch)
        return super().__call__(*arguments, **options)


def foreign(out, loss, **options):
    """Return a Trainer of one's own, with a model of one's own."""
    from transformers import RobertaConfig, RobertaForSequenceClassification, set_seed

    set_seed(0)
    settings = RobertaConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=20, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    data = [{"input_ids": torch.tensor([0, 5 + n % 9, 7, 2]), "labels": torch.tensor(n % 2)} for n in range(16)]
    arguments = TrainingArguments(
        output_dir=str(out),
        num_train_epochs=2,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        logging_steps=1,
        **options,
    )
    model = RobertaForSequenceClassification(settings)
    return Trainer(model, arguments, train_dataset=data, compute_loss_func=loss, callbacks=[loss])


def test_it_works_in_any_trainer_and_accumulated_batches_count_as_one(tmp_path):
    halves, whole = Spy(), Spy()
    trainer = foreign(
        tmp_path, halves, per_device_train_batch_size=4, gradient_accumulation_steps=2, save_strategy="no"
    )
    trainer.train()
    assert halves.seen == [1.0, 1.0, 1.5, 1.5, 2.0, 2.0, 2.5, 2.5]
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert all(0 < value < 2 * math.log(2) for value in losses)
    other = foreign(tmp_path, whole, per_device_train_batch_size=8, save_strategy="no")
    other.train()
    for ours, theirs in zip(trainer.model.parameters(), other.model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_any_trainer_goes_on_with_the_schedule_after_a_stop(tmp_path):
    loss = Spy()
    foreign(tmp_path, loss, per_device_train_batch_size=8, save_strategy="steps", save_steps=1).train()
    assert loss.seen == [1.0, 1.5, 2.0, 2.5]
    again = Spy()
    foreign(tmp_path, again, per_device_train_batch_size=8, save_strategy="no").train(
        resume_from_checkpoint=str(tmp_path / "checkpoint-3")
    )
    assert again.seen == [2.5]


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


class Outputs(dict):
    """What a model returns."""


@pytest.mark.parametrize(
    ("kind", "shape", "shifted"),
    [
        ("CausalLMOutputWithPast", (2, 3, 5), True),
        ("Seq2SeqLMOutput", (2, 3, 5), False),
        ("MaskedLMOutput", (2, 3, 5), False),
        ("TokenClassifierOutput", (2, 3, 5), False),
        ("SequenceClassifierOutput", (2, 5), False),
    ],
)
def test_labels_are_shifted_for_causal_models_only(kind, shape, shifted):
    loss = TrainerLoss(PLAIN)
    outputs = type(kind, (Outputs,), {})(logits=torch.randn(shape))
    labels = torch.randint(0, 5, shape[:-1])
    plain = torch.nn.functional.cross_entropy
    logits = outputs["logits"]
    wanted = (
        plain(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        if shifted
        else plain(logits.flatten(0, -2), labels.flatten())
    )
    with torch.no_grad():
        assert loss(outputs, labels).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_outputs_that_do_not_tell_whether_labels_are_shifted_are_refused():
    outputs, labels = Outputs(logits=torch.randn(2, 3, 5)), torch.zeros(2, 3, dtype=torch.int64)
    with torch.no_grad(), pytest.raises(UsageError, match="shift=True"):
        TrainerLoss(PLAIN)(outputs, labels)
    with torch.no_grad():
        assert TrainerLoss(PLAIN, shift=False)(outputs, labels) > 0


def test_evaluation_tells_cross_entropy_in_every_epoch():
    loss = TrainerLoss(training_defenses.make("dece", {"alpha": 0.8}))
    outputs, labels = Outputs(logits=torch.randn(4, 5)), torch.zeros(4, dtype=torch.int64)
    wanted = torch.nn.functional.cross_entropy(outputs["logits"], labels).item()
    for epoch in (1.0, 5.0):
        loss.epoch = epoch
        with torch.no_grad():
            assert loss(outputs, labels).item() == pytest.approx(wanted, rel=1e-6)


def test_a_loss_that_is_not_told_the_epoch_says_so():
    with pytest.raises(UsageError, match=r"callbacks=\[loss\]"):
        TrainerLoss(PLAIN)(Outputs(logits=torch.randn(4, 5)), torch.zeros(4, dtype=torch.int64))


def begun(**options):
    """Return a loss that a Trainer has told its first step."""
    loss = TrainerLoss(PLAIN, shift=False)
    loss.on_step_begin(SimpleNamespace(**options), SimpleNamespace(epoch=0.0), None)
    return loss


def test_one_process_on_several_gpus_is_refused():
    assert begun(n_gpu=1).epoch == begun(n_gpu=0).epoch == 1
    with pytest.raises(UsageError, match=r"one process per GPU, but this one trains on 2: start it with torchrun"):
        begun(n_gpu=2)


def test_a_step_without_any_label_is_0():
    logits, none = torch.randn(4, 5, requires_grad=True), torch.full((4,), -100)
    for count in (0, torch.tensor(0), None):
        value = begun(n_gpu=1)(Outputs(logits=logits), none, num_items_in_batch=count)
        (gradient,) = torch.autograd.grad(value, logits)
        assert value.item() == 0
        assert (gradient == 0).all()


@pytest.mark.parametrize(
    ("outputs", "labels", "message"),
    [
        (
            Outputs(logits=torch.zeros(2, 5)),
            None,
            "the labels of a batch as a tensor under the name 'labels', got NoneType",
        ),
        (Outputs(logits=torch.zeros(2, 5)), [0, 1], "the name 'labels', got list"),
        ((torch.zeros(2, 5),), torch.tensor([0, 1]), "a tensor 'logits' among them, got tuple; set return_dict=True"),
        (Outputs(pooler_output=torch.zeros(2, 5)), torch.tensor([0, 1]), "a tensor 'logits' among them, got Outputs"),
    ],
)
def test_what_a_trainer_hands_over_without_names_or_labels_is_told(outputs, labels, message):
    with pytest.raises(UsageError, match=message):
        begun(n_gpu=1)(outputs, labels)


def test_a_loss_that_is_a_learning_rate_is_refused():
    with pytest.raises(UsageError, match=r"cross-entropy at 0\.1 times"):
        TrainerLoss(training_defenses.make("moderate"))


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
