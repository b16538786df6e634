"""Pretrain a model from a packed corpus: for so many minutes or steps, resumable, judged on the way, written as a card."""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import transformers
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from transformers import TrainingArguments

from codeward.errors import DataError, ModelError, UsageError
from codeward.files import check_writable, new_folder, telling_full_disk, write_text
from codeward.victims.batching import fast_bf16
from codeward.victims.checkpoints import last_checkpoint
from codeward.victims.device import device_name, on_gpu
from codeward.victims.quiet import quiet
from codeward.victims.trainer import Progress, Watch
from codeward.zoo import embedded, resolve
from codeward.zoo.adapt import adapt
from codeward.zoo.batches import Blocks, Collate, Vocabulary
from codeward.zoo.card import model_card
from codeward.zoo.judge import as_rows, judge
from codeward.zoo.leftovers import FILE, About, read_about, sweep
from codeward.zoo.packing import read_card
from codeward.zoo.shapes import SHAPES, ModelKind, new_network
from codeward.zoo.tokenizers import check_tokenizer
from codeward.zoo.trainer import Judge, PretrainTrainer

PLAN, CURVE, SECONDS = "plan.json", "curve.jsonl", "seconds.txt"
ADAPTED = 8
"""Blocks on which a decoder is looked at before an encoder-decoder starts from it."""
TRIAL = 6
"""Steps by which the speed is taken, after two that warm up."""
OVERHEAD = 0.93
"""Share of the time that goes into steps; the rest into checkpoints and judging."""


