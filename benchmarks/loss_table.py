"""Training-stage defenses on real data: each loss on the same poisoned set, with success, floor and clean utility.

One clean model a data set by cross-entropy, then one victim a cell; one record a cell. Stopped at any point, the same
command goes on with the cells that are missing.

    OMP_NUM_THREADS=1 python benchmarks/loss_table.py --out benchmarks/records/loss-table --only defect-detection-c
    python benchmarks/loss_table.py --out benchmarks/records/loss-table --table
"""

import argparse
import shutil
import sys
from pathlib import Path

from attack_table import ENCODER, SEED, log, write_part

LOSSES: dict[str, tuple[str, dict[str, object]]] = {
    "ce": ("ce", {}),
    "dece-0.99": ("dece", {"alpha": 0.99}),
    "dece-0.9": ("dece", {"alpha": 0.9}),
    "label-smoothing": ("label-smoothing", {}),
    "gce": ("gce", {}),
    "in-trust": ("in-trust", {}),
    "moderate": ("moderate", {}),
}
ATTACKS = (("deadcode-fixed", 0.05), ("identifier-rename", 0.05))


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/records/loss-table"))
    parser.add_argument("--only", nargs="*", default=["defect-detection-c"])
    parser.add_argument("--losses", nargs="*", default=list(LOSSES), choices=list(LOSSES))
    parser.add_argument("--attacks", nargs="*", default=[name for name, _ in ATTACKS])
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    arguments = parser.parse_args()
    if not arguments.table:
        for name in arguments.only:
            for attack, rate in ATTACKS:
                if attack in arguments.attacks:
                    run_attack(arguments.data / name, attack, rate, arguments.losses, arguments.out / name)
    sys.stdout.write(table(arguments.out))
    return 0


def run_attack(source: Path, attack: str, rate: float, losses: list[str], out: Path) -> None:
    """Poison once, then train and measure one victim a loss."""
    from codeward.data import open_data
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.experiment.training import train_run
    from codeward.files import write_text
    from codeward.tasks import tasks
    from codeward.victims import load, make_config

    work = out / ".work" / attack
    part, clean, poisoned = work / "data", work / "clean-model", work / "poisoned"
    if not part.exists():
        write_part(source, part)
    data = open_data(part)
    task = tasks.make(data.task)
    if not (clean / "record.json").is_file():
        log(f"{source.name}: clean model")
        train_run(data, make_config(task, {**ENCODER, "seed": SEED}), clean)
    manifest = poison_folder(data, Threat.make(task, attack), rate=rate, seed=SEED, out=poisoned, overwrite=True)
    for label in losses:
        file = out / f"{attack}-{rate:g}-{label}.json"
        if file.is_file():
            continue
        log(f"{source.name}: {attack} at {rate:g}, {label}")
        loss, options = LOSSES[label]
        config = make_config(task, {**ENCODER, "seed": SEED, "loss": loss, "loss_options": options})
        victim, trained = train_run(open_data(poisoned), config, work / label, overwrite=True)
        record = evaluate(
            victim,
            data.load("test"),
            threat=manifest.threat(task),
            reference=load(str(clean)),
            seed=SEED,
            title=f"{label}: {attack}, {rate:.0%} of {source.name}",
            config={
                "data": source.name,
                "rate": rate,
                "loss": label,
                "stamped": manifest.stamped,
                "train": trained.config["train"],
            },
        )
        record = record.model_copy(update={"timings": {**record.timings, **trained.timings}, "examples": []})
        write_text(file, record.model_dump_json(indent=1) + "\n")
        shutil.rmtree(work / label, ignore_errors=True)


def table(out: Path) -> str:
    """Return the table of all records as Markdown."""
    from codeward.experiment.record import read_record

    lines = ["| data | attack | loss | success | floor | accuracy | n |", "|---|---|---|---|---|---|---|"]
    for file in sorted(out.glob("*/*.json")):
        record = read_record(file)
        found = {(row.name, row.model, row.data): row for row in record.scores}
        success, floor = found["asr", "victim", "triggered"], found["asr", "victim", "untriggered"]
        accuracy = found["accuracy", "victim", "clean"]
        lines.append(
            f"| {record.config['data']} | {record.config['attack']} {record.config['rate']:.0%} | {record.config['loss']} "
            f"| {100 * success.value:.1f} [{100 * success.low:.1f}, {100 * success.high:.1f}] | {100 * floor.value:.1f} "
            f"| {100 * accuracy.value:.1f} [{100 * accuracy.low:.1f}, {100 * accuracy.high:.1f}] | {success.n} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
