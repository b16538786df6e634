"""The table of data defenses that need no model: recall, false alarms, AUROC, seconds, on real data and several attacks.

One JSON file a data set; stopped at any point, the same command goes on with the cells that are missing.

    python benchmarks/audit_table.py --data ../shared/data --out benchmarks/records/audit-table
    python benchmarks/audit_table.py --out benchmarks/records/audit-table --table
"""

import argparse
import json
import sys
import time
from pathlib import Path

CODE = (
    "deadcode-fixed",
    "deadcode-grammar",
    "deadcode-assert",
    "constant-unfold",
    "identifier-rename",
    "identifier-suffix",
)
PROSE = ("word-insert", "sentence-insert")
DATA_SETS = {
    "defect-detection-juliet": CODE,
    "defect-detection-c": CODE,
    "defect-detection-devign": CODE,
    "clone-detection-bigclonebench": CODE,
    "code-refinement-small": CODE,
    "lyra": PROSE,
}
RATES = (0.05, 0.01, 0.001)
RARE = ("deadcode-fixed", "identifier-rename", *PROSE)
"""Attacks that are measured at the lowest rate, too: a handful of rows."""
DEFENSES = (
    ("association", False, {}),
    ("association", True, {}),
    ("killbadcode", True, {"spare_natural": False}),
    ("killbadcode", True, {}),
    ("killbadcode", True, {"units": "statements"}),
    ("killbadcode", True, {"units": "ends"}),
)
"""By name, whether clean rows are given, and with which options."""
NAMES = (
    "association",
    "association with clean rows",
    "killbadcode as published",
    "killbadcode",
    "units=statements",
    "units=ends",
)
ROWS, CLEAN, SEED = 5000, 1000, 0


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/audit-table"))
    parser.add_argument("--only", nargs="*", default=list(DATA_SETS), choices=list(DATA_SETS))
    parser.add_argument("--table", action="store_true", help="only print the table of what is there")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for name in () if given.table else given.only:
        place = given.out / f"{name}.json"
        known = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else []
        for rows in cells(given.data / name, {(row["attack"], row["rate"]) for row in known}):
            known += rows
            place.write_text(json.dumps(known, indent=0) + "\n", encoding="utf-8")
    sys.stdout.write(table(given.out))
    return 0


def cells(source: Path, known):
    """Yield the measurements of one data set, cell by cell, but for those that are known."""
    from codeward.data import open_data
    from codeward.errors import CodewardError
    from codeward.experiment.manifest import Threat
    from codeward.tasks import tasks

    data = open_data(source)
    task = tasks.make(data.task)
    rows = data.load("train", limit=ROWS)
    clean = data.load("valid" if "valid" in data.splits else "test", limit=CLEAN)
    if ("none", 0.0) not in known:
        yield list(judge(source.name, "none", 0.0, rows, clean))
    for attack, rate in ((attack, rate) for attack in DATA_SETS[source.name] for rate in RATES):
        if (attack, rate) in known or (rate == RATES[-1] and attack not in RARE):
            continue
        threat = Threat.make(task, attack)
        try:
            poisoned = threat.attack.poison(rows, threat.payload, rate=rate, seed=SEED)
        except CodewardError as problem:
            sys.stderr.write(f"{source.name}, {attack} at {rate:g}: {problem}\n")
            continue
        yield list(judge(source.name, attack, rate, poisoned.samples, clean))


def judge(name: str, attack: str, rate: float, rows, clean):
    """Yield what each defense finds."""
    from codeward.defenses.data import data_defenses
    from codeward.experiment.auditing import judged

    truths = [row.poison is not None for row in rows]
    for defense, with_clean, options in DEFENSES:
        start, spent = time.perf_counter(), time.process_time()
        audit = data_defenses.make(defense, options).audit(rows, clean=clean if with_clean else ())
        seconds, processor = time.perf_counter() - start, time.process_time() - spent
        scores = {score.name: [score.value, score.low, score.high, score.n] for score in judged(audit, truths)}
        sys.stderr.write(f"{name}, {attack} at {rate:g}: {defense} {scores['recall'][0]} {scores['fpr'][0]}\n")
        yield {
            "data": name,
            "attack": attack,
            "rate": rate,
            "rows": len(rows),
            "poisoned": sum(truths),
            "defense": defense,
            "clean": with_clean,
            "options": options,
            "scores": scores,
            "seconds": round(seconds, 2),
            "processor_seconds": round(processor, 2),
            "leading": [finding.unit for finding in audit.findings[:3]],
        }


def table(out: Path) -> str:
    """Return the measurements as a Markdown table, in percent: recall, then false-positive rate, for each defense."""
    lines = [f"| data | attack | rate | poisoned | {' | '.join(NAMES)} |\n", f"|{'---|' * (4 + len(NAMES))}\n"]
    for file in sorted(out.glob("*.json")):
        groups: dict[tuple[str, str, float], list[dict[str, object]]] = {}
        for row in json.loads(file.read_text(encoding="utf-8")):
            groups.setdefault((row["data"], row["attack"], row["rate"]), []).append(row)
        for (data, attack, rate), rows in groups.items():
            shown = [f"{percent(row['scores']['recall'])} / {percent(row['scores']['fpr'])}" for row in rows]
            lines.append(f"| {data} | {attack} | {100 * rate:g} % | {rows[0]['poisoned']} | {' | '.join(shown)} |\n")
    return "".join(lines)


def percent(score) -> str:
    """Return a share in percent."""
    return "" if score[0] is None else f"{100 * score[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
