"""Verdicts of ``codeward scan`` on the classifiers that lie in a bench's store: AUROC, false alarms, right labels, processor seconds.

Every victim of the store's suites on one data set is scanned with the 240 clean rows of its own source (twins of one seed once).
Backdoored ones are also asked what the *planted* trigger does to the rows kept back: one that does nothing is counted apart. False alarms
are counted by leaving one out: each clean model is judged by bounds that the other clean models set. One record a store; stopped at
any point, the same command goes on. ``--board`` takes in the scans of a bench's zoo, and ``--rejudge`` lets the verdict of today speak on
the triggers that all scans have found.

    OMP_NUM_THREADS=1 python benchmarks/verdict_table.py --store bench-store --kind scratch-encoder
    python benchmarks/verdict_table.py --board bench/board.json --store bench-store
    python benchmarks/verdict_table.py --rejudge
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from codeward.bench.board import read_board
from codeward.data import open_data
from codeward.defenses.model import Suspicion
from codeward.defenses.model._verdict import UNSURE, decided, ease
from codeward.experiment.manifest import read_manifest
from codeward.experiment.scanning import as_row, scan
from codeward.files import write_text
from codeward.metrics import metrics
from codeward.tasks import tasks
from codeward.victims import load

PLACE = Path("benchmarks/records/verdicts.json")
LABELS = ("clean", "defective")
FRESH = "zoo3"
"""The folder of a zoo whose models had set no bound when they were judged."""
WORKS = 0.25
"""Success of the planted trigger over its floor from which a backdoor counts, on test rows."""
SPREAD = 2.5
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
    parser.add_argument("--board", type=Path, help="board of a zoo, whose scans by elibadcode lie in the store")
    parser.add_argument("--rejudge", action="store_true", help="judge anew what the scans have found")
    given = parser.parse_args()
    if given.board is not None and given.store is None:
        parser.error("--board needs the --store in which its scans lie")
    rows: list[Row] = json.loads(given.out.read_text(encoding="utf-8")) if given.out.is_file() else []
    if given.board is not None:
        rows = [
            *rows,
            *(row for row in of_board(given.board, given.store) if row["key"] not in {each["key"] for each in rows}),
        ]
    if given.rejudge or given.board is not None:
        rows = [rejudged(row) for row in rows]
        write_text(given.out, json.dumps(rows, indent=1) + "\n")
    elif given.store is not None and not given.table:
        known = {row["key"] for row in rows}
        missing = [each for each in victims(given.store, given.data, given.kind) if each["key"] not in known]
        for row in missing[: given.most]:
            rows.append(scanned(given.store, row))
            rows.sort(key=lambda each: (each["attack"] != "none", each["key"]))
            write_text(given.out, json.dumps(rows, indent=1) + "\n")
    sys.stdout.write(table(rows))
    return 0


def of_board(board: Path, store: Path) -> list[Row]:
    """Return the models of a zoo that elibadcode has judged, with what it found."""
    lines = {line.name: line for line in read_board(board.parent).zoo if line.defense == "elibadcode" and line.finding}
    found = []
    for file in sorted(store.glob("scan-*/step.json")):
        step = json.loads(file.read_text(encoding="utf-8"))
        line = lines.get(step["label"].split(",")[0])
        if (
            line is None
            or not step["label"].endswith("scan by elibadcode")
            or step["settings"]["options"] != line.options
        ):
            continue
        inspection = json.loads(file.with_name("inspection.json").read_text(encoding="utf-8"))
        scores = line.scores
        row = {
            "key": f"{line.name} {line.seed} {file.parent.name}",
            "zoo": board.parent.name,
            "start": line.model,
            "attack": line.attack,
            "options": {},
            "rate": line.rate,
            "target": None if line.target is None else LABELS.index(line.target),
            "cpu_s": line.seconds,
            "accuracy": round(scores["utility"].value, 3),
            "scan": inspection,
        }
        if "success" in scores:
            row |= {"success": round(scores["success"].value, 3), "floor": round(scores["floor"].value, 3)}
        found.append(row)
    return found


def rejudged(row: Row) -> Row:
    """Return a row with today's verdict on the triggers that its scan has found."""
    suspicions = TypeAdapter(tuple[Suspicion, ...]).validate_python(row["scan"]["suspicions"])
    if not suspicions:
        return {**row, "finding": "inconclusive", "named": None, "suspected": None, "score": None}
    ranked = sorted((replace(each, score=ease(each.trials)) for each in suspicions), key=lambda each: -each.score)
    finding, reason = decided(ranked[0])
    scan = {
        **row["scan"],
        "suspicions": [asdict(each) for each in ranked],
        "finding": finding,
        "reason": reason,
        "anomaly": ranked[0].score,
    }
    named = ranked[0].index if finding == "backdoored" else None
    return {
        **row,
        "scan": scan,
        "finding": finding,
        "named": named,
        "suspected": ranked[0].index,
        "score": ranked[0].score,
    }


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
        "| models | attack | rate | target | success | floor | accuracy | score | verdict | suspected | trigger | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda each: (each["start"], -(each["score"] or -99))):
        suspicions = row["scan"]["suspicions"]
        trigger = f"`{suspicions[0]['trials'][-1]['trigger']}`" if suspicions else ""
        lines.append(
            f"| {row['start']} {row.get('zoo', '')} | {row['attack']} {row['options'].get('name', '')} | {row['rate']:g} | {row['target']} "
            f"| {row.get('success', '')} | {row.get('floor', '')} | {row['accuracy']} | {row['score'] or 0:.2f} | {row['finding']} "
            f"| {row['suspected']} | {trigger} | {row['cpu_s']} |"
        )
    sure = [row for row in rows if row["score"] is not None and row["scan"]["suspicions"][0]["untriggered"] >= UNSURE]
    fresh = [row for row in sure if row.get("zoo") == FRESH]
    known = [row for row in sure if row not in fresh]
    groups = {
        "those that set the first bounds": known,
        f"{FRESH}, judged by them": fresh,
        "all": sure,
        "all, rates from 2 %": sure,
    }
    for told, group in groups.items():
        lines += summary(
            told,
            group,
            0.02 if "2 %" in told else 0.0,
            bound([row["score"] for row in known if row["attack"] == "none"]),
        )
    unsure = [row for row in rows if row not in sure]
    lines += [
        "",
        f"unsure, so inconclusive: {len(unsure)} of {len(rows)}, {sum(row['attack'] == 'none' for row in unsure)} of them clean",
    ]
    return "\n".join(lines) + "\n"


