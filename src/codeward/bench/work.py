"""What the steps do: each reads settings and the folders of other steps, and writes to a folder of its own."""

import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from codeward.bench.step import REFERENCE, Kind, Step
from codeward.bench.store import REFUSALS, Done, Store
from codeward.data import DataFolder, harvest, open_data, write_data, write_harvest
from codeward.errors import UnfitError
from codeward.experiment.splits import TEST, TRAIN, VALID, inputs_of, test_split, training_split, unlike
from codeward.files import write_text
from codeward.seeds import derive
from codeward.types import Sample
from codeward.victims.base import Victim

DATA, MODEL, RECORD, SCORES, INSPECTION = "data", "model", "record.json", "scores.json", "inspection.json"
Inputs = Mapping[str, Path]
Settings = Mapping[str, Any]


def do(store: Store, step: Step) -> Done:
    """Do one step; its inputs are in the store."""
    known = store.find(step.key)
    if known is not None:
        return known
    inputs = {role: store.place(key) for role, key in step.inputs.items()}

    def work(out: Path) -> tuple[float, str, str]:
        begun, problem = time.perf_counter(), ""
        try:
            WORK[step.kind](step.settings, inputs, out)
        except REFUSALS as refused:
            problem = str(refused)
        return time.perf_counter() - begun, problem, socket.gethostname()

    return store.keep(step, work)


