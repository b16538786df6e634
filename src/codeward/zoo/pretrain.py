"""Pretrain a model from a packed corpus: for so many minutes or steps, resumable, judged on the way, written as a card."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from safetensors import SafetensorError

from codeward.errors import ModelError
from codeward.files import telling_full_disk, write_text
from codeward.victims.checkpoints import last_checkpoint
from codeward.victims.device import device_name, on_gpu
from codeward.victims.quiet import quiet
from codeward.victims.trainer import Progress
from codeward.zoo.adapt import adapt
from codeward.zoo.batches import Blocks, Collate, Vocabulary
from codeward.zoo.card import model_card
from codeward.zoo.judge import as_rows, judge
from codeward.zoo.leftovers import FILE, finished, sweep
from codeward.zoo.making import making
from codeward.zoo.packing import read_card
from codeward.zoo.planning import TRIAL, affordable, arguments_of, planned, seconds_of_a_step
from codeward.zoo.request import PretrainConfig, PretrainResult, check_request, start_of, work_of
from codeward.zoo.shapes import SHAPES, new_network
from codeward.zoo.tokenizers import check_tokenizer
from codeward.zoo.trainer import Judge, PretrainTrainer

__all__ = ["PretrainConfig", "PretrainResult", "check_request", "figures", "finished", "pretrain"]

CURVE, SECONDS = "curve.jsonl", "seconds.txt"
ADAPTED = 8
"""Blocks on which a decoder is looked at before an encoder-decoder starts from it."""


@quiet()
def pretrain(
    corpus: Path, config: PretrainConfig, out: Path, *, resume: bool = True, progress: Progress | None = None
) -> PretrainResult:
    """Pretrain a model and write it to a folder, in half precision, with a card.

    Where the very same run was killed after its model stood, its result is returned.

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
        self.work = work_of(out)
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
        self.steps = planned(self.work, config, self.card, lambda: affordable(config, self._seconds))
        data = self._blocks(self.steps, self.steps - int(config.decay * self.steps))
        trainer = PretrainTrainer(
            model=self.model,
            args=arguments_of(config, self.work, self.rows, self.steps),
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
        with making(self.out) as folder:
            self.model.eval().half().save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
            (folder / FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            (folder / "README.md").write_text(model_card(self.out.name, about), encoding="utf-8")

    def _adapt(self) -> None:
        start = start_of(self.config)
        try:
            decoder = transformers.AutoModelForCausalLM.from_pretrained(start)
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError):
            raise ModelError(
                f"start = {self.config.start!r}: no causal model can be loaded from {start}; give another decoder"
            ) from None
        rows = np.asarray(self.ids[:ADAPTED], dtype=np.int64)
        adapt(self.model, decoder, rows, list(self.words.sentinels), self.config.seed)

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

    def _seconds(self, is_short: bool) -> float:
        """Return what a step of a model that is thrown away takes."""
        config, steps = self.config, TRIAL + 2
        trial = new_network(config.kind, SHAPES[config.shape], self.tokenizer, config.seed)
        data = self._blocks(steps, steps if is_short else 0)
        arguments = arguments_of(config, self.work, self.rows, steps, is_trial=True)
        return seconds_of_a_step(trial, data, arguments, self.words)

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
