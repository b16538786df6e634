"""Every data defense on the same poisoned rows: recall, false alarms, AUROC, seconds; the model is trained on those rows.

One file for each attack and rate; stopped at any point, the same command goes on with what is missing.

    OMP_NUM_THREADS=1 python benchmarks/audit_models.py --data ../shared/data/defect-detection-c --out benchmarks/records/audit-models
    python benchmarks/audit_models.py --out benchmarks/records/audit-models --table
"""

import argparse
import json
import sys
import time
from pathlib import Path

from attack_table import DATA_SETS, SEED, log

CELLS = (
    ("none", 0.0),
    ("deadcode-fixed", 0.05),
    ("deadcode-fixed", 0.01),
    ("identifier-rename", 0.05),
    ("identifier-rename", 0.01),
)
"""Attacks and rates; the first is the clean set."""
DEFENSES = (
    ("association", False),
    ("killbadcode", True),
    ("spectral", False),
    ("activation-clustering", False),
    ("bki", False),
    ("codedetector", True),
)
"""By name, and whether clean rows are given."""
ROWS, CLEAN = 2000, 250
TESTED = 300
"""Rows on which the attack's success is taken, at most."""


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/defect-detection-c"))
    parser.add_argument("--out", type=Path, default=Path("runs/audit-models"))
    parser.add_argument("--work", type=Path, default=Path("runs/audit-models-work"), help="where the victims are kept")
    parser.add_argument("--only", nargs="*", default=[], help="cells by name, such as none-0 or deadcode-fixed-0.05")
    parser.add_argument("--defenses", nargs="*", default=[name for name, _ in DEFENSES])
    parser.add_argument("--train-only", action="store_true", help="only train the victims")
    parser.add_argument("--table", action="store_true", help="only print the table of what is there")
    given = parser.parse_args()
    chosen = [each for each in CELLS if not given.only or f"{each[0]}-{each[1]:g}" in given.only]
    for attack, rate in () if given.table else chosen:
        cell(given.data, attack, rate, given.work, given.out, given.defenses, train_only=given.train_only)
    sys.stdout.write(table(given.out))
    return 0


def cell(
    source: Path, attack: str, rate: float, work: Path, out: Path, defenses: list[str], *, train_only: bool
) -> None:
    """Poison, train on the poisoned rows, and judge them with every defense."""
    from codeward.data import open_data, write_data
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.experiment.training import train_run
    from codeward.tasks import tasks
    from codeward.victims import load, make_config

    place = out / f"{attack}-{rate:g}.json"
    if place.is_file():
        return
    part = work / "data"
    data = open_data(source)
    task = tasks.make(data.task)
    if not part.exists():
        splits = {
            "train": data.load("train", limit=ROWS),
            "valid": data.load("valid", limit=CLEAN),
            "test": data.load("test"),
        }
        write_data(part, task=data.task, language=data.language, labels=data.labels, splits=splits)
    poisoned, model = work / f"{attack}-{rate:g}", work / f"{attack}-{rate:g}-victim"
    if attack == "none":
        poisoned = part
    elif not poisoned.exists():
        poison_folder(open_data(part), Threat.make(task, attack), rate=rate, seed=SEED, out=poisoned)
    if not (model / "record.json").is_file():
        log(f"{attack} at {rate:g}: training")
        options = {**DATA_SETS["defect-detection-c"], "seed": SEED}
        start = time.perf_counter()
        train_run(open_data(poisoned), make_config(task, options), model, overwrite=model.exists())
        log(f"{time.perf_counter() - start:.0f} s")
    if train_only:
        return
    victim = load(model)
    rows = open_data(poisoned).load("train")
    clean = open_data(part).load("valid")
    found = {
        "data": source.name,
        "attack": attack,
        "rate": rate,
        "rows": len(rows),
        "poisoned": sum(row.poison is not None for row in rows),
        "success": {} if attack == "none" else success(victim, Threat.make(task, attack), open_data(part).load("test")),
        "defenses": [
            judge(name, rows, clean if trusted else [], victim) for name, trusted in DEFENSES if name in defenses
        ],
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def success(victim: object, threat: object, rows: list[object]) -> dict[str, float]:
    """Return the share of triggered rows of other classes that the model takes for the target, and without the trigger."""
    stamped = threat.attack.trigger(rows, threat.payload, seed=SEED).samples[:TESTED]
    kept = {row.id for row in stamped}
    plain = [row for row in rows if row.id in kept]
    target = threat.payload.target
    return {
        "triggered": sum(each.output == target for each in victim.predict(stamped)) / len(stamped),
        "untriggered": sum(each.output == target for each in victim.predict(plain)) / len(plain),
        "n": len(stamped),
    }


def judge(name: str, rows: list[object], clean: list[object], victim: object) -> dict[str, object]:
    """Return how right a defense's verdicts are, and its seconds."""
    from codeward.defenses.data import data_defenses
    from codeward.experiment.auditing import judged

    start, spent = time.perf_counter(), time.process_time()
    audit = data_defenses.make(name).audit(rows, victim=victim, clean=clean)
    seconds, processor = time.perf_counter() - start, time.process_time() - spent
    scores = judged(audit, [row.poison is not None for row in rows])
    found = {
        "defense": name,
        "clean": bool(clean),
        "scores": {score.name: [score.value, score.low, score.high, score.n] for score in scores},
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "leading": [finding.unit for finding in audit.findings[:3]],
    }
    log(json.dumps(found))
    return found


def table(out: Path) -> str:
    """Return the measurements as a Markdown table; shares in percent with 95 % intervals."""
    lines = [
        "| attack | rate | poisoned | defense | recall | false positives | AUROC | processor s |\n",
        f"|{'---|' * 8}\n",
    ]
    for file in sorted(out.glob("*.json")):
        cell = json.loads(file.read_text(encoding="utf-8"))
        for row in cell["defenses"]:
            scores = [shown(row["scores"][name]) for name in ("recall", "fpr", "auroc")]
            name = row["defense"] + (" with clean rows" if row["clean"] else "")
            where = f"| {cell['attack']} | {100 * cell['rate']:g} % | {cell['poisoned']} | {name} |"
            lines.append(f"{where} {' | '.join(scores)} | {row['processor_seconds']:.1f} |\n")
    return "".join(lines)


def shown(score: list[float | None]) -> str:
    """Return a score in percent with its interval."""
    value, low, high, _ = score
    if value is None:
        return ""
    return f"{100 * value:.1f}" if low is None else f"{100 * value:.1f} [{100 * low:.0f}, {100 * high:.0f}]"


if __name__ == "__main__":
    sys.exit(main())
