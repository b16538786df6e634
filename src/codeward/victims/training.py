"""Train a victim on ``transformers.Trainer``: resumable to the same weights, silent, with early stopping as an option."""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import Trainer, TrainerCallback, TrainingArguments

from codeward.data import fingerprint
from codeward.errors import DataError, ModelError
from codeward.files import write_text
from codeward.seeds import derive
from codeward.tasks import Task
from codeward.types import QUERY, Sample
from codeward.victims.batching import Row, fast_bf16, pad
from codeward.victims.config import SCRATCH, TrainConfig
from codeward.victims.huggingface import FILE, HuggingFaceVictim, generation_tensors, pooled
from codeward.victims.loading import auto_class, check_folder, hush, load_parts, wrap
from codeward.victims.scratch import fit_tokenizer, new_config, new_model

Progress = Callable[[int, int, float], None]
TEMPERATURE = 0.05
POOL = 50
"""Batches that are sorted by length together."""
STATE = "trainer_state.json"
NEEDED = ("optimizer.pt", "scheduler.pt", "model.safetensors")


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A trained victim and its curves."""

    victim: HuggingFaceVictim
    history: dict[str, tuple[list[float], list[float]]]
    """Steps and values of ``loss`` and, with validation rows, ``validation loss``."""
    seconds: float
    steps: int


def train(
    task: Task,
    rows: Sequence[Sample],
    valid: Sequence[Sample],
    labels: Sequence[str],
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> TrainResult:
    """Train a victim and write it to a folder.

    Checkpoints stand in a hidden sibling of the folder until the end; stopped at any point (Ctrl-C, kill -9), the same
    call goes on from the last whole one and ends with the same weights as an unbroken run on the same machine.

    Args:
        task: What the model is for.
        rows: Training rows.
        valid: Validation rows; may be empty.
        labels: Class names by index.
        config: How to train.
        out: Folder for the model.
        resume: Go on from a checkpoint where there is one.
        overwrite: Replace a model that is already there.
        progress: Called with the step, the number of steps and the loss.

    Raises:
        DataError: If the folder exists, rows have no target, or a checkpoint is of other data or settings.
        ModelError: If the model cannot be loaded or does not suit the task.
    """
    _check(out, overwrite, rows, task)
    start = time.perf_counter()
    work = out.with_name(f".{out.name}.training")
    key = _key(rows, valid, labels, config)
    _claim(work, key, resume)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    transformers.set_seed(config.seed)
    hush()
    victim = _new_victim(task, rows, tuple(labels), config)
    trainer = _Trainer(
        model=victim.model,
        args=_arguments(config, work, bool(valid)),
        train_dataset=_encode(victim, rows),
        eval_dataset=_encode(victim, valid) if valid else None,
        data_collator=_Collator(victim),
        callbacks=[_Watch(progress), *_early_stop(config, bool(valid))],
    )
    trainer.kind = task.kind
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(work))
    victim.model.eval()
    victim.save(out)
    history = _history(trainer.state.log_history)
    steps = trainer.state.global_step
    shutil.rmtree(work, ignore_errors=True)
    return TrainResult(victim, history, time.perf_counter() - start, steps)


def _check(out: Path, overwrite: bool, rows: Sequence[Sample], task: Task) -> None:
    if out.exists() and any(out.iterdir()):
        if not overwrite:
            raise DataError(f"{out}: the folder exists; give another one, or allow to overwrite it")
        if not (out / FILE).is_file():
            raise DataError(f"{out}: the folder was not written by codeward, so it is not overwritten")
    unknown = next((row.id for row in rows if row.target is None and task.kind != "retrieval"), None)
    if unknown is not None:
        raise DataError(f"row {unknown!r} has no target; training needs one for every row")


def _key(rows: Sequence[Sample], valid: Sequence[Sample], labels: Sequence[str], config: TrainConfig) -> str:
    parts = [fingerprint(rows), fingerprint(valid), list(labels), config.model_dump_json()]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()


def _claim(work: Path, key: str, resume: bool) -> None:
    """Take the folder of checkpoints for this run."""
    mark = work / "run.txt"
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    if mark.is_file() and mark.read_text(encoding="utf-8").strip() != key:
        raise DataError(
            f"{work}: the checkpoints here are of other data or settings; give the same ones again, or start afresh "
            "with --fresh"
        )
    write_text(mark, key + "\n")


def _last_checkpoint(work: Path) -> str | None:
    """Return the last checkpoint that was written whole: its state is the last file of it."""
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]), reverse=True)
    for path in found:
        try:
            json.loads((path / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
            continue
        if all((path / name).is_file() for name in NEEDED):
            return str(path)
    return None


def _new_victim(task: Task, rows: Sequence[Sample], labels: tuple[str, ...], config: TrainConfig) -> HuggingFaceVictim:
    extra: dict[str, Any] = {}
    if task.kind in ("classification", "pair"):
        extra = {"id2label": dict(enumerate(labels)), "label2id": {name: index for index, name in enumerate(labels)}}
    if config.model in SCRATCH:
        tokenizer = fit_tokenizer(rows, config.vocabulary)
        network = new_model(_scratch_class(task, config.model), new_config(config, tokenizer, **extra), config.seed)
    else:
        check_folder(config.model, allow_pickle=False)
        options = {"use_safetensors": True, **extra}
        if extra:
            options["ignore_mismatched_sizes"] = True
        tokenizer, network = load_parts(config.model, auto_class(task, config.model), options)
    return wrap(network, tokenizer, task, labels, config.max_length, config.max_target_length)


def _scratch_class(task: Task, model: str) -> Any:
    if task.kind in ("classification", "pair"):
        return transformers.AutoModelForSequenceClassification
    if task.kind == "retrieval":
        return transformers.AutoModel
    if model == "scratch-encoder":
        raise ModelError("scratch-encoder writes no text; choose scratch-seq2seq or scratch-decoder")
    return transformers.AutoModelForSeq2SeqLM if model == "scratch-seq2seq" else transformers.AutoModelForCausalLM


def _arguments(config: TrainConfig, work: Path, has_valid: bool) -> TrainingArguments:
    stop_early = config.patience > 0 and has_valid
    return TrainingArguments(
        output_dir=str(work),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=2 * config.batch_size,
        gradient_accumulation_steps=config.accumulation,
        warmup_steps=config.warmup if config.warmup < 1 else 0,
        weight_decay=config.weight_decay,
        seed=config.seed,
        bf16=config.precision == "bf16" or (config.precision == "auto" and fast_bf16()),
        eval_strategy="epoch" if has_valid else "no",
        save_strategy="epoch" if stop_early else "steps",
        save_steps=config.checkpoint_steps,
        save_total_limit=2,
        load_best_model_at_end=stop_early,
        metric_for_best_model="eval_loss" if stop_early else None,
        logging_steps=20,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        prediction_loss_only=True,
    )


def _early_stop(config: TrainConfig, has_valid: bool) -> list[TrainerCallback]:
    return [transformers.EarlyStoppingCallback(config.patience)] if config.patience and has_valid else []


class _Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Encoded rows; each knows its length."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def _encode(victim: HuggingFaceVictim, samples: Sequence[Sample]) -> _Rows:
    rows: list[dict[str, Any]] = [dict(row) for row in victim.encoder.inputs(samples)]
    if victim.task.kind == "generation":
        for row, labels in zip(rows, victim.encoder.references([str(s.target) for s in samples]), strict=True):
            row["labels"] = labels
    elif victim.task.kind == "retrieval":
        for row, query, sample in zip(rows, victim.encoder.inputs(samples, QUERY), samples, strict=True):
            row |= {"query": query["input_ids"], "group": str(sample.target)}
    else:
        for row, sample in zip(rows, samples, strict=True):
            row["label"] = sample.target
    for row in rows:
        row["length"] = len(row["input_ids"])
    return _Rows(rows)


class _Collator:
    """Pads a batch to its own longest row."""

    def __init__(self, victim: HuggingFaceVictim) -> None:
        self.kind = victim.task.kind
        self.padding = victim.encoder.tokenizer.pad_token_id
        self.causal = victim.encoder.causal

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        if self.kind == "generation":
            kept: list[Row] = [{"input_ids": row["input_ids"], "labels": row["labels"]} for row in rows]
            return generation_tensors(kept, self.padding, self.causal)
        tensors = self._padded([row["input_ids"] for row in rows])
        if self.kind != "retrieval":
            return {**tensors, "labels": torch.tensor([row["label"] for row in rows])}
        query = self._padded([row["query"] for row in rows])
        groups = {group: index for index, group in enumerate(sorted({row["group"] for row in rows}))}
        labels = torch.tensor([groups[row["group"]] for row in rows])
        return {**tensors, **{f"query_{name}": tensor for name, tensor in query.items()}, "labels": labels}

    def _padded(self, ids: list[list[int]]) -> dict[str, torch.Tensor]:
        return {"input_ids": pad(ids, self.padding), "attention_mask": pad([[1] * len(row) for row in ids], 0)}


class _Sampler(torch.utils.data.Sampler[int]):
    """Shuffles by seed and epoch only, so that a resumed epoch has the same order; near rows are of near length."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int, epoch: Callable[[], int]) -> None:
        self.lengths = lengths
        self.batch = batch
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = derive(self.seed, "order", str(self.epoch()))
        order = list(range(len(self.lengths)))
        rng.shuffle(order)
        size = POOL * self.batch
        pools = [sorted(order[start : start + size], key=self._length) for start in range(0, len(order), size)]
        chunks = [pool[start : start + self.batch] for pool in pools for start in range(0, len(pool), self.batch)]
        last = [chunk for chunk in chunks if len(chunk) < self.batch]
        full = [chunk for chunk in chunks if len(chunk) == self.batch]
        rng.shuffle(full)
        return iter([index for chunk in full + last for index in chunk])

    def _length(self, index: int) -> int:
        return self.lengths[index]


