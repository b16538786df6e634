"""Input defenses against two triggers in one input: the same one in two places, or two that were planted one by one.

Each trigger suffices alone, so an answer needs neither. The first victim is poisoned with the first trigger (5 % of the rows);
the second starts from it and is trained for one more epoch, on rows that hold each of two triggers (5 % each). All defenses stand
before the same victim and inputs, on one trigger an input and on two; one record each. Stopped at any point, the same
command goes on with what is missing.

    OMP_NUM_THREADS=1 python benchmarks/purify_double.py --data ../shared/data --out benchmarks/records/purify-double
    python benchmarks/purify_double.py --out benchmarks/records/purify-double --table
"""

import argparse
import re
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

from attack_table import DATA_SETS, SEED, log, write_part

from codeward.types import Span

SOURCE, RATE, ROWS, CLEAN = "defect-detection-c", 0.05, 50, 60
CELLS: dict[str, tuple[tuple[str, dict[str, object]], ...]] = {
    "deadcode-fixed, twice": (("deadcode-fixed", {}), ("deadcode-fixed", {"position": "random"})),
    "deadcode-fixed and identifier-rename": (("deadcode-fixed", {}), ("identifier-rename", {})),
}
"""The two triggers that the inputs of each cell hold."""
LEADING: dict[str, object] = {"among": "leading"}
DEFENSES: dict[str, tuple[str, dict[str, object]]] = {
    "codepurify": ("codepurify", {"spare_familiar": False, "repeated": "apart"}),
    "codepurify-plant": (
        "codepurify-plant",
        {**LEADING, "spare_familiar": False, "evidence": "planting", "repeated": "apart"},
    ),
    "codepurify-plant, all": ("codepurify-plant", {"spare_familiar": False, "repeated": "apart"}),
    "leading, apart": ("codepurify-plant", {**LEADING, "repeated": "apart"}),
    "leading": ("codepurify-plant", LEADING),
    "default": ("codepurify-plant", {}),
}
"""The rows of each cell: a defense with its options; the last two hide a statement that stands twice in both places."""


