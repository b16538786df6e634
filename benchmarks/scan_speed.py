"""Time to the same loss: our search against a plain reading of EliBadCode's, same samples, places, tokens and start, in one run.

The plain reading scores candidates one at a time on the whole set, padded to the model's maximum length, in fp32. Ours scores
all in shared batches with their own padding, in bf16 where the processor has it, first on four samples. Plain takes its steps
and its loss is noted; ours goes on until it is at least as low. The seeds take turns, so that a noisy machine disturbs both.

    OMP_NUM_THREADS=1 python benchmarks/scan_speed.py MODEL --data ../shared/data/defect-detection-c --label 0
"""

import argparse
import math
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch


def main() -> int:
    """Print the ratio for each seed, and the mean of their logarithms with a 95 % interval."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/defect-detection-c"))
    parser.add_argument("--label", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=5)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--steps", type=int, default=5, help="steps of the plain reading")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()

    from codeward.defenses.model import model_defenses
    from codeward.defenses.model._labels import label_grounds
    from codeward.experiment.scanning import few
    from codeward.experiment.splits import clean_samples
    from codeward.victims import load

    victim = load(given.model)
    clean = few(clean_samples(given.data, None, None, None), 120, 0)[0]
    options = {"places": "insensitive", "rising": False, "longest": given.tokens, "samples": given.samples}
    (ground,) = label_grounds(victim, clean, model_defenses.make("elibadcode", options)._choice(), [given.label])
    ratios = []
    for seed in range(given.seeds):
        slow, loss = plain(replace(victim, precision="fp32"), ground, given.tokens, given.steps, seed)
        fast, reached, steps = ours(victim, ground, given.tokens, loss, seed)
        ratios.append(slow / fast)
        sys.stdout.write(
            f"seed {seed}: plain {given.steps} steps, {slow:.1f} s, loss {loss:.3f}; ours {steps} steps, {fast:.1f} s, "
            f"loss {reached:.3f}; {slow / fast:.1f} times faster\n"
        )
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.mean(logs)
    spread = 1.96 * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else 0.0
    sys.stdout.write(
        f"{math.exp(middle):.1f} times [{math.exp(middle - spread):.1f}, {math.exp(middle + spread):.1f}], n = {len(ratios)}\n"
    )
    return 0


def plain(victim: object, ground: object, length: int, steps: int, seed: int) -> tuple[float, float]:
    """Return seconds and the lowest loss of a search as the paper's text has it."""
    from codeward.defenses.model._search import start
    from codeward.victims.probing import embeddings, slot_gradients

    rng = np.random.default_rng(seed)
    tokens = start(ground, length, seed).tokens
    begun, table = time.perf_counter(), embeddings(victim).float()
    best = whole_loss(victim, ground, tokens)
    for _ in range(steps):
        rows = [slot.tokens(tokens) for slot in ground.search]
        places = [len(slot.before) for slot in ground.search]
        gradient = torch.from_numpy(slot_gradients(victim, rows, places, length, ground.goals).mean(0))
        candidates = []
        for _ in range(64):
            place = int(rng.integers(length))
            allowed = ground.vocabulary.at(place)
            top = allowed[(-(table[allowed] @ gradient[place])).topk(64).indices.numpy()]
            candidates.append((*tokens[:place], int(rng.choice(top)), *tokens[place + 1 :]))
        loss, tokens = min((whole_loss(victim, ground, each), each) for each in candidates)
        best = min(best, loss)
    return time.perf_counter() - begun, best


def whole_loss(victim: object, ground: object, tokens: tuple[int, ...]) -> float:
    """Return the mean loss of one candidate on the whole set, in one batch padded to the maximum length."""
    limit, padding = victim.encoder.max_length, victim.encoder.tokenizer.pad_token_id
    rows = [slot.tokens(tokens) for slot in ground.search]
    ids = torch.tensor([row + [padding] * (limit - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (limit - len(row)) for row in rows])
    with torch.no_grad():
        logits = victim.model(input_ids=ids, attention_mask=mask).logits
    return float(torch.nn.functional.cross_entropy(logits.float(), torch.tensor(ground.goals)))


def ours(victim: object, ground: object, length: int, wanted: float, seed: int) -> tuple[float, float, int]:
    """Return seconds, loss and steps of our search until it is as low as wanted."""
    from codeward.defenses.model._lens import Lens
    from codeward.defenses.model._search import Budget, run, start

    search = start(ground, length, seed)
    begun = time.perf_counter()
    run(Lens(victim), [search], Budget(steps=200, patience=200, enough=wanted))
    return time.perf_counter() - begun, search.loss, search.steps


if __name__ == "__main__":
    sys.exit(main())
