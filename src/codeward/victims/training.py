"""Train a victim on ``transformers.Trainer``: resumable to the same weights, silent, with early stopping as an option."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import transformers
from transformers import TrainerCallback, TrainingArguments

from codeward.errors import DivergedError, UnfitError
from codeward.tasks import Task
from codeward.types import Sample
from codeward.victims import processes
from codeward.victims.attention import fast_attention
from codeward.victims.batching import fast_bf16
from codeward.victims.checkpoints import claim, going_on, last_checkpoint, run_key
from codeward.victims.config import SCRATCH, TrainConfig
from codeward.victims.device import on_gpu
from codeward.victims.feeding import Collator, Rows, encode_rows
from codeward.victims.huggingface import FILE, HuggingFaceVictim
from codeward.victims.loading import auto_class, check_folder, load_parts, load_victim, wrap
from codeward.victims.lora import attach, merge
from codeward.victims.memory import keep_freed_memory
from codeward.victims.observing import Looks, Observer, Observing
from codeward.victims.quiet import quiet
from codeward.victims.refusing import check_fit, check_place, check_rows
from codeward.victims.shapes import Shape, new_config, new_model
from codeward.victims.sifting import FILE as SIFTING
from codeward.victims.sifting import Sifter, Sifting
from codeward.victims.suiting import CLASSIFYING, check_length
from codeward.victims.tokenizing import fit_tokenizer
from codeward.victims.trainer import Loss, Progress, Tidy, VictimTrainer, Watch, whole
from codeward.zoo import resolve

HEAD = 32
"""Width of an attention head of a model from scratch."""
LOGGING_STEPS = 20
"""Steps between two points of the training curve."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A trained victim and its curves."""

    victim: HuggingFaceVictim
    history: dict[str, tuple[list[float], list[float]]]
    """Steps and values of ``loss`` and, with validation rows, ``validation loss``."""
    seconds: float
    steps: int
    sifting: Sifting | None = None
    """What a defense that trains a scout first changed in the rows."""
    looks: Looks = field(default_factory=dict)
    """What an observer saw, by epoch."""


