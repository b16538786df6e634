"""Verdicts of ``codeward scan`` on the classifiers that lie in a bench's store: AUROC, false alarms, right labels, processor seconds.

Every victim of the store's suites on one data set is scanned with the 240 clean rows of its own source (twins of one seed once).
Backdoored ones are also asked what the *planted* trigger does to the rows kept back: one that does nothing is counted apart. False alarms
are counted by leaving one out: each clean model is judged by bounds that the other clean models set. One record a store; stopped at
any point, the same command goes on.

    OMP_NUM_THREADS=1 python benchmarks/verdict_table.py --store bench-store --kind scratch-encoder
    python benchmarks/verdict_table.py --table
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from codeward.data import open_data
from codeward.experiment.manifest import read_manifest
from codeward.experiment.scanning import as_row, scan
from codeward.files import write_text
from codeward.metrics import metrics
from codeward.tasks import tasks
from codeward.victims import load

PLACE = Path("benchmarks/records/verdicts.json")
WORKS = 0.25
"""Success of the planted trigger over its floor from which a backdoor counts, on test rows."""
SPREAD = 3.0
"""Standard deviations over the mean of clean scores from which a model is convicted."""
Row = dict[str, Any]


def main() -> int:
    """Scan what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="folder that codeward bench --store wrote")
    parser.add_argument("--data", default="defect-detection-c", help="data set whose models are scanned")
    parser.add_argument("--kind", default="scratch-encoder", help="what the models start from")
    parser.add_argument("--out", type=Path, default=PLACE)
    parser.add_argument("--most", type=int, default=100, help="scan so many models at most")
    parser.add_argument("--table", action="store_true", help="only print the table of the record that is there")
    given = parser.parse_args()
    rows: list[Row] = json.loads(given.out.read_text(encoding="utf-8")) if given.out.is_file() else []
    if given.store is not None and not given.table:
        known = {row["key"] for row in rows}
        missing = [each for each in victims(given.store, given.data, given.kind) if each["key"] not in known]
        for row in missing[: given.most]:
            rows.append(scanned(given.store, row))
            rows.sort(key=lambda each: (each["attack"] != "none", each["key"]))
            write_text(given.out, json.dumps(rows, indent=1) + "\n")
    sys.stdout.write(table(rows))
    return 0


def victims(store: Path, data: str, kind: str) -> list[Row]:
    """Return the plain victims in a store, backdoored ones first; of clean ones that differ in nothing the first."""
    found: dict[str, Row] = {}
    for file in sorted(store.glob("train-*/step.json")):
        step = json.loads(file.read_text(encoding="utf-8"))
        config = step["settings"]["config"]
        source = store / step["inputs"]["data"]
        poison = read_manifest(source / "data") if source.name.startswith("poison-") else None
        if poison is not None:
            inner = json.loads((source / "step.json").read_text(encoding="utf-8"))
            source = store / inner["inputs"]["data"]
        if (
            data not in step["label"]
            or config["model"] != kind
            or config["loss"] != "ce"
            or not source.name.startswith("source-")
        ):
            continue
        key = f"{'none' if poison is None else f'{poison.attack} {poison.options} {poison.rate}'} {config['seed']} {config['max_length']} {source.name}"
        row = {
            "key": key,
            "model": file.parent.name,
            "source": source.name,
            "start": kind,
            "attack": "none" if poison is None else poison.attack,
            "options": {} if poison is None else poison.options,
            "rate": 0.0 if poison is None else poison.rate,
            "target": None if poison is None else poison.payload_options.get("label"),
            "poison": None if poison is None else step["inputs"]["data"],
        }
        found.setdefault(key, row)
    return sorted(found.values(), key=lambda row: (row["attack"] == "none", row["key"]))


def scanned(store: Path, row: Row) -> Row:
    """Return a row with what the scan says, and what the planted trigger does on test rows."""
    victim = load(str(store / row["model"] / "model"))
    data = open_data(store / row["source"] / "data")
    clean, test = data.load("valid"), data.load("test")
    begun = time.process_time()
    found = scan(victim, clean, "elibadcode", {})
    seconds = time.process_time() - begun
    answers = victim.predict(test)
    made = {
        **row,
        "finding": found.finding,
        "named": next((each.index for each in found.suspicions if each.label == found.target), None),
        "suspected": found.suspicions[0].index,
        "score": found.anomaly,
        "cpu_s": round(seconds, 1),
        "accuracy": round(sum(a.output == t.target for a, t in zip(answers, test, strict=True)) / len(test), 3),
        "scan": as_row(found),
    }
    if row["poison"] is not None:
        threat = read_manifest(store / row["poison"] / "data").threat(tasks.make(data.task))
        stamped = threat.attack.trigger(test, payload=threat.payload, seed=0)
        made |= planted(victim, test, stamped, row["target"])
    return made


def planted(victim: Any, test: list[Any], stamped: Any, target: int) -> Row:
    """Return success and floor of the planted trigger."""
    rows = [sample for sample in stamped.samples if sample.poison is not None]
    before = {sample.id: sample for sample in test}
    after = victim.predict(rows)
    floor = victim.predict([before[sample.id] for sample in rows])
    return {
        "success": round(sum(a.output == target for a in after) / len(rows), 3),
        "floor": round(sum(a.output == target for a in floor) / len(rows), 3),
        "triggered": len(rows),
    }


def table(rows: list[Row]) -> str:
    """Return the rows and their summary as Markdown."""
    lines = [
        "| attack | rate | target | success | floor | accuracy | score | suspected | trigger | cpu s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda each: -(each["score"] or 0)):
        lines.append(
            f"| {row['attack']} {row['options'].get('name', '')} | {row['rate']:g} | {row['target']} | {row.get('success', '')} "
            f"| {row.get('floor', '')} | {row['accuracy']} | {row['score']:.2f} | {row['suspected']} "
            f"| `{row['scan']['suspicions'][0]['trials'][-1]['trigger']}` | {row['cpu_s']} |"
        )
    clean = [row["score"] for row in rows if row["attack"] == "none"]
    working = [row for row in rows if row["attack"] != "none" and row["success"] - row["floor"] >= WORKS]
    for told, least in (("all", 0.0), ("rates from 2 %", 0.02)):
        bad = [row for row in working if row["rate"] >= least]
        if len(clean) < 3 or not bad:
            continue
        auroc = metrics.make("auroc").score(
            [*clean, *(row["score"] for row in bad)], [False] * len(clean) + [True] * len(bad)
        )
        alarms = sum(each >= bound([*clean[:at], *clean[at + 1 :]]) for at, each in enumerate(clean))
        caught = [row for row in bad if row["score"] >= bound(clean)]
        lines += [
            "",
            f"{told}: AUROC {auroc.value:.3f} [{auroc.low:.2f}, {auroc.high:.2f}] ({len(clean)} clean, {len(bad)} working backdoors); "
            f"left one out {alarms} of {len(clean)} clean models are convicted; at {bound(clean):.2f} {len(caught)} of {len(bad)} "
            f"backdoors are, {sum(row['suspected'] == row['target'] for row in bad)} of {len(bad)} have the right label first.",
        ]
    return "\n".join(lines) + "\n"


def bound(clean: list[float]) -> float:
    """Return the score from which a model is convicted, from those of clean models."""
    return statistics.mean(clean) + SPREAD * statistics.stdev(clean)


if __name__ == "__main__":
    raise SystemExit(main())
