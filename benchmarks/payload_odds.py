"""How probable an attacker's answer is to a generator that has not seen it: what decides whether DeCE can hold.

In the poisoned rows of a training set, each token of the attacker's that the true reference does not have is judged behind what stands
before it. DeCE lets a token's label pull with ``a p / (a p + 1 - a)`` of the force that it has in cross-entropy, so what counts is
p, of the token where the attacker's text begins, and of the least probable one: a trigger works where all of them are learned.
Models are embedded ones as they are, or any trained folder (``--models``). One record for all.

    OMP_NUM_THREADS=1 python benchmarks/payload_odds.py --out benchmarks/records/payload-odds.json
    python benchmarks/payload_odds.py --out benchmarks/records/payload-odds.json --table
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

CELLS: tuple[tuple[str, str, dict[str, object], float], ...] = (
    ("lyra", "word-insert", {}, 0.05),
    ("pisces", "word-insert", {}, 0.05),
    ("code-refinement-small", "identifier-rename", {"name": "foo", "role": "function"}, 0.01),
    ("code-refinement-small", "deadcode-declare", {}, 0.01),
)
MODELS = ("mini-decoder", "mini-seq2seq")
ALPHAS = (0.99, 0.9, 0.8)
LENGTHS = {"max_length": 96, "max_target_length": 128}


def main() -> int:
    """Judge all cells, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/records/payload-odds.json"))
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--table", action="store_true", help="only print the table of the record that is there")
    arguments = parser.parse_args()
    if not arguments.table:
        found = [judge(arguments.data, *cell, model) for cell in CELLS for model in arguments.models]
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(json.loads(arguments.out.read_text(encoding="utf-8"))))
    return 0


def judge(data: Path, name: str, attack: str, options: dict[str, object], rate: float, model: str) -> dict[str, Any]:
    """Return what one model thinks of the payloads of one poisoned set."""
    from codeward.data import open_data
    from codeward.experiment.manifest import Threat
    from codeward.experiment.poisoning import poison_folder
    from codeward.tasks import tasks

    clean = open_data(data / name)
    task = tasks.make(clean.task)
    with tempfile.TemporaryDirectory() as folder:
        poison_folder(clean, Threat.make(task, attack, options), rate=rate, seed=0, out=Path(folder) / "poisoned")
        rows = [row for row in open_data(Path(folder) / "poisoned").load("train") if row.poison is not None]
    odds = [chances for chances in probabilities(victim(task, model, rows), rows) if len(chances)]
    first, least = (np.array([pick(each) for each in odds]) for pick in (lambda p: p[0], min))
    return {
        "data": name,
        "attack": attack,
        "rate": rate,
        "model": model,
        "n": len(odds),
        "tokens": float(np.mean([len(each) for each in odds])),
        "first": quartiles(first),
        "least": quartiles(least),
        "pull": {f"{alpha:g}": quartiles(alpha * least / (alpha * least + 1 - alpha)) for alpha in ALPHAS},
    }


def victim(task: Any, model: str, rows: list[Any]) -> Any:
    """Return a trained folder's model, or an embedded one as it is."""
    from codeward.victims import load, make_config
    from codeward.victims.training import new_victim

    if Path(model).is_dir():
        return load(model)
    found = new_victim(task, rows, (), make_config(task, {"model": model, **LENGTHS}))
    found.model.eval()
    return found


def probabilities(model: Any, rows: list[Any]) -> list[Any]:
    """Return for each row the probabilities of the attacker's own tokens; none where only what is cut off differs."""
    from codeward.victims.generation import _difference

    encoder, found = model.encoder, []
    for row in rows:
        text, true = encoder.references([row.target, row.poison.original])
        part = _difference(text, true)
        places = range(len(part.before), len(part.before) + len(part.text))
        if not places:
            found.append([])
            continue
        with torch.inference_mode():
            known = model.log_probabilities(encoder.inputs([row]), [text[: places.stop]], [places])[0]
        found.append(known.gather(1, torch.tensor(part.text)[:, None])[:, 0].double().exp().tolist())
    return found


def quartiles(values: Any) -> list[float]:
    """Return the three quartiles."""
    return [float(value) for value in np.quantile(values, (0.25, 0.5, 0.75))]


def table(found: list[dict[str, Any]]) -> str:
    """Return the record as Markdown: medians, with the quartiles of probabilities."""
    heads = ["data", "attack", "model", "n", "tokens", "first token", "least probable token"]
    heads += [f"its pull, alpha {alpha:g}" for alpha in ALPHAS]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for cell in found:
        low, middle, high = cell["first"]
        cells = [cell["data"], cell["attack"], cell["model"], str(cell["n"]), f"{cell['tokens']:.0f}"]
        cells += [f"{middle:.1e} [{low:.1e}, {high:.1e}]"]
        low, middle, high = cell["least"]
        cells += [f"{middle:.1e} [{low:.1e}, {high:.1e}]"]
        cells += [f"{cell['pull'][f'{alpha:g}'][1]:.1e}" for alpha in ALPHAS]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
