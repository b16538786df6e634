"""Cut the training rows of a data set in two, one for victims and one for whoever defends: benchmarks/halved.py DATA OUT [--own N].

Writes OUT/victims (with the rows for validation and test as they are) and OUT/own, a tenth of which each is for validation and test.
"""

import argparse
from pathlib import Path

from codeward.data import open_data, write_data
from codeward.seeds import derive


def main() -> None:
    """Read, cut, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--own", type=int, default=1500, help="rows for whoever defends")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    data = open_data(given.data)
    rows = data.load("train")
    drawn = derive(given.seed, "halved").sample(rows, len(rows))
    own, left = drawn[: given.own], drawn[given.own :]
    others = {name: data.load(name) for name in data.splits if name != "train"}
    about = {"task": data.task, "language": data.language, "labels": data.labels}
    write_data(given.out / "victims", **about, splits={"train": left, **others})
    tenth = len(own) // 10
    splits = {"train": own[2 * tenth :], "valid": own[:tenth], "test": own[tenth : 2 * tenth]}
    write_data(given.out / "own", **about, splits=splits)


if __name__ == "__main__":
    main()
