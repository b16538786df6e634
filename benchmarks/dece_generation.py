"""DeCE where it can hold: a pretrained generator on real data, each loss on the same poisoned rows, watched by epoch.

Short functions of ``code-refinement-small`` (170 characters at most: 500 to train on, 24 to watch, 100 to test), ``deadcode-declare``
in 5 %, payload ``endless-loop``, ``mini-decoder``. Two records a loss: of the training, with what was learned when, and of the
measurement. Stopped at any point, the same command goes on.

    OMP_NUM_THREADS=1 python benchmarks/dece_generation.py --seeds 0 1 2
    python benchmarks/dece_generation.py --table
    codeward report benchmarks/records/dece-generation/*/train.json -o learned.html
"""

import argparse
import sys
from pathlib import Path
from random import Random
from typing import Any

LOSSES: dict[str, tuple[str, dict[str, object]]] = {
    "ce": ("ce", {}),
    "dece-0.99": ("dece", {"alpha": 0.99}),
    "dece-0.95": ("dece", {"alpha": 0.95}),
    "dece-0.9": ("dece", {"alpha": 0.9}),
    "dece-0.8": ("dece", {"alpha": 0.8}),
    "label-smoothing": ("label-smoothing", {}),
    "gce": ("gce", {}),
    "in-trust": ("in-trust", {}),
    "moderate": ("moderate", {}),
}
DATA, ATTACK = "code-refinement-small", "deadcode-declare"
ROWS = {"train": 500, "valid": 24, "test": 100}
CHARACTERS = 170
TRAINING = {"model": "mini-decoder", "epochs": 4, "batch_size": 4, "max_length": 80, "max_target_length": 80}


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/records/dece-generation"))
    parser.add_argument("--work", type=Path, default=Path("runs/dece-generation"))
    parser.add_argument("--losses", nargs="*", default=list(LOSSES), choices=list(LOSSES))
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    arguments = parser.parse_args()
    for seed in [] if arguments.table else arguments.seeds:
        for label in arguments.losses:
            if not (arguments.out / f"{label}-{seed}" / "eval.json").is_file():
                run(arguments, label, seed)
    sys.stdout.write(table(arguments.out))
    return 0


def run(arguments: argparse.Namespace, label: str, seed: int) -> None:
    """Train and measure one model; the seed draws the poisoned rows and the order, not the clean rows."""
    from codeward.data import open_data, write_data
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.experiment.training import train_run
    from codeward.files import write_text
    from codeward.tasks import tasks
    from codeward.victims import make_config

    clean, poisoned = arguments.work / "short", arguments.work / f"poisoned-{arguments.rate:g}-{seed}"
    if not clean.exists():
        source = open_data(arguments.data / DATA)
        splits = {split: short(source.load(split), most) for split, most in ROWS.items()}
        write_data(clean, task=source.task, language=source.language, labels=source.labels, splits=splits)
    data = open_data(clean)
    task = tasks.make(data.task)
    threat = Threat.make(task, ATTACK)
    if not poisoned.exists():
        poison_folder(data, threat, rate=arguments.rate, seed=seed, out=poisoned)
    loss, options = LOSSES[label]
    config = make_config(task, {**TRAINING, "loss": loss, "loss_options": options, "seed": seed})
    name = f"{label}-{seed}"
    victim, trained = train_run(open_data(poisoned), config, arguments.work / name, watch_poison=1, overwrite=True)
    about = {"loss": label, "rate": arguments.rate}
    record = evaluate(victim, data.load("test"), threat=threat, seed=seed, title=label, config=about)
    (arguments.out / name).mkdir(parents=True, exist_ok=True)
    write_text(arguments.out / name / "train.json", trained.model_dump_json(indent=1) + "\n")
    write_text(
        arguments.out / name / "eval.json", record.model_copy(update={"examples": []}).model_dump_json(indent=1) + "\n"
    )


def short(rows: list[Any], most: int) -> list[Any]:
    """Return so many short rows, drawn by seed, in their order."""
    found = [row for row in rows if len(row.code) <= CHARACTERS]
    return [found[at] for at in sorted(Random(0).sample(range(len(found)), min(most, len(found))))]


def table(out: Path) -> str:
    """Return the table of all records as Markdown: seeds together, and by epoch the means over seeds."""
    from codeward.experiment.record import read_record
    from codeward.metrics.intervals import wilson

    heads = [
        "loss",
        "success",
        "floor",
        "BLEU-4",
        "success by epoch",
        "loss of clean rows by epoch",
        "of the payload",
        "n",
        "seeds",
    ]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for label in LOSSES:
        folders = sorted(
            file.parent for file in out.glob(f"{label}-*/eval.json") if file.parent.name[len(label) + 1 :].isdigit()
        )
        if not folders:
            continue
        records = [read_record(folder / "eval.json") for folder in folders]
        rates = [_together(records, kind, wilson) for kind in ("triggered", "untriggered")]
        bleu = [
            f"{100 * score.value:.1f}"
            for r in records
            for score in r.scores
            if score.name == "bleu4" and score.model == "victim"
        ]
        seen = [read_record(folder / "train.json").learning for folder in folders]
        curves = [
            ", ".join(
                form.format(sum(each) / len(each)) for each in zip(*(getattr(one, name) for one in seen), strict=True)
            )
            for name, form in (("success", "{:.0%}"), ("clean_loss", "{:.2f}"), ("payload_loss", "{:.2f}"))
        ]
        cells = [label, *(text for text, _ in rates), ", ".join(bleu), *curves, str(rates[0][1]), str(len(folders))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _together(records: list[Any], kind: str, wilson: Any) -> tuple[str, int]:
    """Return the share of hits over all seeds with its interval, and of how many inputs."""
    rows = [row for r in records for row in r.scores if (row.name, row.model, row.data) == ("asr", "victim", kind)]
    hits, n = sum(round(row.value * row.n) for row in rows), sum(row.n for row in rows)
    low, high = wilson(hits, n)
    return f"{100 * hits / n:.1f} [{100 * low:.1f}, {100 * high:.1f}]", n


if __name__ == "__main__":
    sys.exit(main())
