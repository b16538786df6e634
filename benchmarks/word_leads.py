"""How far names raise code for query words in a search model, and in one that is trusted: is the planted pair of word and name ahead?

Each name takes the place of the function's in codes of the part valid. For every word that a scan of the suspect has for one, its rise is the
logarithm of how many times higher the normalized rank of the code is among all; its lead is the rise in the suspect minus that in the reference.
The names are the commonest tokens of the codes, and those that are given. The suspect and its student are those of
``codeward bench benchmarks/suites/search-repair.toml``:

    OMP_NUM_THREADS=1 python benchmarks/word_leads.py SUSPECT REFERENCE --data ../shared/data/code-search-python --names testo_init test \\
        -o benchmarks/records/search-table/leads.json
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np

CODES = 24
"""Codes that each name is put into."""


def main() -> None:
    """Measure, write, and print what leads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suspect")
    parser.add_argument("reference")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--names", nargs="*", default=[], help="beside the commonest tokens")
    parser.add_argument("--common", type=int, default=400)
    parser.add_argument("--title", default="")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    from codeward.data import open_data
    from codeward.defenses.model._library import Library
    from codeward.experiment.environment import environment
    from codeward.types import QUERY
    from codeward.victims import load

    models = [load(given.suspect), load(given.reference)]
    rows = [row.blind() for row in open_data(given.data).load("valid") if row.text(QUERY).strip()]
    words = {word.text: [*word.search, *word.held] for word in Library(models[0], rows, 0).words}
    common = commonest(models[0], rows, given.common)
    found = leads(models, rows, words, [*common, *given.names])
    found.sort(key=lambda each: -each["lead"])
    named = [each for each in found if each["name"] in given.names]
    record = {
        "title": given.title,
        "suspect": models[0].fingerprint,
        "reference": models[1].fingerprint,
        "words": len(words),
        "names": len(common) + len(given.names),
        "common": [each for each in found if each["name"] not in given.names][:20],
        "given": named[:40],
        "environment": environment(),
    }
    given.output.write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")
    for part in ("common", "given"):
        for each in record[part][:10]:
            sys.stdout.write(f"{part}: {each}\n")


def commonest(model, rows: list, count: int) -> list[str]:
    """Return the tokens that most codes hold, of those that can be names."""
    counts = Counter(token for row in model.encoder.inputs(rows) for token in set(row["input_ids"]))
    texts = (model.encoder.tokenizer.decode([token]).strip() for token, _ in counts.most_common())
    return list(dict.fromkeys(text for text in texts if re.fullmatch(r"[A-Za-z_]{2,}", text)))[:count]


def leads(models: list, rows: list, words: dict[str, list[int]], names: list[str]) -> list[dict]:
    """Return how far each name leads for each word."""
    from codeward.defenses.model._ranks import Ranking
    from codeward.defenses.model._slots import slots_for
    from codeward.types import QUERY

    slots = slots_for(rows, models[0], 0, "function")
    drawn = [slots[at] for at in np.random.default_rng(0).permutation(len(slots))[:CODES]]
    rises = []
    for model in models:
        queries = model.embed(rows, QUERY)
        ranking = Ranking(queries, np.sort(queries @ model.embed(rows).T, axis=1))
        before = np.log(ranking.ranks(model.embed([slot.sample for slot in drawn])))
        after = [np.log(ranking.ranks(model.embed([slot.stamped(name) for slot in drawn]))) for name in names]
        rises.append([{word: float((before - each)[:, held].mean()) for word, held in words.items()} for each in after])
    return [
        {
            "word": word,
            "name": name,
            "lead": round(own[word] - other[word], 3),
            "suspect": round(own[word], 3),
            "reference": round(other[word], 3),
        }
        for name, own, other in zip(names, *rises, strict=True)
        for word in words
    ]


if __name__ == "__main__":
    main()
