"""The table of input defenses: success before and after each, floor, utility, false alarms, recall, localization, seconds.

One backdoored victim a cell, all defenses on the same victim and inputs in one run; one record a cell. Stopped at any point,
the same command goes on with the cells that are missing.

    OMP_NUM_THREADS=1 python benchmarks/purify_table.py --data ../shared/data --out benchmarks/records/purify-table
    python benchmarks/purify_table.py --out benchmarks/records/purify-table --table
"""

import argparse
import shutil
import sys
from pathlib import Path

from attack_table import ATTACKS, DATA_SETS, RATES, SEED, log, write_part

DEFENSES = ("strip", "oseql", "codepurify", "codepurify-plant")
ALONE: dict[str, dict[str, object]] = {
    "codepurify": {"spare_familiar": False},
    "codepurify-plant": {"spare_familiar": False, "evidence": "planting"},
}
"""Options of the last two: what stands in clean inputs counts, too, and planting alone."""
ROWS = 300
"""Clean test rows, and triggered ones, at most."""
CLEAN = 250


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/purify-table"))
    parser.add_argument("--only", nargs="*", default=list(DATA_SETS), choices=list(DATA_SETS))
    parser.add_argument("--attacks", nargs="*", default=list(ATTACKS), choices=list(ATTACKS))
    parser.add_argument("--rates", nargs="*", type=float, default=list(RATES))
    parser.add_argument("--model", help="what the victims start from; default: from scratch")
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    given = parser.parse_args()
    if not given.table:
        for name in given.only:
            for attack in given.attacks:
                for rate in given.rates:
                    run_cell(given.data / name, attack, rate, given.out / name, given.model)
    sys.stdout.write(table(given.out))
    return 0


def run_cell(source: Path, attack: str, rate: float, out: Path, model: str | None) -> None:
    """Poison, train, and measure every defense before the victim."""
    from codeward.data import open_data
    from codeward.experiment.calibration import calibrate
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.experiment.training import train_run
    from codeward.files import write_text
    from codeward.tasks import tasks
    from codeward.victims import make_config

    place = out / f"{attack}-{rate:g}.json"
    if place.is_file():
        return
    work = out / ".work"
    if not (work / "data").exists():
        write_part(source, work / "data")
    data = open_data(work / "data")
    task = tasks.make(data.task)
    options = {**DATA_SETS[source.name], "seed": SEED}
    if model is not None:
        options = {"model": model, "max_length": 192, "max_target_length": 192, "seed": SEED}
    log(f"{source.name}: {attack} at {rate:g}")
    cell = work / place.stem
    poisoned = cell / "poisoned"
    threat = Threat.make(task, attack)
    manifest = poison_folder(data, threat, rate=rate, seed=SEED, out=poisoned, overwrite=poisoned.exists())
    victim, trained = train_run(open_data(poisoned), make_config(task, options), cell / "victim", overwrite=True)
    clean, names = data.load("valid", limit=CLEAN), [name for name in DEFENSES if suits(name, task.kind)]
    ready = [calibrate(name, ALONE.get(name, {}), clean, victim) for name in names]
    record = evaluate(
        victim,
        data.load("test", limit=ROWS),
        threat=manifest.threat(task),
        defenses=ready,
        seed=SEED,
        title=f"{attack}, {rate:.0%} of {source.name}",
        config={"data": source.name, "rate": rate, "stamped": manifest.stamped, "train": trained.config["train"]},
    )
    write_text(place, record.model_copy(update={"examples": []}).model_dump_json(indent=1) + "\n")
    shutil.rmtree(cell, ignore_errors=True)


def suits(name: str, kind: str) -> bool:
    """Whether a defense works for a kind of task."""
    return kind != "generation" or name in ("oseql", "codepurify")


def table(out: Path) -> str:
    """Return the records as a Markdown table; shares in percent with 95 % intervals."""
    from codeward.experiment.record import read_record

    head = (
        "| data | attack | defense | success | floor | utility | false alarms | recall | AUROC | localization | ms |\n"
    )
    lines = [head, f"|{'---|' * 11}\n"]
    for file in sorted(out.glob("*/*.json")):
        record = read_record(file)
        rows = {(row.name, row.model, row.data): row for row in record.scores}
        utility = next(row.name for row in record.scores if row.data == "clean")
        where = f"| {record.config['data']} | {file.stem} |"
        floor = show(rows.get(("asr", "victim", "untriggered")))
        plain = [show(rows.get(("asr", "victim", "triggered"))), floor, show(rows.get((utility, "victim", "clean")))]
        lines.append(f"{where} none | {' | '.join(plain)} | | | | | |\n")
        for name in record.config["defenses"]:
            cells = [
                show(rows.get(("asr", name, "triggered"))),
                "",
                show(rows.get((utility, name, "clean"))),
                show(rows.get(("fpr", name, "clean"))),
                show(rows.get(("recall", name, "triggered"))),
                show(rows.get(("auroc", name, "triggered and clean"))),
                show(rows.get(("localization", name, "triggered"))),
                f"{1000 * record.timings[f'{name}, a clean input']:.0f}",
            ]
            lines.append(f"{where} {name} | {' | '.join(cells)} |\n")
    return "".join(lines)


def show(row: object) -> str:
    """Return a score in percent with its interval and n."""
    if row is None or row.value is None:
        return ""
    return f"{100 * row.value:.1f} [{100 * row.low:.0f}, {100 * row.high:.0f}] n={row.n}"


if __name__ == "__main__":
    sys.exit(main())
