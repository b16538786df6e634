"""Peak memory of ``codeward purify`` by the number of rows, with a page and without: it has to stay flat.

A small RoBERTa from random weights stands behind CodePurify; rows are short functions, each with names of its own, so that
nothing is computed once for many. Every size runs in a process of its own, on a file that is written first.

    OMP_NUM_THREADS=1 python benchmarks/purify_memory.py --rows 1000 10000 100000
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CALIBRATION = 40


def main() -> int:
    """Measure every size in a process of its own, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--html", action="store_true", help="write the page, too")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        return one(given.one, given.rows[0], given.html)
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder) / "model")
        for rows in given.rows:
            command = [
                sys.executable,
                __file__,
                "--one",
                folder,
                "--rows",
                str(rows),
                *(["--html"] if given.html else []),
            ]
            subprocess.run(command, check=True)
    return 0


def function(number: int) -> str:
    """Return a short function, unlike all others."""
    return f"int f_{number}(int a_{number}) {{\n  int b = a_{number} * {number % 97};\n  return b + {number};\n}}\n"


def make_model(place: Path) -> None:
    """Write a small classifier from random weights."""
    import transformers

    from codeward.tasks import tasks
    from codeward.types import Sample
    from codeward.victims.loading import wrap
    from codeward.victims.shapes import Shape, new_config, new_model
    from codeward.victims.tokenizing import fit_tokenizer

    tokenizer = fit_tokenizer([Sample(str(n), function(n), 0, "c") for n in range(500)], 400)
    tokenizer.model_max_length = 128
    settings = new_config(
        "encoder", Shape(hidden=16, layers=1, positions=128, head=16), tokenizer, id2label={0: "clean", 1: "defective"}
    )
    model = new_model(transformers.AutoModelForSequenceClassification, settings, 0)
    wrap(model, tokenizer, tasks.make("defect"), ("clean", "defective"), 128, 64).save(place)


def one(folder: Path, count: int, html: bool) -> int:
    """Purify so many rows by the command line's own path, and print the peak."""
    from codeward.cli import main as codeward
    from codeward.data import write_data
    from codeward.types import Sample

    data = folder / f"rows-{count}"
    ranges = {"test": range(count), "valid": range(10_000_000, 10_000_000 + CALIBRATION)}
    splits = {name: (Sample(str(n), function(n), n % 2, "c") for n in numbers) for name, numbers in ranges.items()}
    write_data(data, task="defect", language="c", labels=("clean", "defective"), splits=splits)
    begun = time.perf_counter()
    page = ["--html", str(folder / f"{count}.html")] if html else []
    codeward(
        [
            "purify",
            str(folder / "model"),
            "--data",
            str(data),
            "-o",
            str(folder / f"{count}.jsonl"),
            "--defense",
            "codepurify",
            "--calibration",
            str(data),
            *page,
        ]
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{count:,} rows: peak {peak:.0f} MiB, {time.perf_counter() - begun:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