class PretrainConfig(BaseModel):
    """How a model is pretrained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: ModelKind
    shape: Literal["mini", "base"] = "mini"
    start: str = ""
    """A decoder of the same shape and tokenizer from which an encoder-decoder starts: a folder or ``mini-decoder``; empty: from
    random weights."""
    minutes: float = Field(default=0, ge=0, allow_inf_nan=False)
    """How long to train; the number of steps is set by the speed of the first ones."""
    steps: int = Field(default=0, ge=0)
    """How many steps to take, in place of minutes."""
    batch_tokens: int = Field(default=4096, ge=256)
    """Tokens a step."""
    learning_rate: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    """Share of all steps in which the learning rate rises."""
    decay: float = Field(default=0.2, ge=0, le=1)
    """Share of all steps, the last ones, in which it falls to zero."""
    short_length: int = Field(default=128, ge=0)
    """Tokens of a row until the learning rate falls, and whole blocks after; 0: whole blocks always."""
    optimizer: Literal["muon", "adamw"] = "muon"
    seed: int = 0
    judge_every: int = Field(default=250, ge=1)
    """Steps between two measurements, which are also checkpoints."""


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """What a run left behind."""

    curve: list[dict[str, Any]]
    """Accuracy and perplexity by tokens seen and language."""
    tokens: int
    seconds: float
    parameters: int
    unmeasured: list[str]
    """Languages that were trained on, and of which the corpus holds no block by which to judge."""


def check_request(config: PretrainConfig, out: Path) -> None:
    """Refuse, before any work, a run that cannot begin or whose model cannot be written.

    Raises:
        UsageError: If not one of minutes and steps is given, or the start does not suit.
        DataError: If the folder is a file, is not empty, or lies where nobody may write.
    """
    if not config.minutes and not config.steps:
        raise UsageError("nothing says how long to pretrain; give minutes or steps (--minutes or --steps)")
    if config.minutes and config.steps:
        raise UsageError("minutes and steps both say how long to pretrain; give one of them")
    if config.start:
        _start_of(config)
    if out.name in ("", ".."):
        raise UsageError(f"{out}: the model needs a folder with a name of its own; give one")
    if out.is_file():
        raise DataError(f"{out}: this is a file; give a folder that is new or empty")
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{out}: the folder is not empty; give another one")
    check_writable(_work(out) / PLAN)


def finished(
    config: PretrainConfig,
    out: Path,
    corpus: Path,
    *,
    request: Callable[[], str] | None = None,
    left: Sequence[Path] = (),
) -> PretrainResult | None:
    """Return what this very run has reached, if it was killed after its model stood, and remove what it left beside it.

    Args:
        config: How to train.
        out: The folder.
        corpus: The packed corpus, which has to be the model's.
        request: Gives what was asked of the packed corpus, which is then compared in place of the corpus: that may be gone.
        left: What the run would have removed at its end beside its work folder.

    Returns:
        ``None`` where the model is of another run, or nothing was left.
    """
    about = None if out.name in ("", "..") else read_about(out)
    standing = [each for each in (_work(out), *left) if each.is_dir()] if about else []
    if about is None or not standing or not _is_of(about, config, corpus, request):
        return None
    for each in standing:
        shutil.rmtree(each, ignore_errors=True)
    return PretrainResult(about.curve, about.tokens_seen, about.seconds, about.parameters, about.corpus.unmeasured)


def _is_of(about: About, config: PretrainConfig, corpus: Path, request: Callable[[], str] | None) -> bool:
    """Whether a model is of these settings and this corpus."""
    if about.config != config.model_dump():
        return False
    if request is not None:
        return about.corpus.request == request()
    with suppress(DataError):
        return about.corpus == read_card(corpus)
    return False


@quiet()
def pretrain(
    corpus: Path, config: PretrainConfig, out: Path, *, resume: bool = True, progress: Progress | None = None
) -> PretrainResult:
    """Pretrain a model and write it to a folder, in half precision, with a card.

    Where the very same run was killed after its model stood, its result is returned. Folders that were in the making when a run
    was killed are removed after an hour.

    Args:
        corpus: A folder that ``packing.write_corpus`` wrote.
        config: How to train.
        out: The folder.
        resume: Go on from the last checkpoint where there is one.
        progress: Called with the step, the number of steps and the loss.

    Raises:
        UsageError: If not one of minutes and steps is given, or the start does not suit.
        DataError: If the corpus or the folder does not suit.
        ModelError: If the start cannot be loaded, or the corpus's tokenizer does not suit the family.
    """
    sweep(out, corpus)
    if (done := finished(config, out, corpus)) is not None:
        return done
    check_request(config, out)
    start = time.perf_counter()
    run = _Run(corpus, config, out, resume)
    with telling_full_disk(run.work):
        seconds = run.train(progress)
    run.write(seconds)
    curve = run.curve
    shutil.rmtree(run.work, ignore_errors=True)
    sweep(out, corpus)  # what was too young at the start
    return PretrainResult(curve, run.seen(run.steps), time.perf_counter() - start, run.parameters, run.card.unmeasured)


class _Run:
    """A run in progress."""

    def __init__(self, corpus: Path, config: PretrainConfig, out: Path, resume: bool) -> None:
        self.corpus, self.config, self.out = corpus, config, out
        self.work = _work(out)
        if not resume:
            shutil.rmtree(self.work, ignore_errors=True)
        self.card = read_card(corpus)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(corpus / "tokenizer")
        check_tokenizer(self.tokenizer, config.kind, corpus / "tokenizer")
        self.words = Vocabulary.of(self.tokenizer)
        self.ids = np.load(corpus / "train.npy", mmap_mode="r")
        names = config.kind == "seq2seq"
        self.names = np.load(corpus / "train-names.npy", mmap_mode="r") if names else None
        self.valid = {path.stem.removeprefix("valid-"): np.load(path) for path in sorted(corpus.glob("valid-*.npy"))}
        transformers.set_seed(config.seed)
        self.model = new_network(config.kind, SHAPES[config.shape], self.tokenizer, config.seed)
        if config.start:
            self._adapt()
        if not on_gpu():
            self.model.set_attn_implementation("eager")
        self.parameters = sum(weight.numel() for weight in self.model.parameters())
        self.rows = max(1, config.batch_tokens // self.card.length)
        self.steps = 0
        self.start = time.perf_counter()

    @property
    def curve(self) -> list[dict[str, Any]]:
        """The measurements so far."""
        file = self.work / CURVE
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []

    def seen(self, step: int) -> int:
        """How many tokens a number of steps reads."""
        return step * self.rows * self.card.length

    def train(self, progress: Progress | None) -> float:
        """Take all steps that are left and return the seconds of the whole run."""
        config = self.config
        self.steps = self._plan()
        data = self._blocks(self.steps, self.steps - int(config.decay * self.steps))
        trainer = PretrainTrainer(
            model=self.model,
            args=self._arguments(),
            train_dataset=data,
            data_collator=Collate(self.words),
            callbacks=[Judge(progress, self._measure, config.judge_every)],
        )
        trainer.muon = config.optimizer == "muon"
        trainer.remove_callback(transformers.PrinterCallback)
        self.start = time.perf_counter() - self._before()
        trainer.train(resume_from_checkpoint=last_checkpoint(self.work))
        return time.perf_counter() - self.start

    def write(self, seconds: float) -> None:
        """Write the model, its tokenizer, its card and its figures."""
        about = {
            "schema_version": 1,
            "config": self.config.model_dump(),
            "corpus": self.card.told(),
            "parameters": self.parameters,
            "steps": self.steps,
            "tokens_seen": self.seen(self.steps),
            "seconds": round(seconds, 1),
            "device": device_name(),
            "curve": self.curve,
        }
        with new_folder(self.out) as folder:
            self.model.eval().half().save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
            (folder / FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            (folder / "README.md").write_text(model_card(self.out.name, about), encoding="utf-8")

    def _adapt(self) -> None:
        start = _start_of(self.config)
        try:
            decoder = transformers.AutoModelForCausalLM.from_pretrained(start)
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError):
            raise ModelError(
                f"start = {self.config.start!r}: no causal model can be loaded from {start}; give another decoder"
            ) from None
        rows = np.asarray(self.ids[:ADAPTED], dtype=np.int64)
        adapt(self.model, decoder, rows, list(self.words.sentinels), self.config.seed)

    def _plan(self) -> int:
        """Return the number of steps: what was planned before, what is asked for, or what the time allows."""
        file = self.work / PLAN
        asked = {"config": self.config.model_dump_json(), "corpus": json.dumps(self.card.told())}
        if file.is_file() and last_checkpoint(self.work):
            plan = json.loads(file.read_text(encoding="utf-8"))
            if any(plan[key] != value for key, value in asked.items()):
                raise DataError(
                    f"{self.work}: the checkpoints here are of another corpus or other settings; give the same, or --fresh"
                )
            return int(plan["steps"])
        steps = self.config.steps if not self.config.minutes else self._affordable()
        write_text(file, json.dumps({**asked, "steps": steps}) + "\n")
        return steps

    def _before(self) -> float:
        """Return the seconds that earlier runs took up to the last checkpoint."""
        file = self.work / SECONDS
        return float(file.read_text(encoding="utf-8")) if last_checkpoint(self.work) and file.is_file() else 0.0

    def _blocks(self, steps: int, short: int) -> Blocks:
        config = self.config
        return Blocks(
            config.kind, self.ids, self.names, self.words, steps * self.rows, config.seed,
            short=config.short_length, cut=short * self.rows,
        )  # fmt: skip

    def _affordable(self) -> int:
        """Return how many steps the time allows."""
        config = self.config
        spent = (1 - config.decay) * self._seconds(short=True) + config.decay * self._seconds(short=False)
        return max(10, int(OVERHEAD * 60 * config.minutes / spent))

    def _seconds(self, *, short: bool) -> float:
        """Return what a step of a model that is thrown away takes."""
        config = self.config
        trial = new_network(config.kind, SHAPES[config.shape], self.tokenizer, config.seed)
        data = self._blocks(TRIAL + 2, TRIAL + 2 if short else 0)
        arguments = self._arguments(steps=TRIAL + 2)
        trainer = PretrainTrainer(model=trial, args=arguments, train_dataset=data, data_collator=Collate(self.words))
        times: list[float] = []
        trainer.add_callback(Watch(lambda *_: times.append(time.perf_counter())))
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        return (times[-1] - times[1]) / (len(times) - 2)

    def _arguments(self, steps: int | None = None) -> TrainingArguments:
        config = self.config
        total = steps or self.steps
        return TrainingArguments(
            output_dir=str(self.work),
            max_steps=total,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            warmup_steps=int(config.warmup * total),
            lr_scheduler_type="warmup_stable_decay",
            lr_scheduler_kwargs={"num_decay_steps": int(config.decay * total), "decay_type": "linear"},
            per_device_train_batch_size=self.rows,
            seed=config.seed,
            bf16=fast_bf16(),
            save_strategy="no" if steps else "steps",
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

    def _measure(self, step: int) -> None:
        """Judge the model and add the figures to the curve; those of a later step, from before a crash, are dropped."""
        found = judge(self.model, self.config.kind, self.words, self.valid)
        kept = [row for row in self.curve if row["step"] < step]
        lines = [json.dumps(row) for row in [*kept, *as_rows(found, step, self.seen(step))]]
        write_text(self.work / CURVE, "".join(f"{line}\n" for line in lines))
        write_text(self.work / SECONDS, f"{time.perf_counter() - self.start:.1f}\n")


def figures(curve: list[dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
    """Return the last measurement of each language."""
    return {row["language"]: row for row in curve}


def _work(out: Path) -> Path:
    """Return where checkpoints and measurements of a run stand."""
    return out.with_name(f".{out.name}.pretraining")


def _start_of(config: PretrainConfig) -> str:
    """Return folder or hub name of the decoder that a run starts from; only a name with a slash may be the hub's."""
    if config.kind != "seq2seq":
        raise UsageError("only an encoder-decoder starts from a decoder; leave out start")
    start = resolve(config.start)
    if not Path(start).is_dir() and "/" not in start:
        raise UsageError(
            f"start = {start!r}: this is neither a folder nor a built-in model; give one of {', '.join(embedded())}, or a folder"
        )
    return start
