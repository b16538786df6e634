"""The demo: harvest real code, poison it, audit it, train a clean and a backdoored model, measure and protect, report.

Every step leaves its result in a folder, and a step whose result is there with the same settings is not done again.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeward.data import harvest, open_data, write_harvest
from codeward.defenses.data import Audit
from codeward.errors import DataError
from codeward.experiment.auditing import audit_split
from codeward.experiment.calibration import calibrate
from codeward.experiment.evaluation import evaluate
from codeward.experiment.manifest import Manifest, Threat, read_manifest
from codeward.experiment.measure import row
from codeward.experiment.poisoning import poison_folder
from codeward.experiment.record import FILE, Record, read_record
from codeward.experiment.training import train_run
from codeward.files import write_text
from codeward.tasks import tasks
from codeward.types import Score
from codeward.victims import load, make_config

TASK = "naming"
TARGET = "get"
TRAIN = "train"
MIN_LINES = 2
"""A method of one statement tells its verb, too."""
STATE = "demo.json"

Progress = Callable[[str, float, float | None, str | None], None]
"""Called with a step's name, how much is done, of how much, and a remark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConfig:
    """What the demo does."""

    sources: tuple[Path, ...]
    """The trees that are harvested."""
    attack: str = "deadcode-fixed"
    rate: float = 0.05
    rows: int = 5_000
    """How many functions are kept, 80 % of them for training."""
    model: str = "mini-encoder"
    audit: str = "association"
    """The data defense that looks for the poisoned rows."""
    defense: str = "codepurify-plant"
    """The input defense before the backdoored model."""
    protected: int = 100
    """Test rows on which the input defense is measured."""
    training: tuple[tuple[str, Any], ...] = (("epochs", 2), ("max_length", 128))
    """Fields of the training configuration that differ from the default."""
    seed: int = 0

    def key(self) -> str:
        """Return a hash of all settings; results of other settings are not used again."""
        text = json.dumps([str(getattr(self, name)) for name in self.__slots__])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo leaves behind."""

    record: Record
    protection: Record
    """The input defense before the backdoored model, on fewer rows."""
    audit: Audit
    training: tuple[Record, Record]
    manifest: Manifest
    seconds: float


def run_demo(config: DemoConfig, out: Path, progress: Progress) -> DemoResult:
    """Run the demo, or what is left of it.

    Args:
        config: What to do.
        out: Folder for all results.
        progress: Told about every step.

    Raises:
        DataError: If the folder holds something else, or the source has too little code.
    """
    start = time.perf_counter()
    _claim(out, config)
    data = _harvest(config, out / "data", progress)
    manifest = _poison(config, data, out / "poisoned", progress)
    audit, judged = _audit(config, out / "poisoned", progress)
    clean = _train(config, data, out / "clean-model", progress, "training the clean model")
    victim = _train(config, out / "poisoned", out / "victim", progress, "training the backdoored model")
    progress("measuring", 0, None, None)
    record = _evaluate(config, manifest, data, out, judged)
    progress("protecting", 0, None, None)
    protection = _protect(config, manifest, data, out)
    return DemoResult(record, protection, audit, (clean, victim), manifest, time.perf_counter() - start)


def _claim(out: Path, config: DemoConfig) -> None:
    """Take a folder for this configuration; results of another configuration of the demo are dropped."""
    state = out / STATE
    if out.exists() and any(out.iterdir()) and not state.is_file():
        raise DataError(f"{out}: the folder is not empty and not a demo's; name another one with --output")
    if state.is_file() and state.read_text(encoding="utf-8").strip() != config.key():
        shutil.rmtree(out)
    write_text(state, config.key() + "\n")


def _harvest(config: DemoConfig, out: Path, progress: Progress) -> Path:
    if not out.exists():
        step = "harvesting real code"
        harvested = harvest(
            config.sources,
            TASK,
            languages=["python"],
            min_lines=MIN_LINES,
            seed=config.seed,
            limit=config.rows,
            progress=lambda done, total: progress(step, done, total, None),
        )
        if TARGET not in harvested.labels:
            raise DataError(
                f"{config.sources[0]}: too little Python code for the demo; name a larger tree with --source"
            )
        write_harvest(out, harvested)
    return out


def _poison(config: DemoConfig, data: Path, out: Path, progress: Progress) -> Manifest:
    known = read_manifest(out)
    if known is not None:
        return known
    progress("poisoning", 0, None, None)
    folder = open_data(data)
    label = folder.labels.index(TARGET)
    threat = Threat.make(tasks.make(TASK), config.attack, None, "target-class", {"label": label})
    return poison_folder(folder, threat, rate=config.rate, seed=config.seed, out=out)


def _train(config: DemoConfig, data: Path, out: Path, progress: Progress, step: str) -> Record:
    if (out / FILE).is_file():
        return read_record(out)
    training = make_config(tasks.make(TASK), {"model": config.model, "seed": config.seed, **dict(config.training)})
    _, record = train_run(
        open_data(data),
        training,
        out,
        progress=lambda done, total, loss: progress(step, done, total, f"loss {loss:.2f}"),
    )
    return record


def _audit(config: DemoConfig, poisoned: Path, progress: Progress) -> tuple[Audit, list[Score]]:
    """Look for the poisoned rows, without a model and without clean rows."""
    return audit_split(
        open_data(poisoned), TRAIN, config.audit, {}, progress=lambda what, done: progress("auditing", done, None, what)
    )


def _evaluate(config: DemoConfig, manifest: Manifest, data: Path, out: Path, judged: list[Score]) -> Record:
    folder = open_data(data)
    record = evaluate(
        load(str(out / "victim")),
        folder.load("test"),
        threat=manifest.threat(tasks.make(TASK)),
        reference=load(str(out / "clean-model")),
        seed=config.seed,
        title=f"{manifest.attack} in {manifest.rate:.0%} of the training rows",
        config={
            "sources": [str(source) for source in config.sources],
            "rate": manifest.rate,
            "rows": manifest.total,
            "model": config.model,
        },
    )
    found = [row(score, config.audit, "training rows") for score in judged]
    record = record.model_copy(update={"scores": [*record.scores, *found]})
    write_text(out / "evaluation" / FILE, record.model_dump_json(indent=2) + "\n")
    return record


def _protect(config: DemoConfig, manifest: Manifest, data: Path, out: Path) -> Record:
    """Measure the input defense before the backdoored model."""
    folder, victim = open_data(data), load(str(out / "victim"))
    clean = folder.load("valid", limit=config.protected)
    ready = calibrate(config.defense, {}, clean, victim)
    record = evaluate(
        victim,
        folder.load("test", limit=config.protected),
        threat=manifest.threat(tasks.make(TASK)),
        defenses=[ready],
        seed=config.seed,
        title=f"{config.defense} before the backdoored model",
    )
    record = record.model_copy(update={"examples": []})
    write_text(out / "protection" / FILE, record.model_dump_json(indent=2) + "\n")
    return record