def source(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Write the part of a data set that is used."""
    seed, rows = settings["seed"], settings["rows"]
    if settings["_path"] is None:
        _harvested(settings, out)
        return
    data = open_data(settings["_path"], layout=settings["layout"], task=settings["task"])
    splits: dict[str, list[Sample]] = {TRAIN: data.load(training_split(data))}
    others = [name for name in (VALID, TEST) if name in data.splits]
    splits |= {name: data.load(name) for name in others}
    if len(data.splits) == 1 or not others:
        splits = _cut(splits[TRAIN], rows, seed)
    elif VALID not in splits:
        drawn = derive(seed, "valid").sample(splits[TEST], len(splits[TEST]))
        count = min(rows[VALID], len(drawn) // 2)
        splits |= {VALID: drawn[:count], TEST: drawn[count:]}
    elif TEST not in splits:
        splits[TEST] = splits[VALID]
    drawn_splits = {name: _drawn(part, rows[name], seed, name) for name, part in splits.items()}
    write_data(out / DATA, task=data.task, language=data.language, labels=data.labels, splits=drawn_splits)


def _cut(rows: list[Sample], wanted: Mapping[str, int], seed: int) -> dict[str, list[Sample]]:
    """Cut rows without splits into three: a tenth each, at most as wanted, for validation and test."""
    drawn = derive(seed, "splits").sample(rows, len(rows))
    tenth = len(rows) // 10
    test, valid = min(wanted[TEST], tenth), min(wanted[VALID], tenth)
    return {TEST: drawn[:test], VALID: drawn[test : test + valid], TRAIN: drawn[test + valid :]}


def _drawn(rows: list[Sample], limit: int, seed: int, name: str) -> list[Sample]:
    kept = sorted(derive(seed, "part", name).sample(range(len(rows)), min(limit, len(rows))))
    return [rows[place] for place in kept]


def _harvested(settings: Settings, out: Path) -> None:
    total = sum(settings["rows"].values())
    found = harvest(
        [Path(tree) for tree in settings["_sources"]],
        settings["task"],
        languages=["python"],
        min_lines=2,
        seed=settings["seed"],
        limit=total * 5 // 4,
    )
    write_harvest(out / "harvest", found)
    whole = open_data(out / "harvest")
    splits = {name: whole.load(name, limit=settings["rows"][name]) for name in (TRAIN, VALID, TEST)}
    write_data(out / DATA, task=whole.task, language=whole.language, labels=whole.labels, splits=splits)


def unlabeled(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Write inputs that are none of the rows that are used otherwise."""
    used = open_data(inputs["data"] / DATA)
    data = open_data(settings["_path"], layout=settings["layout"], task=settings["task"])
    rows = unlike(data.load(training_split(data)), [sample for name in used.splits for sample in used.load(name)])
    if not rows:
        raise UnfitError(
            f"{data.path}: all rows for training are drawn, so that no inputs without labels are left; give a lower train, or "
            "another data set as unlabeled_path"
        )
    drawn = _drawn(rows, settings["rows"], settings["seed"], "unlabeled")
    write_data(out / DATA, task=data.task, language=data.language, labels=data.labels, splits={TRAIN: drawn})


def poison(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Stamp training rows."""
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.tasks import tasks

    data = open_data(inputs["data"] / DATA)
    threat = Threat.make(
        tasks.make(data.task),
        settings["attack"],
        settings["options"],
        settings["payload"],
        _payload(settings["payload_options"], data),
    )
    poison_folder(data, threat, rate=settings["rate"], seed=settings["seed"], out=out / DATA)


def _payload(options: Mapping[str, Any], data: DataFolder) -> dict[str, Any]:
    """Return payload options; a class may be given by its name."""
    label = options.get("label")
    if isinstance(label, str) and label in data.labels:
        return {**options, "label": data.labels.index(label)}
    return dict(options)


def train(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Train a model."""
    from codeward.experiment.training import train_run
    from codeward.victims import TrainConfig

    train_run(open_data(inputs["data"] / DATA), TrainConfig(**settings["config"]), out / MODEL, resume=False)


def audit(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Judge training rows, and write those that are left."""
    from codeward.experiment.auditing import audit_split, judged, write_cleaned
    from codeward.victims import load

    data = open_data(inputs["data"] / DATA)
    split = training_split(data)
    victim = load(str(inputs["model"] / MODEL)) if "model" in inputs else None
    clean = data.load(VALID) if settings["clean"] else []
    found, scores = audit_split(data, split, settings["defense"], settings["options"], victim=victim, clean=clean)
    if not scores:
        scores = [score for score in judged(found, [False] * len(found.verdicts)) if score.name == "fpr"]
    write_cleaned(data, split, found, out / DATA)
    write_text(out / SCORES, json.dumps([_score(score) for score in scores], indent=1) + "\n")


def scan(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Judge a model."""
    from codeward.experiment.scanning import as_row
    from codeward.experiment.scanning import scan as scanned
    from codeward.victims import load

    victim = load(str(inputs["model"] / MODEL))
    clean = open_data(inputs["data"] / DATA).load(VALID)
    found = scanned(victim, clean, settings["defense"], settings["options"], references=_references(inputs))
    write_text(out / INSPECTION, json.dumps(as_row(found), indent=1) + "\n")


def _references(inputs: Inputs) -> list[Victim]:
    from codeward.victims import load

    return [load(str(place / MODEL)) for role, place in sorted(inputs.items()) if role.startswith(REFERENCE)]


def repair(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Repair a model."""
    from codeward.experiment.repairing import repair as repaired
    from codeward.experiment.scanning import read_inspection
    from codeward.victims import load

    victim = load(str(inputs["model"] / MODEL))
    clean = open_data(inputs["data"] / DATA).load(VALID)
    inspection = read_inspection(inputs["scan"] / INSPECTION) if "scan" in inputs else None
    more = inputs_of(inputs["unlabeled"] / DATA, None, victim.task.name, None) if "unlabeled" in inputs else []
    made = repaired(
        victim,
        clean,
        settings["defense"],
        settings["options"],
        inspection=inspection,
        unlabeled=more,
        references=_references(inputs),
    )
    made.model.save(out / MODEL)


def evaluate(settings: Settings, inputs: Inputs, out: Path) -> None:
    """Measure a model, under an attack and behind an input defense where there are such."""
    from codeward.experiment.calibration import calibrate
    from codeward.experiment.evaluation import evaluate as measured
    from codeward.experiment.manifest import read_manifest
    from codeward.tasks import tasks
    from codeward.victims import load

    data = open_data(inputs["data"] / DATA)
    victim = load(str(inputs["model"] / MODEL))
    manifest = read_manifest(inputs["poison"] / DATA) if "poison" in inputs else None
    defenses = []
    if settings["defense"] is not None:
        defenses = [calibrate(settings["defense"], settings["options"], data.load(VALID), victim)]
    record = measured(
        victim,
        data.load(test_split(data), limit=settings["rows"]),
        threat=None if manifest is None else manifest.threat(tasks.make(data.task)),
        reference=load(str(inputs["clean"] / MODEL)) if "clean" in inputs else None,
        defenses=defenses,
        seed=settings["seed"],
    )
    write_text(out / RECORD, record.model_dump_json(indent=1) + "\n")


def _score(score: Any) -> dict[str, Any]:
    names = ("name", "value", "n", "low", "high", "higher_is_better")
    return {name: getattr(score, name) for name in names}


WORK: Mapping[Kind, Callable[[Settings, Inputs, Path], None]] = {
    "source": source,
    "unlabeled": unlabeled,
    "poison": poison,
    "train": train,
    "audit": audit,
    "scan": scan,
    "repair": repair,
    "evaluate": evaluate,
}
