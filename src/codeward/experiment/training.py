"""Train a victim on a data set on disk, and write the model, its training curve and a record."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from codeward.data import DataFolder, fingerprint
from codeward.defenses.training import training_defenses
from codeward.errors import DataError
from codeward.experiment.environment import environment
from codeward.experiment.learning import as_learning, poison_watch
from codeward.experiment.manifest import read_manifest
from codeward.experiment.record import FILE, Record, Series
from codeward.experiment.splits import training_split
from codeward.files import write_text
from codeward.tasks import tasks
from codeward.victims import TrainConfig, Victim
from codeward.victims.processes import is_first

if TYPE_CHECKING:
    from codeward.victims.sifting import Sifting

Progress = Callable[[int, int, float], None]
VALID = "valid"
PLAIN = "ce"


def train_run(
    data: DataFolder,
    config: TrainConfig,
    out: Path,
    *,
    watch_poison: int = 0,
    resume: bool = True,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Victim, Record]:
    """Train on the ``train`` split, watch the ``valid`` split where there is one, and write everything to a folder.

    Args:
        data: The data set, clean or poisoned.
        config: How to train.
        out: Folder for the model (a standard Hugging Face folder) and ``record.json``.
        watch_poison: How often in an epoch the model is looked at as the attacker sees it (see ``learning``); 0: never.
        resume: Go on from the last checkpoint in ``out`` where there is one.
        overwrite: Replace a model that is already there.
        progress: Called with the step, the number of steps and the loss.

    Raises:
        DataError: If there are no training rows, or they have no targets; if poison is to be watched and there is none.
    """
    from codeward.victims.observing import Observer
    from codeward.victims.training import train

    rows = data.load(training_split(data))
    if not rows:
        raise DataError(f"{data.path}: there are no training rows")
    valid = data.load(VALID) if VALID in data.splits else []
    task = tasks.make(data.task)
    defense = training_defenses.make(config.loss, config.loss_options)
    rate = config.learning_rate * defense.rate_factor
    watch = poison_watch(data, rows, task, config.seed) if watch_poison else None
    result = train(
        task,
        rows,
        valid,
        data.labels,
        config.model_copy(update={"learning_rate": rate}),
        out,
        defense=None if config.loss == PLAIN else defense,
        observer=None if watch is None else Observer(watch, watch_poison),
        resume=resume,
        overwrite=overwrite,
        progress=progress,
    )
    manifest = read_manifest(data.path)
    record = Record(
        verb="train",
        title=out.name,
        task=data.task,
        kind=task.kind,
        config={
            "data": str(data.path),
            "train": config.model_dump(mode="json"),
            "poison": None if manifest is None else manifest.model_dump(mode="json"),
        },
        seed=config.seed,
        counts={"train": len(rows), "valid": len(valid), "steps": result.steps, **_changed(result.sifting)},
        fingerprints={"train": fingerprint(rows), "model": result.victim.fingerprint},
        environment=environment(),
        timings={"train": round(result.seconds, 3)},
        series=[Series(name=name, x_label="step", y_label=name, x=x, y=y) for name, (x, y) in result.history.items()],
        learning=None if watch is None else as_learning(result.looks, watch.counts(result.victim)),
    )
    if is_first():
        write_text(out / FILE, record.model_dump_json(indent=2) + "\n")
    return result.victim, record


def _changed(sifting: "Sifting | None") -> dict[str, int]:
    """Return how many rows a defense left out or put something into."""
    if sifting is None:
        return {}
    return {"left out": len(sifting.dropped), "spliced": len(sifting.spliced), "sifted": sifting.judged}
