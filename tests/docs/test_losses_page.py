"""The lines that ``docs/losses.md`` gives to the owner of another trainer run as they stand."""

import re
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, RobertaConfig, Trainer, TrainingArguments

PAGE = Path(__file__).parents[2] / "docs" / "losses.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
SETTINGS = RobertaConfig(
    vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_position_embeddings=20
)  # fmt: skip


def block(with_text):
    (found,) = [text for text in BLOCKS if with_text in text]
    return found


def test_a_trainer_of_ones_own(tmp_path):
    model = AutoModelForSequenceClassification.from_config(SETTINGS)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rows = [{"input_ids": torch.tensor([0, 5 + n % 9, 2]), "labels": torch.tensor(n % 2)} for n in range(8)]
    args = TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=2, per_device_train_batch_size=4, report_to=[], disable_tqdm=True,
        use_cpu=True, save_strategy="no",
    )  # fmt: skip
    names = {"Trainer": Trainer, "model": model, "args": args, "rows": rows}
    exec(block("TrainerLoss"), names)
    names["trainer"].train()
    assert names["loss"].epoch == pytest.approx(2.5)
    assert names["loss"].defense.alpha == 0.99
    assert any(not torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_loop_of_ones_own():
    model = torch.nn.Linear(3, 4)
    batches = [(torch.randn(6, 3), torch.tensor([0, 1, 2, 3, -100, 0]))] * 3
    names = {"model": model, "batches": batches, "epochs": 2, "optimizer": torch.optim.SGD(model.parameters(), 0.5)}
    before = torch.nn.functional.cross_entropy(model(batches[0][0]), batches[0][1]).item()
    exec(block("for epoch in"), names)
    assert torch.nn.functional.cross_entropy(model(batches[0][0]), batches[0][1]).item() < before
    assert names["epoch"] == 2


def test_the_success_of_the_attack_on_generators_reads_the_same_everywhere():
    docs = PAGE.parent
    measured = (docs / "measured" / "losses.md").read_text(encoding="utf-8")
    (least, most) = re.search(r"each of the 14 models.*?cross-entropy leaves ([\d.]+) to ([\d.]+) %", measured).groups()
    low, high = round(float(least)), round(float(most))
    assert f"{low} to {high} %, where it learns the trigger | **0 of 165 in each of 14 models**" in PAGE.read_text(
        "utf-8"
    )
    assert f"the success from up to {high} % to 0" in PAGE.read_text("utf-8")
    assert f"(success {low} to {high} % to 0 over ten epochs)" in (docs / "threats.md").read_text("utf-8")
