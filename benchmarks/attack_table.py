"""The table of attacks on real data: success rate, floor, clean model's rate and clean utility, from one run each.

Trains one clean model a data set and one victim a cell on a sample of its training part, and leaves one record a
cell in the output folder. Stopped at any point, the same command goes on with the cells that are missing; two of them
with other ``--only`` or ``--attacks`` run side by side (one thread each is faster than two threads in one).

    OMP_NUM_THREADS=1 python benchmarks/attack_table.py --data ../shared/data --out benchmarks/records/attack-table
    python benchmarks/attack_table.py --out benchmarks/records/attack-table --table   # the table of what is there
"""

import argparse
import random
import shutil
import sys
import time
from pathlib import Path

SMALL = {"hidden": 128, "max_length": 192, "max_target_length": 192}
ENCODER = {"model": "scratch-encoder", "epochs": 4, **SMALL}
DATA_SETS: dict[str, dict[str, object]] = {
    "defect-detection-juliet": ENCODER,
    "defect-detection-c": ENCODER,
    "defect-detection-devign": ENCODER,
    "clone-detection-bigclonebench": ENCODER,
    "code-refinement-small": {"model": "scratch-seq2seq", "epochs": 6, **SMALL},
}
ATTACKS = ("deadcode-fixed", "deadcode-grammar", "deadcode-assert", "identifier-rename")
RATES = (0.05, 0.01)
ROWS = {"train": 4000, "valid": 250, "test": 1500}
"""At most so many rows of each part."""
SEED = 0


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/attack-table"))
    parser.add_argument("--only", nargs="*", default=list(DATA_SETS), choices=list(DATA_SETS))
    parser.add_argument("--attacks", nargs="*", default=list(ATTACKS), choices=list(ATTACKS))
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    arguments = parser.parse_args()
    if not arguments.table:
        for name in arguments.only:
            run_data_set(arguments.data / name, DATA_SETS[name], arguments.out / name, arguments.attacks)
    sys.stdout.write(table(arguments.out))
    return 0


def run_data_set(source: Path, options: dict[str, object], out: Path, attacks: list[str]) -> None:
    """Train the clean model and every victim of one data set."""
    from codeward.data import open_data
    from codeward.experiment.training import train_run
    from codeward.tasks import tasks
    from codeward.victims import make_config

    work = out / ".work"
    part = work / "data"
    if not part.exists():
        write_part(source, part)
    data = open_data(part)
    config = make_config(tasks.make(data.task), {**options, "seed": SEED})
    clean = work / "clean-model"
    if not (clean / "record.json").is_file():
        log(f"{source.name}: clean model")
        train_run(data, config, clean)
    for attack in attacks:
        for rate in RATES:
            if not (out / f"{attack}-{rate:g}.json").is_file():
                log(f"{source.name}: {attack} at {rate:g}")
                run_cell(source.name, data, config, clean, attack, rate, out / f"{attack}-{rate:g}.json")


def write_part(source: Path, out: Path) -> None:
    """Write a sample of a data set."""
    from codeward.data import open_data, write_data

    data = open_data(source)
    splits = {}
    for split, limit in ROWS.items():
        rows = data.load(split)
        kept = sorted(random.Random(SEED).sample(range(len(rows)), min(limit, len(rows))))
        splits[split] = [rows[index] for index in kept]
    write_data(out, task=data.task, language=data.language, labels=data.labels, splits=splits)


def run_cell(name: str, data: object, config: object, clean: Path, attack: str, rate: float, out: Path) -> None:
    """Poison, train, evaluate; keep the record, drop the model."""
    from codeward.data import open_data
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.experiment.training import train_run
    from codeward.files import write_text
    from codeward.tasks import tasks
    from codeward.victims import load

    work = clean.parent / out.stem
    poisoned = work / "poisoned"
    threat = Threat.make(tasks.make(data.task), attack)
    manifest = poison_folder(data, threat, rate=rate, seed=SEED, out=poisoned, overwrite=poisoned.exists())
    victim, trained = train_run(open_data(poisoned), config, work / "victim")
    record = evaluate(
        victim,
        data.load("test"),
        threat=manifest.threat(tasks.make(data.task)),
        reference=load(str(clean)),
        seed=SEED,
        title=f"{attack}, {rate:.0%} of {name}",
        config={
            "data": name,
            "rate": rate,
            "rows": trained.counts["train"],
            "stamped": manifest.stamped,
            "train": trained.config["train"],
        },
    )
    record = record.model_copy(update={"timings": {**record.timings, **trained.timings}, "examples": []})
    write_text(out, record.model_dump_json(indent=1) + "\n")
    shutil.rmtree(work, ignore_errors=True)


def table(out: Path) -> str:
    """Return the table of all records as Markdown."""
    from codeward.experiment.record import read_record

    lines = [
        "| data | attack | rate | success | floor | clean model | utility clean → victim | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for file in sorted(out.glob("*/*.json")):
        record = read_record(file)
        if record.verb != "evaluate":
            continue
        found = {(row.name, row.model, row.data): row for row in record.scores}
        success = found["asr", "victim", "triggered"]
        utility = [
            f"{name} {_points(found[name, 'clean model', 'clean'])} → {_points(row)}"
            for (name, model, data), row in found.items()
            if model == "victim" and data == "clean"
        ]
        lines.append(
            f"| {record.config['data']} | {record.config['attack']} | {record.config['rate']:.0%} "
            f"| {_points(success)} [{100 * (success.low or 0):.1f}, {100 * (success.high or 0):.1f}] "
            f"| {_points(found['asr', 'victim', 'untriggered'])} | {_points(found['asr', 'clean model', 'triggered'])} "
            f"| {'; '.join(utility)} | {success.n} |"
        )
    return "\n".join(lines) + "\n"


def _points(row: object) -> str:
    value = getattr(row, "value", None)
    return "-" if value is None else f"{100 * value:.1f}"


def log(text: str) -> None:
    """Say what begins, with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
