"""CodePurify's scores: inputs a second against the plain reading of the paper, on the same victim and inputs.

The plain reading takes one input at a time, its copies in one batch, padded to the maximum length, in fp32. Ours hides the
elements of many inputs in common batches, length-sorted and bounded by tokens, each distinct copy once, in bf16 where the
processor has it. With ``--screen`` the likeliest elements are hidden first. Rounds of all alternate; the ratio of each round,
in processor seconds on clean inputs, is what counts. Decisions are compared on as many triggered inputs, too, at a threshold that parts the lowest 95 %
of the plain suspicions of the clean ones from the others.

    OMP_NUM_THREADS=1 python benchmarks/purify_speed.py VICTIM DATA --attack deadcode-fixed --rows 64 --rounds 5
"""

import argparse
import math
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("victim")
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--attack", default="deadcode-fixed")
    parser.add_argument("--screen", type=int, nargs="*", default=[4, 6])
    parser.add_argument("--max-length", type=int, help="how long inputs may be; default: the victim's")
    given = parser.parse_args()
    from codeward.data import open_data
    from codeward.defenses.input import input_defenses
    from codeward.defenses.input._base import answers_of
    from codeward.tasks import tasks
    from codeward.victims import load

    data = open_data(given.data)
    victim = load(given.victim, task=tasks.make(data.task), labels=data.labels)
    if given.max_length:
        victim.encoder.max_length = given.max_length
    samples = data.load("test", limit=given.rows)
    triggered = stamped(victim, data, given.attack, given.rows)
    every = samples + triggered
    victim.precision = "fp32"
    answers = answers_of(every, victim)
    full = input_defenses.make("codepurify")
    plain = readings(victim, full, every, answers)
    exact = [each.suspicion for each in full.examine(every, answers, victim)]
    ranked = sorted(plain[: len(samples)])
    place = min(math.ceil(0.95 * len(samples)), len(samples) - 1)
    threshold = (ranked[place - 1] + ranked[place]) / 2
    victim.precision = "auto"
    arms = {"all": replace(full, threshold=threshold)}
    arms |= {f"screen={screen}": replace(arms["all"], screen=screen) for screen in given.screen}
    ratios, forward = {name: [] for name in arms}, {name: [] for name in arms}
    for _ in range(given.rounds):
        victim.precision = "fp32"
        slow = seconds(lambda: readings(victim, full, samples, answers[: len(samples)]))
        victim.precision = "auto"
        for name, arm in arms.items():
            spent = [0.0]
            original = timed(victim, spent)
            fast = seconds(lambda arm=arm: arm.examine(samples, answers[: len(samples)], victim))
            victim.model.forward = original
            ratios[name].append(slow / fast)
            forward[name].append(spent[0] / fast)
    worst = max(abs(a - b) for a, b in zip(plain, exact, strict=True))
    sys.stdout.write(f"largest difference to the plain reading in fp32: {worst:.1e} (n = {len(every)})\n")
    for name, arm in arms.items():
        found = [each.suspicion for each in arm.examine(every, answers, victim)]
        same = sum((a > threshold) == (b > threshold) for a, b in zip(plain, found, strict=True))
        spread = 2 * statistics.stdev(ratios[name]) / len(ratios[name]) ** 0.5
        sys.stdout.write(
            f"{name}: {statistics.mean(ratios[name]):.2f} ± {spread:.2f} times the plain reading (n = {given.rounds} rounds of "
            f"{len(samples)} clean inputs); forward passes {100 * statistics.mean(forward[name]):.0f} % of the time; same "
            f"decisions on {same} of {len(every)}\n"
        )
    return 0


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
    return [reading(victim, defense, sample, answer) for sample, answer in zip(samples, answers, strict=True)]


def timed(victim, spent):
    """Count the seconds of the model's forward passes; return the function that was replaced."""
    original = victim.model.forward

    def forward(*arguments, **options):
        start = time.process_time()
        try:
            return original(*arguments, **options)
        finally:
            spent[0] += time.process_time() - start

    victim.model.forward = forward
    return original


def reading(victim, defense, sample, answer) -> float:
    """Return the suspicion of one input as the paper's text has it."""
    from codeward.defenses._elements import cut, parts_of, reaches, without
    from codeward.defenses.input.codepurify import KINDS, entropy, explained

    (reach,) = reaches([sample], victim.task.kind, victim.reach)
    parts = [part for field, end in reach.items() for part in parts_of(sample, field, end, KINDS["all"])]
    shown = cut(sample, reach)
    copies = [shown, *(without(shown, part, reach[part.field], victim.unknown) for part in parts)]
    tokens = victim.encoder.tokenizer(
        [copy.code for copy in copies],
        truncation=True,
        max_length=victim.encoder.max_length,
        padding="max_length",
        return_tensors="pt",
    )
    with torch.no_grad():
        logits = victim.model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
    sure = logits.double().softmax(-1)[:, answer.output].tolist()
    scored = [replace(part, score=abs(value - sure[0])) for part, value in zip(parts, sure[1:], strict=True)]
    hidden = explained(scored)
    return 1 - entropy([part.score for at, part in enumerate(scored) if at not in hidden])[1]


if __name__ == "__main__":
    sys.exit(main())