def main() -> int:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/purify-double"))
    parser.add_argument("--only", nargs="*", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--counts", nargs="*", type=int, default=[1, 2], help="triggers in an input")
    parser.add_argument("--defenses", nargs="*", default=list(DEFENSES), choices=list(DEFENSES))
    parser.add_argument("--train", action="store_true", help="only train the victims")
    parser.add_argument("--table", action="store_true", help="only print the table of the records that are there")
    given = parser.parse_args()
    if not given.table:
        for name in given.only:
            victim = trained(given.data / SOURCE, name, given.out / ".work")
            for count, defense in () if given.train else product(given.counts, given.defenses):
                place = given.out / SOURCE / f"{slug(name)}-{count}-{slug(defense)}.json"
                if not place.is_file():
                    log(f"measuring: {name}, {count} in an input, {defense}")
                    measure(victim, name, count, defense, given.out / ".work" / "data", place)
    sys.stdout.write(table(given.out))
    return 0


def trained(source: Path, name: str, work: Path):
    """Return the victim of a cell, trained where it is not there yet."""
    from codeward.data import open_data, write_data
    from codeward.experiment.manifest import Threat
    from codeward.experiment.training import train_run
    from codeward.tasks import tasks
    from codeward.victims import load, make_config

    if not (work / "data").exists():
        write_part(source, work / "data")
    folder = work / slug(name)
    if (folder / "victim" / "record.json").is_file():
        return load(str(folder / "victim"))
    data = open_data(work / "data")
    rows, attacks = data.load("train"), dict(CELLS[name][::-1])
    options = {**DATA_SETS[SOURCE], "seed": SEED}
    if len(attacks) > 1:
        start = trained(source, next(iter(CELLS)), work) and work / slug(next(iter(CELLS))) / "victim"
        options = {"model": str(start), "max_length": options["max_length"], "epochs": 1, "seed": SEED}
    log(f"training: {name}")
    for number, (attack, settings) in enumerate(sorted(attacks.items())):
        threat = Threat.make(tasks.make(data.task), attack, settings)
        prepared = replace(threat, attack=threat.attack.prepare(rows, threat.payload))
        poisoned = prepared.attack.poison(rows, prepared.payload, rate=RATE, seed=SEED + number)
        rows = list(poisoned.samples)
    splits = {"train": rows, "valid": data.load("valid"), "test": data.load("test")}
    write_data(
        folder / "poisoned",
        task=data.task,
        language=data.language,
        labels=data.labels,
        splits=splits,
        overwrite=(folder / "poisoned").exists(),
    )
    config = make_config(tasks.make(data.task), options)
    return train_run(open_data(folder / "poisoned"), config, folder / "victim", overwrite=True)[0]


def measure(victim, name: str, count: int, shown: str, folder: Path, place: Path) -> None:
    """Measure a defense on inputs with one trigger or two."""
    from codeward.data import open_data
    from codeward.experiment.calibration import calibrate
    from codeward.experiment.environment import environment
    from codeward.experiment.measure import attack_outcome, row, success_rows, utility
    from codeward.experiment.protection import protect
    from codeward.experiment.record import Record
    from codeward.files import write_text

    data = open_data(folder)
    clean, test = data.load("valid", limit=CLEAN), data.load("test", limit=8 * ROWS)
    chosen = threats(data.task, name)[:count]
    pairs = several(victim, chosen, test)
    outcome = attack_outcome(victim, chosen[0].payload, pairs, generated=False)
    rows = test[:ROWS]
    scores = [row(score, "victim", "clean") for score in utility(victim, victim.task, rows)] + success_rows(
        outcome, "victim"
    )
    defense, options = DEFENSES[shown]
    ready = calibrate(defense, options, clean, victim)
    found = protect(shown, ready.defense, victim, rows, threat=chosen[0], pairs=pairs, outcome=outcome)
    scores += found.scores
    record = Record(
        verb="evaluate",
        title=f"{name}: {count} in an input",
        task=victim.task.name,
        kind=victim.task.kind,
        config={"data": SOURCE, "rate": RATE, "triggers": CELLS[name][:count], "defenses": {shown: options}},
        seed=SEED,
        scores=scores,
        counts=pairs.counts,
        skipped=pairs.skipped,
        fingerprints={"victim": victim.fingerprint},
        environment=environment(),
        timings={f"{shown}, a clean input": round(found.seconds, 5)},
    )
    write_text(place, record.model_dump_json(indent=1) + "\n")


def several(victim, chosen: list, samples: list):
    """Return test rows without and with all triggers, each of which the victim reads whole in one place at least."""
    from codeward.experiment.measure import Pairs, read_triggers

    before, after = {sample.id: sample for sample in samples}, samples
    for number, threat in enumerate(chosen):
        bare = [replace(sample, target=before[sample.id].target, poison=None) for sample in after]
        known = {sample.id: sample.poison for sample in after if sample.poison is not None}
        stamped = threat.attack.trigger(bare, threat.payload, seed=SEED + 10 + number).samples
        after = [together(sample, known.get(sample.id)) for sample in read_triggers(victim, stamped)]
        after = [sample for sample in after if read_whole(victim, sample, number + 1)]
    after = after[:ROWS]
    counts = {"total": len(samples), "judged": len(after)}
    return Pairs(tuple(before[sample.id] for sample in after), tuple(after), counts, {})


def together(sample, first):
    """Return a sample whose provenance names the places of an earlier trigger, too."""
    if first is None:
        return sample
    spans = {
        *sample.poison.spans,
        *(Span(*match.span()) for match in re.finditer(re.escape(first.trigger), sample.code)),
    }
    spans = tuple(sorted(spans, key=lambda span: span.start))
    return replace(
        sample, poison=replace(sample.poison, trigger=f"{first.trigger} + {sample.poison.trigger}", spans=spans)
    )


def read_whole(victim, sample, count: int) -> bool:
    """Whether a victim reads so many places of the triggers."""
    (reach,) = victim.reach([sample])
    return sum(span.end <= reach for span in sample.poison.spans) >= count


def table(out: Path) -> str:
    """Return the records as a Markdown table; shares in percent with 95 % intervals."""
    from codeward.experiment.record import read_record

    lines = [
        "| triggers | defense | success | floor | accuracy | false alarms | recall | AUROC |\n",
        f"|{'---|' * 8}\n",
    ]
    for file in sorted(out.glob("*/*.json")):
        record = read_record(file)
        scores = {(score.name, score.model, score.data): score for score in record.scores}
        (name,) = record.config["defenses"]
        none = [
            ("asr", "victim", "triggered"),
            ("asr", "victim", "untriggered"),
            ("accuracy", "victim", "clean"),
            *[None] * 3,
        ]
        behind = [("asr", name, "triggered"), None, ("accuracy", name, "clean"), ("fpr", name, "clean")]
        behind += [("recall", name, "triggered"), ("auroc", name, "triggered and clean")]
        for defense, keys in (("none", none), (name, behind)):
            cells = " | ".join(show(scores.get(key)) for key in keys)
            lines.append(f"| {record.title} | {defense} | {cells} |\n")
    return "".join(dict.fromkeys(lines))


def show(score: object) -> str:
    """Return a score in percent with its interval and n."""
    if score is None or score.value is None:
        return ""
    return f"{100 * score.value:.1f} [{100 * score.low:.0f}, {100 * score.high:.0f}] n={score.n}"


def slug(name: str) -> str:
    """Return a cell's name as a file's."""
    return name.replace(", ", "-").replace(" ", "-")


def threats(task: str, name: str) -> list:
    """Return the two threats of a cell."""
    from codeward.experiment.manifest import Threat
    from codeward.tasks import tasks

    return [Threat.make(tasks.make(task), attack, options) for attack, options in CELLS[name]]


if __name__ == "__main__":
    sys.exit(main())
