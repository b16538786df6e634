"""What each model-stage defense does to the planted trigger: success, floor and accuracy before and after, in one run.

The victims are backdoored models of the zoo that ``scan_table.py`` builds; EliBadCode gets the inspection of its own scan. One
record a model; stopped at any point, the same command goes on.

    OMP_NUM_THREADS=1 python benchmarks/repair_table.py --zoo /tmp/zoo --models backdoored-03 backdoored-05
    python benchmarks/repair_table.py --table
"""

import argparse
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from scan_table import PER_CLASS, measured, shown

DEFENSES: dict[str, tuple[str, dict[str, object]]] = {
    "fine-tuning": ("fine-tuning", {}),
    "fine-pruning": ("fine-pruning", {}),
    "dbs": ("dbs", {}),
    "elibadcode, as the paper": (
        "elibadcode",
        {"targets": "labels", "stamps": 0.2, "epochs": 1, "learning_rate": 5e-3, "trainable": "head"},
    ),
    "elibadcode": ("elibadcode", {}),
    "elibadcode, 2 rounds": ("elibadcode", {"rounds": 2}),
}
TESTED = 530


def main() -> int:
    """Repair and measure what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/defect-detection-c"))
    parser.add_argument("--zoo", type=Path, default=Path("runs/zoo"))
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/records/repair-table"))
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    given = parser.parse_args()
    if not given.table:
        for name in given.models:
            run(given.zoo / name, given.data, given.out / f"{name}.json")
    sys.stdout.write(table(given.out))
    return 0


def run(folder: Path, data: Path, place: Path) -> None:
    """Repair one model in every way that is missing from its record."""
    from codeward.data import open_data
    from codeward.defenses.model import model_defenses
    from codeward.experiment.scanning import few, scan
    from codeward.experiment.splits import clean_samples
    from codeward.files import write_text
    from codeward.victims import load

    suspect = SimpleNamespace(**json.loads((folder / "suspect.json").read_text(encoding="utf-8")))
    victim, rows = load(folder), open_data(data).load("test", limit=TESTED)
    clean = few(clean_samples(data, None, None, None), PER_CLASS, 0)[0]
    record = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {"suspect": vars(suspect)}
    if "none" not in record:
        record["none"] = {**measured(suspect, victim, rows), "seconds": 0.0}
    inspection = scan(victim, clean)
    for name, (method, options) in DEFENSES.items():
        if name in record:
            continue
        begun = time.perf_counter()
        defense = model_defenses.make(method, options)
        cleaned = defense.repair(victim, clean, inspection if method == "elibadcode" else None)
        seconds = time.perf_counter() - begun
        record[name] = {**measured(suspect, cleaned, rows), "seconds": round(seconds, 1)}
        write_text(place, json.dumps(record, indent=1) + "\n")
        sys.stderr.write(f"{place.stem}, {name}: {record[name]}\n")


def table(out: Path) -> str:
    """Return the records as a Markdown table."""
    lines = ["| model | attack | defense | accuracy | success | floor | s |\n", f"|{'---|' * 7}\n"]
    for file in sorted(out.glob("*.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        suspect = record.pop("suspect")
        attack = f"{suspect['attack']} {suspect['options'].get('name', '')} {suspect['rate']:.0%}"
        for name, row in record.items():
            lines.append(
                f"| {file.stem} | {attack} | {name} | {row['accuracy']:.3f} | {shown(row['asr'])} | "
                f"{shown(row['floor'])} | {row['seconds']:.0f} |\n"
            )
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
