"""CodePurify's scores: inputs a second against the plain reading of the paper, on the same victim and inputs.

The plain reading takes one input at a time, its copies in one batch, padded to the maximum length, in fp32. Ours hides the
elements of many inputs in common batches, length-sorted and bounded by tokens, each distinct copy once, in bf16 where the
processor has it. Rounds of both alternate; the ratio of each round is what counts.

    OMP_NUM_THREADS=2 python benchmarks/purify_speed.py VICTIM DATA --rows 64 --rounds 5
"""

import argparse
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
    defense = input_defenses.make("codepurify")
    ratios, forward, ours_rate = [], [], []
    for _ in range(given.rounds):
        victim.precision = "fp32"
        answers = answers_of(samples, victim)
        start = time.perf_counter()
        plain = [reading(victim, defense, sample, answer) for sample, answer in zip(samples, answers, strict=True)]
        slow = time.perf_counter() - start
        exact = [each.suspicion for each in defense.examine(samples, answers, victim)]
        victim.precision = "auto"
        spent = [0.0]
        original = timed(victim, spent)
        start = time.perf_counter()
        fast_scores = [each.suspicion for each in defense.examine(samples, answers, victim)]
        fast = time.perf_counter() - start
        victim.model.forward = original
        ratios.append(slow / fast)
        forward.append(spent[0] / fast)
        ours_rate.append(len(samples) / fast)
    worst = max(abs(a - b) for a, b in zip(plain, exact, strict=True))
    threshold = sorted(plain)[int(0.95 * len(plain))]
    same = sum((a > threshold) == (b > threshold) for a, b in zip(plain, fast_scores, strict=True)) / len(plain)
    sys.stdout.write(
        f"{statistics.mean(ours_rate):.1f} inputs/s; ratio to the plain reading "
        f"{statistics.mean(ratios):.2f} ± {2 * statistics.stdev(ratios) / len(ratios) ** 0.5:.2f} (n = {len(ratios)}); "
        f"forward passes {100 * statistics.mean(forward):.0f} % of the time; "
        f"largest difference in fp32 {worst:.1e}; same decisions {100 * same:.1f} %\n"
    )
    return 0


def timed(victim, spent):
    """Count the seconds of the model's forward passes; return the function that was replaced."""
    original = victim.model.forward

    def forward(*arguments, **options):
        start = time.perf_counter()
        try:
            return original(*arguments, **options)
        finally:
            spent[0] += time.perf_counter() - start

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
