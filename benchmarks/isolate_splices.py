"""What isolate's splices do: one scout and one set of convicted rows, then one model for each way of using their parts.

``left-out``: the convicted rows are left out, nothing is put in. ``all``: their parts are put into any other rows (the default).
``others``: into rows of other labels only. ``ce`` is the scout itself. So the models of a cell differ in the splices alone.
One record a model; stopped at any point, the same command goes on with what is missing.

    OMP_NUM_THREADS=1 python benchmarks/isolate_splices.py --rows 2000 --attacks deadcode-fixed:0.05 deadcode-grammar:0.01 --seeds 0 1 2
    python benchmarks/isolate_splices.py --table
"""

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attack_table import ENCODER, log
from loss_table import NAMING, SETTINGS, TARGET, harvested

ARMS = ("ce", "others", "all", "left-out")
OUT = Path("benchmarks/records/isolate-splices")


@dataclass(frozen=True)
class Cell:
    """One scout: a poisoned set and a seed."""

    data: Any
    """The clean set."""
    name: str
    attack: str
    rate: float
    options: dict[str, object]
    out: Path
    work: Path

    @property
    def seed(self) -> int:
        """The seed of the poison and of all trainings."""
        return int(str(self.options["seed"]))

    def file(self, arm: str) -> Path:
        """Where a model's record lies."""
        return self.out / self.name / f"{self.attack}-{self.rate:g}-{self.seed}-{arm}.json"


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=["defect-detection-c"])
    parser.add_argument("--attacks", nargs="*", default=["deadcode-fixed:0.05", "deadcode-grammar:0.01"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--rows", type=int, default=2000, help="training rows")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="fields of the training configuration"
    )
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    arguments = parser.parse_args()
    if not arguments.table:
        for seed in arguments.seeds:
            for name in arguments.only:
                for attack in arguments.attacks:
                    run_cell(cell_of(arguments, name, attack, seed))
    sys.stdout.write(table(arguments.out))
    return 0


def cell_of(arguments: argparse.Namespace, name: str, attack: str, seed: int) -> Cell:
    """Draw the rows of a data set, once, and say what is done with them."""
    from codeward.data import open_data, write_data
    from codeward.seeds import derive

    work = arguments.out / name / ".work"
    part = work / f"data-{arguments.rows}"
    if not part.exists():
        source = open_data(harvested(work) if name == NAMING else arguments.data / name)
        rows = source.load("train")
        kept = sorted(derive(0, "part").sample(range(len(rows)), min(arguments.rows, len(rows))))
        splits = {"train": [rows[at] for at in kept], "test": source.load("test")}
        write_data(part, task=source.task, language=source.language, labels=source.labels, splits=splits)
    method, _, rate = attack.partition(":")
    given = dict(pair.split("=", 1) for pair in arguments.set)
    options = {**SETTINGS.get(name, ENCODER), **given, "seed": seed}
    return Cell(open_data(part), name, method, float(rate), options, arguments.out, work / f"{method}-{rate}-{seed}")


def run_cell(cell: Cell) -> None:
    """Train the scout, convict rows once, then train a model for each way."""
    from codeward.data import open_data
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.tasks import tasks

    if all(cell.file(arm).is_file() for arm in ARMS):
        return
    task = tasks.make(cell.data.task)
    target = {"label": cell.data.labels.index(TARGET)} if cell.data.task == NAMING else {}
    threat = Threat.make(task, cell.attack, None, "target-class", target) if target else Threat.make(task, cell.attack)
    poison_folder(cell.data, threat, rate=cell.rate, seed=cell.seed, out=cell.work / "poisoned", overwrite=True)
    poisoned = open_data(cell.work / "poisoned")
    scout = train_and_measure(cell, poisoned, "ce")
    rows = poisoned.load("train")
    convicted = convict(cell, scout, rows)
    truth = [row.poison is not None for row in rows]
    found = {"left out": len(convicted), "poisoned left out": sum(truth[n] for n in convicted), "poisoned": sum(truth)}
    for arm in ARMS[1:]:
        if not cell.file(arm).is_file():
            work = cell.work / f".{arm}.training"
            shutil.rmtree(work, ignore_errors=True)
            sifting(arm, convicted, scout, rows, cell.seed).save(work / "sifting.json")
            train_and_measure(cell, poisoned, arm, found)
    shutil.rmtree(cell.work)


def convict(cell: Cell, scout: Any, rows: list[Any]) -> dict[int, tuple[int, ...]]:
    """Return the convicted rows with their parts; found once a cell."""
    from codeward.defenses.training._conviction import convicting
    from codeward.defenses.training._transplant import transplanted
    from codeward.defenses.training.isolate import Isolate

    file = cell.work / "convicted.json"
    if not file.is_file():
        options, labels = Isolate(), [row.target for row in rows]
        inputs = scout.encoder.inputs(rows)
        parts = transplanted(scout, inputs, labels, options.window, options.pieces, cell.seed)
        convicted = convicting(parts, inputs, labels, options.bounds)
        file.write_text(json.dumps({n: list(piece) for n, piece in convicted.items()}))
    return {int(n): tuple(piece) for n, piece in json.loads(file.read_text()).items()}


def sifting(arm: str, convicted: dict[int, tuple[int, ...]], scout: Any, rows: list[Any], seed: int) -> Any:
    """Return what an arm changes in the rows."""
    from codeward.defenses.training._transplant import counterexamples
    from codeward.defenses.training.isolate import Isolate
    from codeward.victims.sifting import Sifting

    if arm == "left-out":
        return Sifting(tuple(sorted(convicted)))
    inputs, labels = scout.encoder.inputs(rows), [row.target for row in rows]
    put = counterexamples(convicted, inputs, labels, Isolate().counters, seed, others=arm == "others")
    return Sifting(tuple(sorted(convicted)), put)


def train_and_measure(cell: Cell, poisoned: Any, arm: str, found: dict[str, int] | None = None) -> Any:
    """Train a model unless it is there, measure it, write the record, and return the model."""
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.manifest import read_manifest
    from codeward.experiment.training import train_run
    from codeward.files import write_text
    from codeward.tasks import tasks
    from codeward.victims import load, make_config

    model = cell.work / arm
    if not (model / "record.json").is_file():
        log(f"{cell.name}: {cell.attack} at {cell.rate:g}, seed {cell.seed}, {arm}")
        options = {**cell.options, "loss": "ce" if arm == "ce" else "isolate"}
        train_run(poisoned, make_config(tasks.make(cell.data.task), options), model, overwrite=True)
    victim: Any = load(str(model))
    if not cell.file(arm).is_file():
        threat = read_manifest(poisoned.path).threat(tasks.make(cell.data.task))
        config = {"data": cell.name, "arm": arm, "rate": cell.rate, "rows": len(poisoned.load("train")), **cell.options}
        record = evaluate(victim, cell.data.load("test"), threat=threat, seed=cell.seed, title=arm, config=config)
        record = record.model_copy(update={"examples": [], "counts": {**record.counts, **(found or {})}})
        write_text(cell.file(arm), record.model_dump_json(indent=1) + "\n")
    return victim


def table(out: Path) -> str:
    """Return the table of all records, summed over seeds, as Markdown."""
    from codeward.experiment.record import read_record
    from codeward.metrics.intervals import wilson

    groups: dict[tuple[str, ...], list[Any]] = {}
    for record in map(read_record, sorted(out.glob("*/*.json"))):
        key = (record.config["data"], f"{record.config['attack']} {record.config['rate']:.0%}", record.config["arm"])
        groups.setdefault(key, []).append(record)
    heads = ["data", "attack", "model", "success", "floor", "accuracy", "n", "seeds", "left out (poisoned)"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for key in sorted(groups, key=lambda key: (*key[:2], ARMS.index(key[2]))):
        shown = []
        for wanted in (("asr", "triggered"), ("asr", "untriggered"), ("accuracy", "clean")):
            rows = [
                row for r in groups[key] for row in r.scores if (row.name, row.data) == wanted and row.model == "victim"
            ]
            hits, n = sum(round(row.value * row.n) for row in rows), sum(row.n for row in rows)
            low, high = wilson(hits, n)
            shown.append((f"{100 * hits / n:.1f} [{100 * low:.1f}, {100 * high:.1f}]", n))
        counts = [record.counts for record in groups[key]]
        out_of = "-"
        if key[2] != "ce":
            left, right, all_ = (sum(c[name] for c in counts) for name in ("left out", "poisoned left out", "poisoned"))
            out_of = f"{left} ({right} of {all_})"
        lines.append(
            f"| {' | '.join([*key, *(text for text, _ in shown), str(shown[0][1]), str(len(counts)), out_of])} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