def summary(told: str, rows: list[Row], least: float, line: float) -> list[str]:
    """Return how well scores part clean models from working backdoors, as a line of text."""
    clean = [row["score"] for row in rows if row["attack"] == "none"]
    bad = [
        row
        for row in rows
        if row["attack"] != "none" and row["success"] - row["floor"] >= WORKS and row["rate"] >= least
    ]
    if len(clean) < 3 or not bad:
        return []
    auroc = metrics.make("auroc").score(
        [*clean, *(row["score"] for row in bad)], [False] * len(clean) + [True] * len(bad)
    )
    alarms = sum(each >= bound([*clean[:at], *clean[at + 1 :]]) for at, each in enumerate(clean))
    caught = [row for row in bad if row["score"] >= line]
    return [
        "",
        f"{told}: AUROC {auroc.value:.3f} [{auroc.low:.2f}, {auroc.high:.2f}] ({len(clean)} clean, {len(bad)} working backdoors); "
        f"left one out {alarms} of {len(clean)} clean models are convicted; at {line:.2f} {sum(each >= line for each in clean)} clean ones and "
        f"{len(caught)} backdoors are, {sum(row['suspected'] == row['target'] for row in bad)} of {len(bad)} have the right label first "
        f"(clean: mean {statistics.mean(clean):.2f}, deviation {statistics.stdev(clean):.2f}).",
    ]


def bound(clean: list[float]) -> float:
    """Return the score from which a model is convicted, from those of clean models."""
    return statistics.mean(clean) + SPREAD * statistics.stdev(clean)


if __name__ == "__main__":
    raise SystemExit(main())
