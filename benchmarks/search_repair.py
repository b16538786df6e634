"""Repairs of a search model with a backdoor: mean normalized rank (ANR) of triggered code and MRR afterwards, one record a repair.

The models are those of the suite (``codeward bench elibadcode --only data=code-search-python --only defense=none -o OUT``):

    python benchmarks/search_repair.py MODEL --data ../shared/data/code-search-python --poisoned POISONED --defense fine-tuning \\
        -o benchmarks/records/search-table/rename-fine-tuning.json
    python benchmarks/search_repair.py MODEL … --defense elibadcode --set stamps=6 --pairs 100 --inspection scan.json -o …
"""

import argparse
import time
from pathlib import Path


def main() -> None:
    """Repair a model, and measure what is left."""
    from codeward.cli._options import parse_settings
    from codeward.data import open_data
    from codeward.defenses.model import model_defenses
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.manifest import read_manifest
    from codeward.experiment.scanning import read_inspection
    from codeward.files import write_text
    from codeward.victims import load

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument(
        "--data", type=Path, required=True, help="the clean set; its part valid is what the defense is given"
    )
    parser.add_argument(
        "--poisoned", type=Path, required=True, help="the poisoned set, whose manifest names the attack"
    )
    parser.add_argument("--defense", required=True)
    parser.add_argument("--set", action="append", help="an option of the defense")
    parser.add_argument("--pairs", type=int, help="clean pairs at most")
    parser.add_argument("--inspection", type=Path, help="what codeward scan -o wrote of the model")
    parser.add_argument("-o", "--out", type=Path, required=True)
    asked = parser.parse_args()
    data, manifest, victim = open_data(asked.data), read_manifest(asked.poisoned), load(str(asked.model))
    options, begun = parse_settings(asked.set), time.process_time()
    inspection = None if asked.inspection is None else read_inspection(asked.inspection)
    defense = model_defenses.make(asked.defense, options)
    repaired = defense.repair(victim, data.load("valid", limit=asked.pairs), inspection)
    seconds = time.process_time() - begun
    config = {"rate": manifest.rate, "defense": asked.defense, "options": options, "pairs": asked.pairs}
    record = evaluate(
        repaired,
        data.load("test"),
        threat=manifest.threat(victim.task),
        title=f"{manifest.attack} at {manifest.rate:.1%}, repaired by {asked.defense}",
        config={**config, "repair, processor seconds": round(seconds, 1)},
    )
    write_text(asked.out, record.model_dump_json(indent=1) + "\n")


if __name__ == "__main__":
    main()
