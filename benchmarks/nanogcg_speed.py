"""Our search against ``nanogcg`` (PyPI) on a decoder-only model: same prompts, goal, places, candidates a step; in one run.

One prompt is one search, since nanogcg takes one. Each function of the running Python's library gets a slot before its first
statement, and the goal is a fixed line that the model shall write next. nanogcg takes its steps; ours takes as many, and then is
timed until its loss is at least as low. The two take turns, so that a noisy machine disturbs both.

    pip install nanogcg==0.3.0
    OMP_NUM_THREADS=1 python benchmarks/nanogcg_speed.py --prompts 8
"""

import argparse
import logging
import math
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

GOAL = "    raise Exception(1)"
WORDS = 5
"""Tokens of the trigger: nanogcg begins with that many letters x."""


def main() -> int:
    """Print the ratios for each prompt, and the means of their logarithms with 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini-decoder")
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--candidates", type=int, default=64)
    parser.add_argument("--precision", default="auto", help="ours: auto, bf16 or fp32, in which nanogcg runs")
    given = parser.parse_args()
    steps, reached = [], []
    for number, (victim, before, after) in enumerate(prompts(given.model, given.prompts, given.precision)):
        slow, loss = theirs(victim, before, after, given.steps, given.candidates)
        fast, own, _ = ours(victim, before, after, given.steps, given.candidates, 0.0)
        until, low, taken = ours(victim, before, after, 10 * given.steps, given.candidates, loss)
        steps.append(slow / fast)
        reached.append(slow / until if low <= loss else math.nan)
        sys.stdout.write(
            f"prompt {number}: nanogcg {given.steps} steps, {slow:.1f} s, loss {loss:.3f}; ours as many, {fast:.1f} s, "
            f"loss {own:.3f}; {low:.3f} after {taken} steps, {until:.1f} s\n"
        )
        sys.stdout.flush()
    for name, ratios in (("a step", steps), ("to the same loss", reached)):
        sys.stdout.write(f"{name}: {told([each for each in ratios if not math.isnan(each)])} of {len(ratios)}\n")
    return 0


def prompts(model: str, count: int, precision: str) -> list[tuple[object, str, str]]:
    """Return the model with texts before and after the slot: functions of the library, up to their first statement."""
    import json.decoder
    import textwrap

    from codeward.code import functions
    from codeward.tasks import tasks
    from codeward.victims import load

    victim = replace(load(model, task=tasks.make("generation")), precision=precision)
    found = []
    for file in sorted(Path(json.__file__).parent.glob("*.py")) + sorted(Path(textwrap.__file__).parent.glob("c*.py")):
        text = file.read_text(encoding="utf-8")
        for each in functions(text, "python"):
            head, _, body = text[each.span.start : each.span.end].partition(":\n")
            if body and "\n" not in head and 3 <= body.count("\n") <= 10:
                found.append((victim, f"{head}:\n    ", f"\n{body}"))
    return found[:count]


def theirs(victim: object, before: str, after: str, steps: int, candidates: int) -> tuple[float, float]:
    """Return seconds and loss of nanogcg."""
    import nanogcg

    logging.getLogger("nanogcg").setLevel(logging.ERROR)
    config = nanogcg.GCGConfig(
        num_steps=steps,
        optim_str_init=" ".join("x" * WORDS),
        search_width=candidates,
        topk=64,
        seed=0,
        verbosity="ERROR",
        use_prefix_cache=False,
    )
    begun = time.perf_counter()
    found = nanogcg.run(victim.model, victim.encoder.tokenizer, f"{before}{{optim_str}}{after}", GOAL, config)
    return time.perf_counter() - begun, found.best_loss


def ours(
    victim: object, before: str, after: str, steps: int, candidates: int, enough: float
) -> tuple[float, float, int]:
    """Return seconds, loss and steps of our search on one prompt."""
    from codeward.defenses.model._lens import Lens
    from codeward.defenses.model._search import Budget, Search, run
    from codeward.defenses.model._slots import Slot
    from codeward.defenses.model._vocabulary import trigger_vocabulary
    from codeward.types import CODE, Sample, Span

    tokenizer = victim.encoder.tokenizer
    pieces = [tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (before, after, GOAL)]
    start = tuple(tokenizer(" ".join("x" * WORDS), add_special_tokens=False)["input_ids"])
    slot = Slot(Sample("0", before + after, "", "python"), CODE, Span(len(before), len(before)), pieces[0], pieces[1])
    search = Search(pieces[2], [slot], trigger_vocabulary(tokenizer, "python", "any"), start, 0)
    begun = time.perf_counter()
    run(
        Lens(victim),
        [search],
        Budget(steps=steps, candidates=candidates, patience=steps, enough=enough, first_samples=1),
    )
    return time.perf_counter() - begun, search.loss, search.steps


def told(ratios: list[float]) -> str:
    """Return the geometric mean with its 95 % interval."""
    logs = [math.log(each) for each in ratios]
    middle = statistics.mean(logs)
    spread = 1.96 * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else 0.0
    low, high = math.exp(middle - spread), math.exp(middle + spread)
    return f"{math.exp(middle):.1f} times [{low:.1f}, {high:.1f}], n = {len(ratios)}"


if __name__ == "__main__":
    sys.exit(main())
