"""Training speed: Codeward's trainer against a bare PyTorch loop over the same batches, and what attention costs in it.

Both run in turn, so that noise of the machine falls on both; the figure is the ratio of their seconds with the interval
of its mean over the rounds.

    python benchmarks/training_speed.py --data ../shared/data/defect-detection-juliet --rounds 5
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROWS = 1280


def main() -> int:
    """Time both and print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/defect-detection-juliet"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    from codeward.data import open_data
    from codeward.tasks import tasks
    from codeward.victims import make_config

    data = open_data(arguments.data)
    rows, task = data.load("train", limit=ROWS), tasks.make(data.task)
    plain = make_config(task, {"model": "scratch-encoder", "epochs": 1, "max_length": 192})
    dropped = plain.model_copy(update={"attention_dropout": 0.1})
    names = ("trainer", "bare loop", "bare loop, plain attention", "bare loop, attention dropout")
    times: dict[str, list[float]] = {name: [] for name in names}
    tokens = 0
    for _ in range(arguments.rounds):
        times["trainer"].append(trainer(task, rows, data.labels, plain))
        seconds, tokens = bare(task, rows, data.labels, plain)
        times["bare loop"].append(seconds)
        times["bare loop, plain attention"].append(bare(task, rows, data.labels, plain, "eager")[0])
        times["bare loop, attention dropout"].append(bare(task, rows, data.labels, dropped)[0])
    for name, seconds in times.items():
        ratios = np.array(seconds) / np.array(times["bare loop"])
        half = 1.96 * ratios.std(ddof=1) / np.sqrt(len(ratios)) if len(ratios) > 1 else 0.0
        sys.stdout.write(
            f"{name}: {tokens / np.median(seconds):,.0f} tokens/s; {ratios.mean():.2f} ± {half:.2f} times the bare loop's "
            f"seconds (n = {len(ratios)})\n"
        )
    return 0


def trainer(task: object, rows: list[object], labels: tuple[str, ...], config: object) -> float:
    """Return the seconds of the steps of our trainer: from the end of the first to the end of the last."""
    from codeward.victims.training import train

    stamps: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        train(
            task, rows, [], labels, config, Path(folder) / "m", progress=lambda *_: stamps.append(time.perf_counter())
        )
    return (stamps[-1] - stamps[0]) * len(stamps) / (len(stamps) - 1)


def bare(
    task: object, rows: list[object], labels: tuple[str, ...], config: object, attention: str = "sdpa"
) -> tuple[float, int]:
    """Return the seconds of a plain loop over the same batches, and the tokens in them."""
    import torch

    from codeward.victims.batching import fast_bf16
    from codeward.victims.feeding import Collator, OrderSampler, encode_rows
    from codeward.victims.training import new_victim

    victim = new_victim(task, rows, tuple(labels), config)
    encoded, collate = encode_rows(victim, rows), Collator(victim)
    order = list(OrderSampler([row["length"] for row in encoded.rows], config.batch_size, config.seed, lambda: 0))
    model = victim.model.train()
    model.set_attn_implementation(attention)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate)
    stamps = []
    for start in range(0, len(order), config.batch_size):
        batch = collate([encoded[index] for index in order[start : start + config.batch_size]])
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_bf16()):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        stamps.append(time.perf_counter())
    tokens = sum(row["length"] for row in encoded.rows)
    return (stamps[-1] - stamps[0]) * len(stamps) / (len(stamps) - 1), tokens


if __name__ == "__main__":
    sys.exit(main())
