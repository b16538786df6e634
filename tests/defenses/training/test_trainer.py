"""Losses in a ``transformers.Trainer`` of one's own: in one process and in several, and after a stop."""

import json
import math
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from transformers import Trainer, TrainingArguments

from codeward.defenses.training import TrainerLoss, training_defenses
from codeward.errors import UsageError

PLAIN = training_defenses.make("dece", {"alpha": 1.0, "smoothing": 0.0})


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


SEVERAL = """
import json, os, sys
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed
from codeward.defenses.training import TrainerLoss
from codeward.defenses.training.dece import DeCE

class Spy(TrainerLoss):
    seen = []
    def __call__(self, *arguments, **options):
        if torch.is_grad_enabled():
            self.seen.append(self.epoch)
        return super().__call__(*arguments, **options)

set_seed(0)
model = GPT2LMHeadModel(GPT2Config(vocab_size=60, n_positions=16, n_embd=16, n_layer=1, n_head=2, resid_pdrop=0,
                                   embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=1))
rows, drawn = [], torch.Generator().manual_seed(1)
for number in range(24):  # from 1 to 11 labels a row, so that a mean over processes is no mean over labels
    ids = torch.randint(3, 60, (12,), generator=drawn)
    labels = torch.where(torch.arange(12) > number % 11, ids, -100)
    rows.append({"input_ids": ids, "labels": labels})
loss = Spy(DeCE(alpha=0.9, schedule="step"))
arguments = TrainingArguments(
    output_dir=sys.argv[1], num_train_epochs=2, report_to=[], disable_tqdm=True, use_cpu=True, logging_steps=1, optim="sgd",
    learning_rate=0.01, lr_scheduler_type="constant", per_device_train_batch_size=int(sys.argv[2]), save_steps=2,
    gradient_accumulation_steps=2, max_grad_norm=1e9, seed=3)
trainer = Trainer(model, arguments, train_dataset=rows, compute_loss_func=loss, callbacks=[loss])
trainer.train(resume_from_checkpoint=sys.argv[3] if len(sys.argv) > 3 else None)
if int(os.environ.get("RANK", "0")) == 0:
    log = [(entry["loss"], entry["grad_norm"]) for entry in trainer.state.log_history if "loss" in entry]
    total = sum(float(each.detach().double().abs().sum()) for each in model.parameters())
    print(json.dumps({"seen": loss.seen, "log": log, "total": total}), flush=True)
"""


def launched(folder, *arguments, processes=1):
    """Train in so many processes, and return the epochs that the loss was called in, loss and norm of each step, and weights."""
    (folder / "several.py").write_text(SEVERAL)
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    command = [sys.executable, *launcher, str(folder / "several.py"), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_processes_have_loss_and_gradient_of_one_with_the_same_batches_and_go_on_after_a_stop(tmp_path):
    one = launched(tmp_path, tmp_path / "one", 4)
    two = launched(tmp_path, tmp_path / "two", 2, processes=2)
    wanted = [epoch + third / 3 for epoch in (1, 2) for third in range(3) for _ in range(2)]
    assert two["seen"] == one["seen"] == pytest.approx(wanted)
    for ours, theirs in zip(two["log"], one["log"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    again = launched(tmp_path, tmp_path / "two", 2, tmp_path / "two/checkpoint-4", processes=2)
    assert again["seen"] == two["seen"][8:]
    assert again["total"] == two["total"]


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