class _Trainer(Trainer):
    """Trainer with the contrastive loss of a bi-encoder (in-batch negatives; Karpukhin et al., EMNLP 2020)."""

    kind = ""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        dataset: Any = self.train_dataset
        lengths = [row["length"] for row in dataset.rows]
        batch = self.args.per_device_train_batch_size
        return _Sampler(lengths, batch, self.args.seed, lambda: int(self.state.epoch or 0))

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of a batch."""
        if self.kind != "retrieval":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        groups = inputs["labels"]
        query = {name.removeprefix("query_"): tensor for name, tensor in inputs.items() if name.startswith("query_")}
        left = torch.nn.functional.normalize(pooled(model, query), dim=-1)
        right = torch.nn.functional.normalize(pooled(model, inputs), dim=-1)
        scores = left @ right.T / TEMPERATURE
        same = (groups[:, None] == groups[None, :]) & ~torch.eye(len(groups), dtype=torch.bool, device=groups.device)
        loss = torch.nn.functional.cross_entropy(
            scores.float().masked_fill(same, float("-inf")), torch.arange(len(groups), device=groups.device)
        )
        return (loss, {"loss": loss}) if return_outputs else loss


class _Watch(TrainerCallback):
    """Tells how far the training is."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.loss = float("nan")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Keep the last loss."""
        self.loss = (logs or {}).get("loss", self.loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell the step."""
        if self.progress is not None:
            self.progress(state.global_step, state.max_steps, self.loss)


def _history(log: Sequence[dict[str, Any]]) -> dict[str, tuple[list[float], list[float]]]:
    curves = {}
    for key, name in (("loss", "loss"), ("eval_loss", "validation loss")):
        points = [(float(entry["step"]), float(entry[key])) for entry in log if key in entry]
        if points:
            curves[name] = ([x for x, _ in points], [y for _, y in points])
    return curves
