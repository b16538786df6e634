"""Judge the model-stage detectors on a zoo of clean and backdoored models drawn by a seeded plan, in one run.

Even numbers start from the mini encoder, odd ones from scratch. One record a model and detector; stopped at any point, the same
command goes on. A backdoored model whose trigger does not work (success within 20 points of the floor) is counted apart.

    OMP_NUM_THREADS=1 python benchmarks/scan_table.py --data ../shared/data/defect-detection-c --zoo /tmp/zoo --models 20
    python benchmarks/scan_table.py --table
"""

import argparse
import json
import sys
import time
from pathlib import Path

MINI = {"model": "mini-encoder", "max_length": 128, "epochs": 2}
SCRATCH = {"model": "scratch-encoder", "max_length": 128, "epochs": 5}
ROWS = {"mini-encoder": 2800, "scratch-encoder": 3000}
TESTED = 400
PER_CLASS = 120
WORKS = 0.2


def main() -> int:
    """Build, judge, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/defect-detection-c"))
    parser.add_argument("--zoo", type=Path, default=Path("runs/zoo"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/records/scan-table"))
    parser.add_argument("--models", type=int, default=20, help="clean models, and as many backdoored ones")
    parser.add_argument("--plan", type=int, default=20, help="the zoo's size that the plan is drawn for")
    parser.add_argument("--detectors", nargs="*", default=["elibadcode"])
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    given = parser.parse_args()
    if not given.table:
        run(given.data, given.zoo, given.out, given.plan, given.models, given.detectors)
    sys.stdout.write(table(given.out))
    return 0


def run(data: Path, zoo: Path, out: Path, size: int, models: int, detectors: list[str]) -> None:
    """Build and judge what is missing, clean and backdoored models in turns."""
    from codeward.experiment.suspects import build_suspect, plan_suspects

    plan = plan_suspects(size, size, 2)
    for number in range(models):
        for suspect in (plan[number], plan[size + number]):
            options = MINI if number % 2 == 0 else SCRATCH
            missing = [name for name in detectors if not (out / f"{suspect.name}-{name}.json").is_file()]
            if not missing:
                continue
            folder = build_suspect(suspect, data, zoo, options=options, rows=ROWS[str(options["model"])])
            for name in missing:
                judge(suspect, folder, data, out / f"{suspect.name}-{name}.json", name, str(options["model"]))


def judge(suspect: object, folder: Path, data: Path, place: Path, name: str, start: str) -> None:
    """Scan one model and measure what its trigger does."""
    from dataclasses import asdict

    from codeward.data import open_data
    from codeward.experiment.scanning import as_row, few, scan
    from codeward.experiment.splits import clean_samples
    from codeward.files import write_text
    from codeward.victims import load

    victim = load(folder)
    clean = few(clean_samples(data, None, None, None), PER_CLASS, 0)[0]
    begun = time.perf_counter()
    found = scan(victim, clean, name)
    seconds = time.perf_counter() - begun
    row = {
        "suspect": asdict(suspect),
        "start": start,
        "detector": name,
        "seconds": round(seconds, 1),
        **measured(suspect, victim, open_data(data).load("test", limit=TESTED)),
        "inspection": as_row(found),
    }
    write_text(place, json.dumps(row, indent=1) + "\n")
    sys.stderr.write(f"{place.stem}: {found.finding}, {found.anomaly}, {seconds:.0f} s\n")


def measured(suspect: object, victim: object, rows: list[object]) -> dict[str, float | None]:
    """Return accuracy, and success and floor of the planted trigger."""
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.manifest import Threat

    threat = None
    if suspect.attack is not None:
        threat = Threat.make(victim.task, suspect.attack, suspect.options, payload_options={"label": suspect.target})
    record = evaluate(victim, rows, threat=threat, seed=0, title=suspect.name, config={})
    found = {(row.name, row.model, row.data): row.value for row in record.scores}
    return {
        "accuracy": found[("accuracy", "victim", "clean")],
        "asr": found.get(("asr", "victim", "triggered")),
        "floor": found.get(("asr", "victim", "untriggered")),
    }


def table(out: Path) -> str:
    """Return the table and the summary of each detector."""
    rows = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(out.glob("*.json"))]
    lines = [
        "| model | start | attack | rate | target | accuracy | success | floor | verdict | target found | score | s |\n"
    ]
    lines.append(f"|{'---|' * 12}\n")
    for row in rows:
        suspect, found = row["suspect"], row["inspection"]
        name = suspect["attack"] or "none"
        if suspect["options"]:
            name += f" {suspect['options'].get('name', '')}"
        right = (
            ""
            if suspect["target"] is None or not found["suspicions"]
            else found["suspicions"][0]["index"] == suspect["target"]
        )
        lines.append(
            f"| {suspect['name']} | {row['start']} | {name} | {suspect['rate'] or ''} | "
            f"{'' if suspect['target'] is None else suspect['target']} | {row['accuracy']:.3f} | {shown(row['asr'])} | "
            f"{shown(row['floor'])} | {found['finding']} | {right} | {shown(found['anomaly'])} | {row['seconds']:.0f} |\n"
        )
    for name in sorted({row["detector"] for row in rows}):
        lines.append(summary(name, [row for row in rows if row["detector"] == name]))
    return "".join(lines)


def summary(name: str, rows: list[dict[str, object]]) -> str:
    """Return AUROC with its interval, false alarms, recall and seconds of one detector."""
    from codeward.metrics import metrics

    working = [row for row in rows if row["suspect"]["attack"] is None or row["asr"] - row["floor"] >= WORKS]
    scored = [row for row in working if row["inspection"]["anomaly"] is not None]
    truths = [row["suspect"]["attack"] is not None for row in scored]
    if len(set(truths)) < 2:
        return ""
    auroc = metrics.make("auroc").score([row["inspection"]["anomaly"] for row in scored], truths)
    findings = [row["inspection"]["finding"] for row in scored]
    clean = [finding for finding, truth in zip(findings, truths, strict=True) if not truth]
    bad = [finding for finding, truth in zip(findings, truths, strict=True) if truth]
    seconds = sorted(row["seconds"] for row in scored)
    return (
        f"\n{name}: {auroc}; clean models {len(clean)}: {clean.count('backdoored')} convicted, "
        f"{clean.count('inconclusive')} inconclusive; working backdoors {len(bad)}: {bad.count('backdoored')} convicted, "
        f"{bad.count('inconclusive')} inconclusive; not working: {len(rows) - len(working)}; "
        f"median {seconds[len(seconds) // 2]:.0f} s a model\n"
    )


def shown(value: float | None) -> str:
    """Return a number with three digits, or nothing."""
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
