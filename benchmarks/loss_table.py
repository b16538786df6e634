"""Training-stage defenses on real data: each loss on the same poisoned set, with success, floor and clean utility.

One clean model a data set and seed by cross-entropy, then one victim a cell; one record a cell. Stopped at any point, the
same command goes on with the cells that are missing. The scout of ``isolate`` is the victim of ``ce`` of the same cell, which
is the same training, if that was trained just before. ``--attacks none`` trains on the clean rows. ``naming`` is harvested.

    OMP_NUM_THREADS=1 python benchmarks/loss_table.py --out benchmarks/records/loss-table --only defect-detection-c
    python benchmarks/loss_table.py --out benchmarks/records/loss-table --table
"""

import argparse
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attack_table import ENCODER, log, write_part

LOSSES: dict[str, tuple[str, dict[str, object]]] = {
    "ce": ("ce", {}),
    "isolate": ("isolate", {}),
    "isolate-others": ("isolate", {"into": "others"}),
    "dece-0.99": ("dece", {"alpha": 0.99}),
    "dece-0.9": ("dece", {"alpha": 0.9}),
    "label-smoothing": ("label-smoothing", {}),
    "gce": ("gce", {}),
    "in-trust": ("in-trust", {}),
    "moderate": ("moderate", {}),
}
ATTACKS = ("deadcode-fixed", "deadcode-grammar", "deadcode-assert", "identifier-rename")
RATES = (0.05, 0.01)
NAMING = "naming"
SETTINGS: dict[str, dict[str, object]] = {NAMING: {**ENCODER, "epochs": 6, "max_length": 128}}
"""Where they differ from the encoder's."""
HARVESTED = ("sympy", "transformers", "scipy", "sklearn", "numpy", "matplotlib")
"""Packages that naming is harvested from, beside the standard library; matplotlib (3.11.2 in the figures) is not installed with Codeward."""
TARGET = "get"
"""The target class of naming; elsewhere it is the task's own."""


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/records/loss-table"))
    parser.add_argument("--only", nargs="*", default=["defect-detection-c"])
    parser.add_argument("--losses", nargs="*", default=["ce", "isolate"], choices=list(LOSSES))
    parser.add_argument("--attacks", nargs="*", default=list(ATTACKS), choices=[*ATTACKS, "none"])
    parser.add_argument("--rates", nargs="*", type=float, default=list(RATES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    arguments = parser.parse_args()
    if not arguments.table:
        for name in arguments.only:
            run_data_set(arguments, name)
    sys.stdout.write(table(arguments.out))
    return 0


def run_data_set(arguments: argparse.Namespace, name: str) -> None:
    """Train the clean model, then all victims of one data set."""
    from codeward.data import open_data
    from codeward.experiment.training import train_run
    from codeward.tasks import tasks
    from codeward.victims import make_config

    out = arguments.out / name
    part = out / ".work" / "data"
    if not part.exists():
        write_part(harvested(out / ".work") if name == NAMING else arguments.data / name, part)
    data = open_data(part)
    options = {**SETTINGS.get(name, ENCODER), "seed": arguments.seed}
    clean = out / ".work" / f"clean-{arguments.seed}"
    if not (clean / "record.json").is_file():
        log(f"{name}: clean model")
        train_run(data, make_config(tasks.make(data.task), options), clean)
    for rate in arguments.rates:
        for attack in arguments.attacks:
            if attack != "none":
                run_attack(data, options, attack, rate, arguments.losses, clean, out)
    if "none" in arguments.attacks:
        run_clean(data, options, arguments.losses, clean, out)


def harvested(work: Path) -> Path:
    """Harvest the naming task."""
    import sysconfig

    from codeward.data import harvest, write_harvest

    folder = work / "harvest"
    if not folder.exists():
        found = [find_spec(name) for name in HARVESTED]
        packages = [Path(spec.origin).parent for spec in found if spec is not None and spec.origin]
        trees = [Path(sysconfig.get_paths()["stdlib"]), *packages]
        write_harvest(folder, harvest(trees, NAMING, languages=["python"], min_lines=2, seed=0, limit=6000))
    return folder


def run_attack(
    data: Any, options: dict[str, object], attack: str, rate: float, losses: list[str], clean: Path, out: Path
) -> None:
    """Poison once, then train and measure one victim a loss."""
    from codeward.data import open_data
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.tasks import tasks
    from codeward.victims import load

    seed = int(str(options["seed"]))
    files = {label: out / f"{attack}-{rate:g}-{label}{'' if seed == 0 else f'-{seed}'}.json" for label in losses}
    missing = [label for label in losses if not files[label].is_file()]
    if not missing:
        return
    task = tasks.make(data.task)
    target = {"label": data.labels.index(TARGET)} if data.task == NAMING else {}
    threat = Threat.make(task, attack, None, "target-class", target) if target else Threat.make(task, attack)
    work = clean.parent / f"{attack}-{rate:g}-{seed}"
    manifest = poison_folder(data, threat, rate=rate, seed=seed, out=work / "poisoned", overwrite=True)
    extra = {"rate": rate, "stamped": manifest.stamped}
    for label in missing:
        log(f"{out.name}: {attack} at {rate:g}, {label}")
        judge = {"threat": manifest.threat(task), "reference": load(str(clean))}
        measure(open_data(work / "poisoned"), data, options, label, work, files[label], judge, extra)
    shutil.rmtree(work, ignore_errors=True)


def run_clean(data: Any, options: dict[str, object], losses: list[str], clean: Path, out: Path) -> None:
    """Train on clean rows, to see what a defense costs where there is nothing to defend."""
    seed = int(str(options["seed"]))
    for label in losses:
        file = out / f"none-{label}{'' if seed == 0 else f'-{seed}'}.json"
        if not file.is_file():
            log(f"{out.name}: clean rows, {label}")
            work = clean.parent / f"none-{seed}"
            shutil.copytree(clean, work / "ce", dirs_exist_ok=True)
            measure(data, data, options, label, work, file, {}, {"rate": 0.0, "attack": "none"})


def measure(
    training: Any,
    data: Any,
    options: dict[str, object],
    label: str,
    work: Path,
    file: Path,
    judge: dict[str, Any],
    extra: dict[str, object],
) -> None:
    """Train one victim, measure it, and write the record."""
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.training import train_run
    from codeward.files import write_text
    from codeward.tasks import tasks
    from codeward.victims import make_config

    loss, chosen = LOSSES[label]
    config = make_config(tasks.make(data.task), {**options, "loss": loss, "loss_options": chosen})
    if loss == "isolate" and (work / "ce" / "record.json").is_file():
        shutil.copytree(work / "ce", work / f".{label}.training" / "scout", dirs_exist_ok=True)
    victim, trained = train_run(training, config, work / label, overwrite=True)
    record = evaluate(
        victim,
        data.load("test"),
        **judge,
        seed=config.seed,
        title=f"{label}: {file.stem}, {file.parent.name}",
        config={"data": file.parent.name, "loss": label, "train": trained.config["train"], **extra},
    )
    counts = {**record.counts, **{name: n for name, n in trained.counts.items() if name in ("left out", "spliced")}}
    timings = {**record.timings, **trained.timings}
    record = record.model_copy(update={"timings": timings, "counts": counts, "examples": []})
    write_text(file, record.model_dump_json(indent=1) + "\n")


def table(out: Path) -> str:
    """Return the table of all records as Markdown."""
    from codeward.experiment.record import read_record

    lines = [
        "| data | attack | loss | success | floor | clean model | accuracy | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for file in sorted(out.glob("*/*.json")):
        record = read_record(file)
        found = {(row.name, row.model, row.data): row for row in record.scores}
        success, floor = (found.get(("asr", "victim", kind)) for kind in ("triggered", "untriggered"))
        clean = found.get(("asr", "clean model", "triggered"))
        lines.append(
            f"| {record.config['data']} | {record.config['attack']} {record.config['rate']:.0%} | {record.config['loss']} "
            f"| {_interval(success)} | {_points(floor)} | {_points(clean)} "
            f"| {_interval(found['accuracy', 'victim', 'clean'])} | {'-' if success is None else success.n} |"
        )
    return "\n".join(lines) + "\n"


def _points(score: Any) -> str:
    return "-" if score is None else f"{100 * score.value:.1f}"


def _interval(score: Any) -> str:
    return "-" if score is None else f"{100 * score.value:.1f} [{100 * score.low:.1f}, {100 * score.high:.1f}]"


if __name__ == "__main__":
    sys.exit(main())
