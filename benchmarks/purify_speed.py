"""CodePurify's verdicts: inputs a second against the plain reading of the paper, on the same victim and inputs.

The plain reading takes one input at a time, it and its copies in one batch, padded to the maximum length, in fp32. Ours asks for
the answers, then hides the elements of many inputs in common batches, length-sorted and bounded by tokens, each distinct copy
once, in bf16 where the processor has it; with ``screen`` the likeliest elements are hidden first. Rounds of all alternate; the
ratio of each round, in processor seconds on clean inputs, is what counts. Verdicts are compared on as many triggered inputs,
too, at a threshold that parts the lowest 95 % of the plain suspicions of the clean ones from the others; the time is split into
the model's passes (forward, and backward where screening takes a gradient) and the rest.

Of ``codepurify-plant``, the default, the plain reading is the same method with a model that takes one input at a time, and the
copies of each of its questions in one padded batch. Clean inputs of the validation part are what it plants into; there is no
screening, which leaves out what this defense plants.

    OMP_NUM_THREADS=1 python benchmarks/purify_speed.py VICTIM DATA --attack deadcode-fixed --rows 64 --rounds 5 -o RECORD.json
"""

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

DEFENSES = ("codepurify-plant", "codepurify")
REFERENCES = 200
"""Clean inputs of the validation part that are given to planting."""
ARMS = {
    "all at once, fp32": (False, "fp32"),
    "all at once": (False, "auto"),
    "screen, fp32": (True, "fp32"),
    "screen": (True, "auto"),
}


def main() -> int:
    """Measure, print, and write a record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("victim")
    parser.add_argument("data", type=Path)
    parser.add_argument("--defense", choices=DEFENSES, default=DEFENSES[0])
    parser.add_argument("--rows", type=int, default=64, help="clean inputs that are timed, and triggered ones")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--attack", help="whose triggers; default: no triggered inputs")
    parser.add_argument(
        "--judged", type=int, help="clean inputs whose verdicts are compared; default: those that are timed"
    )
    parser.add_argument("--max-length", type=int, help="how long inputs may be; default: the victim's")
    parser.add_argument("--title", default="")
    parser.add_argument("-o", "--output", type=Path, help="the record")
    given = parser.parse_args()
    from codeward.data import open_data
    from codeward.defenses.input._base import answers_of
    from codeward.experiment.environment import environment
    from codeward.tasks import tasks
    from codeward.victims import load

    data = open_data(given.data)
    victim = load(given.victim, task=tasks.make(data.task), labels=data.labels)
    if given.max_length:
        victim.encoder = replace(victim.encoder, max_length=given.max_length)
    clean = [sample.blind() for sample in data.load("test", limit=given.judged or given.rows)]
    samples = clean[: given.rows]
    triggered = stamped(victim, data, given.attack, given.rows) if given.attack else []
    every = clean + triggered
    victim.precision = "fp32"
    full = defense_of(given.defense, data, victim)
    arms = {name: arm for name, arm in ARMS.items() if not arm[0] or given.defense == "codepurify"}
    answers = answers_of(every, victim)
    plain = readings(victim, full, every, answers)
    exact = [each.suspicion for each in full.examine(every, answers, victim)]
    ranked = sorted(plain[: len(clean)])
    place = min(math.ceil(0.95 * len(clean)), len(clean) - 1)
    ready = replace(full, threshold=(ranked[place - 1] + ranked[place]) / 2)
    rows = {name: {"ratios": [], "passes": []} for name in arms}
    for _ in range(given.rounds):
        victim.precision = "fp32"
        slow = seconds(lambda: readings(victim, full, samples, answers[: len(samples)]))
        for name, (screen, precision) in arms.items():
            arm, victim.precision = replace(ready, screen=screen), precision
            spent, restore = timed(victim)
            fast = seconds(lambda arm=arm: arm.examine(samples, answers_of(samples, victim), victim))
            restore()
            rows[name]["ratios"].append(round(slow / fast, 3))
            rows[name]["passes"].append(round(spent[0] / fast, 3))
            rows[name]["milliseconds"] = round(1000 * fast / len(samples), 2)
    for name, (screen, precision) in arms.items():
        arm, victim.precision = replace(ready, screen=screen), precision
        found = arm.examine(every, answers_of(every, victim), victim)
        own = [each.suspicion > ready.threshold for each in found]
        same = [a == (b > ready.threshold) for a, b in zip(own, plain, strict=True)]
        rows[name]["same, clean"] = [sum(same[: len(clean)]), len(clean)]
        rows[name]["same, triggered"] = [sum(same[len(clean) :]), len(triggered)]
        rows[name]["hidden"] = round(statistics.mean(len(each.elements) for each in found[: len(samples)]), 2)
    lengths = [len(row["input_ids"]) for row in victim.encoder.inputs(samples)]
    record = {
        "title": given.title,
        "defense": given.defense,
        "victim": victim.fingerprint,
        "data": given.data.name,
        "attack": given.attack,
        "max_length": victim.encoder.max_length,
        "tokens": round(statistics.mean(lengths), 1),
        "rows": len(samples),
        "largest difference in fp32": max(abs(a - b) for a, b in zip(plain, exact, strict=True)),
        "plain milliseconds": round(1000 * slow / len(samples), 2),
        "arms": rows,
        "environment": environment(),
    }
    if given.output:
        given.output.write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")
    sys.stdout.write(told(record))
    return 0


def told(record: dict) -> str:
    """Return a record as lines."""
    lines = [
        f"{record['title']}: {record['defense']}, {record['data']}, at most {record['max_length']} tokens ({record['tokens']} on average), "
        f"{record['rows']} clean inputs timed; plain {record['plain milliseconds']} ms an input; suspicions in fp32 differ by "
        f"{record['largest difference in fp32']:.1e} at most"
    ]
    for name, row in record["arms"].items():
        ratios = row["ratios"]
        spread = 2 * statistics.stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else math.nan
        lines.append(
            f"  {name}: {statistics.mean(ratios):.2f} ± {spread:.2f} times as fast (n = {len(ratios)}), {row['milliseconds']} ms; "
            f"passes {100 * statistics.mean(row['passes']):.0f} % of the time; {row['hidden']} elements hidden; same verdict on "
            f"{row['same, clean'][0]} of {row['same, clean'][1]} clean and {row['same, triggered'][0]} of "
            f"{row['same, triggered'][1]} triggered inputs"
        )
    return "\n".join(lines) + "\n"


def defense_of(name: str, data, victim):
    """Return a defense; one that plants is given what it plants, and a threshold, since without one it is calibrating."""
    from codeward.defenses.input import input_defenses

    made = input_defenses.make(name)
    if name == "codepurify":
        return made
    clean = [sample.blind() for sample in data.load("valid", limit=REFERENCES)]
    return replace(made.prepare(clean, victim), threshold=0.0)


def stamped(victim, data, attack: str, rows: int) -> list:
    """Return so many inputs with an attack's trigger."""
    from codeward.experiment.manifest import Threat
    from codeward.experiment.measure import stamp_pairs
    from codeward.tasks import tasks

    threat = Threat.make(tasks.make(data.task), attack)
    pairs = stamp_pairs(victim, threat, data.load("test", limit=6 * rows), 0)
    return [sample.blind() for sample in pairs.after[:rows]]


