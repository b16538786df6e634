"""How many steps a pretraining run takes, and how each is taken."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import transformers
from transformers import TrainingArguments

from codeward.errors import DataError
from codeward.files import write_text
from codeward.victims.batching import fast_bf16
from codeward.victims.checkpoints import last_checkpoint
from codeward.victims.device import on_gpu
from codeward.victims.trainer import Watch
from codeward.zoo.batches import Blocks, Collate, Vocabulary
from codeward.zoo.packing import CorpusCard
from codeward.zoo.request import PLAN, PretrainConfig
from codeward.zoo.trainer import PretrainTrainer

TRIAL = 6
"""Steps by which the speed is taken, after two that warm up."""
OVERHEAD = 0.93
"""Share of the time that goes into steps; the rest into checkpoints and judging."""


def planned(work: Path, config: PretrainConfig, card: CorpusCard, afford: Callable[[], int]) -> int:
    """Return the number of steps: what was planned before, what is asked for, or what the time allows.

    Args:
        work: The folder of checkpoints, in which the plan is kept.
        config: How to train.
        card: That of the corpus.
        afford: Returns how many steps the time allows.

    Raises:
        DataError: If there are checkpoints of another corpus or other settings.
    """
    file = work / PLAN
    asked = {"config": config.model_dump_json(), "corpus": json.dumps(card.told())}
    if file.is_file() and last_checkpoint(work):
        plan = json.loads(file.read_text(encoding="utf-8"))
        if any(plan[key] != value for key, value in asked.items()):
            raise DataError(
                f"{work}: the checkpoints here are of another corpus or other settings; give the same, or --fresh"
            )
        return int(plan["steps"])
    steps = config.steps if not config.minutes else afford()
    write_text(file, json.dumps({**asked, "steps": steps}) + "\n")
    return steps


def affordable(config: PretrainConfig, seconds: Callable[[bool], float]) -> int:
    """Return how many steps the time allows.

    Args:
        config: How to train.
        seconds: Returns what a step takes, of short rows or of whole blocks.
    """
    spent = (1 - config.decay) * seconds(True) + config.decay * seconds(False)
    return max(10, int(OVERHEAD * 60 * config.minutes / spent))


def seconds_of_a_step(trial: Any, data: Blocks, arguments: TrainingArguments, words: Vocabulary) -> float:
    """Return what a step of a model that is thrown away takes; the first two do not count."""
    trainer = PretrainTrainer(model=trial, args=arguments, train_dataset=data, data_collator=Collate(words))
    times: list[float] = []
    trainer.add_callback(Watch(lambda *_: times.append(time.perf_counter())))
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    return (times[-1] - times[1]) / (len(times) - 2)


def arguments_of(
    config: PretrainConfig, work: Path, rows: int, total: int, *, is_trial: bool = False
) -> TrainingArguments:
    """Return how steps are taken.

    Args:
        config: How to train.
        work: The folder of checkpoints.
        rows: Rows a step.
        total: Number of steps.
        is_trial: Whether nothing is kept of them.
    """
    return TrainingArguments(
        output_dir=str(work),
        max_steps=total,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        warmup_steps=int(config.warmup * total),
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": int(config.decay * total), "decay_type": "linear"},
        per_device_train_batch_size=rows,
        seed=config.seed,
        bf16=fast_bf16(),
        save_strategy="no" if is_trial else "steps",
        save_steps=config.judge_every,
        save_total_limit=2,
        logging_steps=20,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not on_gpu(),
        dataloader_pin_memory=on_gpu(),
        dataloader_num_workers=4 if on_gpu() else 0,
        max_grad_norm=1.0,
    )