@quiet()
def train(
    task: Task,
    rows: Sequence[Sample],
    valid: Sequence[Sample],
    labels: Sequence[str],
    config: TrainConfig,
    out: Path,
    *,
    defense: Loss | None = None,
    observer: Observer | None = None,
    resume: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> TrainResult:
    """Train a victim and write it to a folder.

    Checkpoints stand in a hidden sibling of the folder until the end; stopped at any point (Ctrl-C, kill -9), the same
    call goes on from the last whole one and ends with the same weights as an unbroken run on the same machine. Under a
    launcher with several processes (torchrun, accelerate launch) each takes its part of every batch, and the first one writes.

    Args:
        task: What the model is for.
        rows: Training rows.
        valid: Validation rows; may be empty.
        labels: Class names by index.
        config: How to train.
        out: Folder for the model.
        defense: A loss instead of cross-entropy; the configuration has to name it, so that checkpoints know.
        observer: Looks at the model while it is trained; of a defense with a scout, at the model alone.
        resume: Go on from a checkpoint where there is one.
        overwrite: Replace a model that is already there.
        progress: Called with the step, the number of steps and the loss.

    Raises:
        DataError: If the folder exists, rows have no target (of a search: none has), a checkpoint is of other data or settings,
            or the disk is full.
        ModelError: If the model cannot be loaded or does not suit the task, or the training diverges.
    """
    check_fit(task, defense)
    check_place(out, overwrite)
    check_rows(rows, labels, task)
    check_rows(valid, labels, task)
    start = time.perf_counter()
    work = out.with_name(f".{out.name}.training")
    transformers.set_seed(config.seed)
    tidy = [Tidy()] if not on_gpu() and keep_freed_memory() else []
    victim = new_victim(task, rows, tuple(labels), config)
    if processes.is_first():
        claim(work, run_key(rows, valid, labels, config), resume)
    processes.wait()
    encoded, sifting = encode_rows(victim, rows), None
    if isinstance(defense, Sifter):
        sifting = _sift(defense, task, rows, labels, config, work, progress)
        encoded = Rows(sifting.apply(encoded.rows, config.max_length))
    observing = None if observer is None else Observing(observer, victim, work)
    network = attach(victim.model, task.kind, config.lora_rank, config.seed) if config.lora_rank else victim.model
    trainer = VictimTrainer(
        kind=task.kind,
        defense=defense,
        model=network,
        args=_arguments(config, work, bool(valid)),
        train_dataset=encoded,
        eval_dataset=encode_rows(victim, valid) if valid else None,
        data_collator=Collator(victim),
        callbacks=[Watch(progress), *tidy, *_early_stop(config, bool(valid)), *([observing] if observing else [])],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    try:
        with going_on(work, resume=resume), fast_attention(victim.model, _longest(task, config)):
            trainer.train(resume_from_checkpoint=last_checkpoint(work))
        victim.model = whole(merge(trainer.model).eval(), config.learning_rate)
    except DivergedError:
        shutil.rmtree(work, ignore_errors=True)
        raise
    if processes.is_first():
        with going_on(work, out, resume=resume):
            victim.save(out)
    processes.wait()
    history = _history(trainer.state.log_history)
    steps = trainer.state.global_step
    if processes.is_first():
        shutil.rmtree(work, ignore_errors=True)
    looks = observing.looks if observing else {}
    return TrainResult(victim, history, time.perf_counter() - start, steps, sifting, looks)


def _longest(task: Task, config: TrainConfig) -> int:
    """Return how many tokens the attention of one row can span; a decoder reads input and reference in one."""
    return config.max_length + (config.max_target_length if task.kind == "generation" else 0)


def _sift(
    defense: Sifter,
    task: Task,
    rows: Sequence[Sample],
    labels: Sequence[str],
    config: TrainConfig,
    work: Path,
    progress: Progress | None,
) -> Sifting:
    """Train the scout and ask the defense about its rows, or read what was found before the training was stopped.

    Of several processes all train the scout, and the first one asks and writes; the others read what it wrote.
    """
    file, folder = work / SIFTING, work / "scout"
    asked, trained = file.is_file(), (folder / FILE).is_file()
    processes.wait()  # all have looked before one of them writes
    if not asked and not trained:
        plain = config.model_copy(update={"loss": "ce", "loss_options": {}, "patience": 0})
        train(task, rows, (), labels, plain, folder, progress=progress)
    if not asked and processes.is_first():
        scout: Any = load_victim(str(folder), False, False, None, ())
        targets = [int(row.target) for row in rows if row.target is not None]
        defense.sift(scout, scout.encoder.inputs(rows), targets, config.seed).save(file)
        shutil.rmtree(folder)
    processes.wait()
    return Sifting.load(file)


def new_victim(task: Task, rows: Sequence[Sample], labels: tuple[str, ...], config: TrainConfig) -> HuggingFaceVictim:
    """Return a model that is still to be trained: a pretrained one with a new head for the labels, or one from scratch.

    Raises:
        ModelError: If it cannot be loaded, or does not suit the task.
    """
    extra: dict[str, Any] = {}
    if task.kind in CLASSIFYING:
        extra = {
            "id2label": dict(enumerate(labels)),
            "label2id": {name: index for index, name in enumerate(labels)},
            "problem_type": "single_label_classification",
        }
    if config.model in SCRATCH:
        tokenizer = fit_tokenizer(rows, config.vocabulary)
        family: Any = config.model.removeprefix("scratch-")
        settings = new_config(family, _shape(config), tokenizer, **extra)
        network = new_model(_scratch_class(task, config.model), settings, config.seed)
    else:
        model = resolve(config.model)
        check_folder(model, allow_pickle=False)
        options = {"use_safetensors": True, **extra}
        if extra:
            options["ignore_mismatched_sizes"] = True
        tokenizer, network = load_parts(model, auto_class(task, model), options, fresh=True)
        check_length(
            network.config,
            config.max_length,
            config.max_target_length,
            causal=not network.config.is_encoder_decoder and task.kind == "generation",
        )
    lengths = config.max_length, config.max_target_length
    return wrap(network, tokenizer, task, labels, *lengths, where=f"{config.model}: ")


def _shape(config: TrainConfig) -> Shape:
    both = config.model == "scratch-decoder"
    return Shape(
        hidden=config.hidden,
        layers=config.layers,
        positions=config.max_length + (config.max_target_length if both else 0),
        head=HEAD,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
    )


def _scratch_class(task: Task, model: str) -> Any:
    if task.kind in CLASSIFYING:
        return transformers.AutoModelForSequenceClassification
    if task.kind == "retrieval":
        return transformers.AutoModel
    if model == "scratch-encoder":
        raise UnfitError("scratch-encoder writes no text; choose scratch-seq2seq or scratch-decoder")
    return transformers.AutoModelForSeq2SeqLM if model == "scratch-seq2seq" else transformers.AutoModelForCausalLM


def _arguments(config: TrainConfig, work: Path, has_valid: bool) -> TrainingArguments:
    stop_early = config.patience > 0 and has_valid
    arguments = TrainingArguments(
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
        logging_steps=LOGGING_STEPS,
        report_to=[] if config.reporter == "none" else [config.reporter],
        run_name=work.name,
        label_names=["labels"],  # a bi-encoder's own forward has none, and without them there is no validation loss
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not on_gpu(),
        dataloader_pin_memory=on_gpu(),
        prediction_loss_only=True,
    )
    if arguments.n_gpu > 1:
        # One process takes one GPU, so that a batch is what its size says; for several there is torchrun.
        arguments._n_gpu = 1
    return arguments


def _early_stop(config: TrainConfig, has_valid: bool) -> list[TrainerCallback]:
    return [transformers.EarlyStoppingCallback(config.patience)] if config.patience and has_valid else []


def _history(log: Sequence[dict[str, Any]]) -> dict[str, tuple[list[float], list[float]]]:
    curves = {}
    for key, name in (("loss", "loss"), ("eval_loss", "validation loss")):
        points = [(float(entry["step"]), float(entry[key])) for entry in log if key in entry]
        if points:
            curves[name] = ([x for x, _ in points], [y for _, y in points])
    return curves