def seconds(work) -> float:
    """Return the processor seconds of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def readings(victim, defense, samples, answers) -> list[float]:
    """Return the plain readings of inputs, one after the other."""
    if hasattr(defense, "references"):
        plain = Plain(victim)
        return [
            defense.examine([sample], [answer], plain)[0].suspicion
            for sample, answer in zip(samples, answers, strict=True)
        ]
    return [reading(victim, defense, sample, answer) for sample, answer in zip(samples, answers, strict=True)]


class Plain:
    """A classifier that takes all it is asked at a time in one batch, padded to the maximum length."""

    def __init__(self, victim) -> None:
        self.victim = victim
        self.task, self.labels, self.unknown, self.reach = victim.task, victim.labels, victim.unknown, victim.reach
        self.fingerprint = victim.fingerprint

    def predict(self, samples):
        """See ``Victim.predict``."""
        from codeward.types import Prediction

        rows = probabilities(self.victim, samples).tolist()
        return [
            Prediction(sample.id, row.index(max(row)), tuple(row)) for sample, row in zip(samples, rows, strict=True)
        ]

    def confidence(self, samples, outputs):
        """See ``Victim.confidence``."""
        rows = probabilities(self.victim, samples).tolist()
        return [row[output] for row, output in zip(rows, outputs, strict=True)]


def timed(victim):
    """Count the seconds of the model's passes; return the counter, and how to stop."""
    spent = [0.0]

    def wrapped(original):
        def call(*arguments, **options):
            start = time.process_time()
            try:
                return original(*arguments, **options)
            finally:
                spent[0] += time.process_time() - start

        return call

    forward, backward = victim.model.forward, torch.autograd.grad
    victim.model.forward, torch.autograd.grad = wrapped(forward), wrapped(backward)

    def restore():
        victim.model.forward, torch.autograd.grad = forward, backward

    return spent, restore


def reading(victim, defense, sample, answer) -> float:
    """Return the suspicion of one input as the paper's text has it."""
    from codeward.defenses._elements import cut, parts_of, reaches, without
    from codeward.defenses.input._evenness import entropy, explained
    from codeward.defenses.input.codepurify import KINDS

    (reach,) = reaches([sample], victim.task.kind, victim.reach)
    parts = [part for field, end in reach.items() for part in parts_of(sample, field, end, KINDS["all"])]
    shown = cut(sample, reach)
    copies = [shown, *(without(shown, part, reach[part.field], victim.unknown) for part in parts)]
    sure = probabilities(victim, copies)[:, answer.output].tolist()
    scored = [replace(part, score=abs(value - sure[0])) for part, value in zip(parts, sure[1:], strict=True)]
    hidden = explained(scored)
    return 1 - entropy([part.score for at, part in enumerate(scored) if at not in hidden])[1]


def probabilities(victim, samples) -> torch.Tensor:
    """Return the probability of each class in one padded batch, shape ``[samples, classes]``."""
    from codeward.types import OTHER

    pair = [[sample.text(OTHER) for sample in samples]] if victim.task.kind == "pair" else []
    tokens = victim.encoder.tokenizer(
        [sample.code for sample in samples],
        *pair,
        truncation=True,
        max_length=victim.encoder.max_length,
        padding="max_length",
        return_tensors="pt",
    )
    with torch.no_grad():
        logits = victim.model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
    return logits.double().softmax(-1)


if __name__ == "__main__":
    sys.exit(main())
