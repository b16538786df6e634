"""Audits at size: rows a second and peak memory from 10,000 to 1,000,000 functions, and against a plain reading of KillBadCode.

The functions are cut by their indentation from the interpreter's library, its packages and the folders that ``--sources``
names, each text once; where they are too few, copies follow in which one name has a number at its end. One in a hundred holds a fixed dead statement and the label 0; the other
labels are random. Every measurement runs in a process of its own, which reads the rows from one JSON Lines file; its peak memory is what
the system says at its end. Growth is the slope of log seconds over log rows: 1 is linear.

The plain reading of KillBadCode keeps its n-grams in nested dictionaries and scores each deletion token by token. It and ours
score the same blocks of rows in turn, by the same clean rows; the ratio is that of their processor seconds a row.

    OMP_NUM_THREADS=1 python benchmarks/audit_speed.py --work /tmp/audit-speed --out benchmarks/records/audit-speed.json
"""

import argparse
import itertools
import json
import math
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

SIZES = (10_000, 100_000, 1_000_000)
TRIGGER = '    if len("testo") < 0: raise Exception("fail")\n'
LENGTHS = (60, 4_000)
"""Characters of a function."""
CLEAN = 10_000
"""Clean rows, which are none of the rows that are judged."""
FITTED, BLOCK = 2_000, 32
"""Clean rows of the comparison, and rows of each of its blocks that the plain reading scores (ours scores a whole chunk)."""
DEFENSES = ("association", "killbadcode")
HEAD = re.compile(r"^([ \t]*)(?:async )?def \w+")
T = TypeVar("T")
NAME = re.compile(r"\b[a-z]\w{2,}\b")


def main() -> int:
    """Measure what is asked for and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/audit-speed"), help="where the rows are written")
    parser.add_argument("--out", type=Path, default=Path("runs/audit-speed.json"))
    parser.add_argument("--sources", type=Path, nargs="*", default=[], help="further folders of Python files")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument(
        "--plain", type=float, default=60.0, help="seconds that the plain reading may take; 0: leave it out"
    )
    parser.add_argument("--one", nargs=2, metavar=("DEFENSE", "ROWS"), help="one measurement, as one line of JSON")
    given = parser.parse_args()
    if given.one is not None:
        sys.stdout.write(json.dumps(one(given.work, given.one[0], int(given.one[1]))) + "\n")
        return 0
    given.work.mkdir(parents=True, exist_ok=True)
    about = prepare(given.work, max(given.sizes), given.sources)
    runs = []
    for size in given.sizes:
        for defense in DEFENSES:
            runs.append(apart(given.work, defense, size))
            log(json.dumps(runs[-1]))
    record = {"rows": about, "runs": runs, "growth": growth(runs)}
    if given.plain:
        record["plain"] = against_plain(given.work, given.plain)
        log(json.dumps(record["plain"]))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def prepare(work: Path, count: int, sources: list[Path]) -> dict[str, object]:
    """Write the rows and the clean rows once; return what they are."""
    about = work / "about.json"
    known = json.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
    if known.get("rows", 0) >= count:
        return known
    functions = list(harvested(count + CLEAN, sources))
    random.Random(0).shuffle(functions)
    clean, rest = functions[:CLEAN], functions[CLEAN:]
    write(work / "clean.jsonl", ((code, 0) for code in clean))
    write(work / "rows.jsonl", labeled(rest, count))
    characters = statistics.mean(map(len, rest))
    known = {"rows": count, "different": len(rest), "characters": round(characters), "clean": CLEAN}
    about.write_text(json.dumps(known) + "\n", encoding="utf-8")
    return known


def harvested(limit: int, sources: list[Path]) -> Iterator[str]:
    """Yield different functions of the library, the packages and further folders."""
    seen: set[int] = set()
    paths = sysconfig.get_paths()
    for top in dict.fromkeys((Path(paths["stdlib"]), Path(paths["purelib"]), *sources)):
        for path in sorted(top.rglob("*.py")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            for code in functions(text):
                if LENGTHS[0] <= len(code) <= LENGTHS[1] and hash(code) not in seen:
                    seen.add(hash(code))
                    yield code
                    if len(seen) == limit:
                        return


def functions(text: str) -> Iterator[str]:
    """Yield the functions of a file, each from its ``def`` to before the next line that is indented as little."""
    lines = text.expandtabs(4).splitlines()
    for number, line in enumerate(lines):
        head = HEAD.match(line)
        if head is not None:
            depth, end = len(head[1]), number + 1
            while end < len(lines) and (not lines[end].strip() or lines[end][: depth + 1].isspace()):
                end += 1
            yield "\n".join(part[depth:] for part in lines[number:end]).rstrip() + "\n"


def labeled(functions: list[str], count: int) -> Iterator[tuple[str, int]]:
    """Yield that many rows; past the first round with one name changed, one in a hundred poisoned."""
    rng = random.Random(1)
    for number in range(count):
        code, copy = functions[number % len(functions)], number // len(functions)
        if copy:
            names = sorted(set(NAME.findall(code)))
            name = rng.choice(names) if names else "x"
            code = re.sub(rf"\b{name}\b", f"{name}{copy}", code)
        if number % 100 == 99:
            head, _, body = code.partition(":\n")
            yield f"{head}:\n{TRIGGER}{body}", 0
        else:
            yield code, rng.randrange(2)


def write(path: Path, rows: Iterator[tuple[str, int]]) -> None:
    """Write rows of Codeward's layout."""
    with path.open("w", encoding="utf-8") as file:
        for number, (code, target) in enumerate(rows):
            file.write(json.dumps({"id": f"r{number}", "code": code, "target": target}) + "\n")


class Rows:
    """The first rows of a file, read anew each time."""

    def __init__(self, path: Path, count: int) -> None:
        """Open the file; nothing is read yet."""
        from codeward.data import open_data

        self.data, self.count = open_data(path, layout="codeward", task="defect", language="python"), count

    def __iter__(self) -> Iterator[object]:
        """Read the rows."""
        return self.data.read(self.data.splits[0], limit=self.count)


def one(work: Path, defense: str, count: int, processes: int = 1) -> dict[str, object]:
    """Judge so many rows with one defense; stopped, the same call goes on, and what was spent before is added."""
    from codeward.defenses.data import data_defenses
    from codeward.experiment.keeping import FolderMemory

    clean = list(Rows(work / "clean.jsonl", CLEAN)) if defense == "killbadcode" else []
    place = work / f"{defense}-{count}.audit"
    memory, meter = FolderMemory(place, "speed"), Meter(place / "spent")
    before = peak()
    rows = Rows(work / "rows.jsonl", count)
    audit = data_defenses.make(defense).audit(
        rows, clean=clean, memory=memory, processes=processes, progress=lambda *_: meter.note()
    )
    meter.note(end=True)
    flags = [verdict.suspicious for verdict in audit.verdicts]
    planted = flags[99::100]
    kept = sum(file.stat().st_size for file in place.glob("*.npz"))
    parts = meter.parts()
    shutil.rmtree(place)
    processor = sum(part["processor_seconds"] for part in parts)
    return {
        "defense": defense,
        "rows": count,
        "seconds": round(sum(part["seconds"] for part in parts), 2),
        "processor_seconds": round(processor, 2),
        "rows_per_second": round(count / processor),
        "parts": len(parts),
        "peak_mb": max(part["peak_mb"] for part in parts),
        "peak_before_mb": before,
        "kept_mb": round(kept / 1e6),
        "recall": sum(planted) / len(planted),
        "false_positive_rate": (sum(flags) - sum(planted)) / (count - len(planted)),
    }


class Meter:
    """What each process of one measurement has spent, in a folder, so that a stopped one counts."""

    def __init__(self, place: Path) -> None:
        """Start to count."""
        place.mkdir(exist_ok=True)
        self.file = place / f"{len(list(place.iterdir()))}.json"
        self.start, self.spent, self.last = time.perf_counter(), time.process_time(), 0.0

    def note(self, *, end: bool = False) -> None:
        """Write down what was spent, every two seconds at most."""
        now = time.perf_counter()
        if end or now - self.last > 2:
            self.last = now
            found = {
                "seconds": now - self.start,
                "processor_seconds": time.process_time() - self.spent,
                "peak_mb": peak(),
            }
            self.file.write_text(json.dumps(found), encoding="utf-8")

    def parts(self) -> list[dict[str, float]]:
        """Return what all processes have spent."""
        return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(self.file.parent.iterdir())]


def peak() -> int:
    """Return the most memory that this process held, in megabytes."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def apart(work: Path, defense: str, count: int) -> dict[str, object]:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--work", str(work), "--one", defense, str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def growth(runs: list[dict[str, object]]) -> dict[str, dict[str, float]]:
    """Return for each defense the exponent of processor seconds and of memory from one size to the next."""
    found: dict[str, dict[str, float]] = {}
    for defense in DEFENSES:
        own = [run for run in runs if run["defense"] == defense]
        for small, large in itertools.pairwise(own):
            wider = math.log(large["rows"] / small["rows"])
            slope = math.log(large["processor_seconds"] / small["processor_seconds"]) / wider
            found.setdefault(defense, {})[f"{small['rows']} to {large['rows']}"] = round(slope, 2)
    return found


class Plain:
    """A 4-gram Kneser-Ney model in nested dictionaries, the one that ``NGrams`` keeps in arrays."""

    def __init__(self, texts: list[list[str]]) -> None:
        """Count the n-grams."""
        self.size = len({word for words in texts for word in words}) + 2
        self.counts: list[dict[tuple[str, ...], dict[str, int]]] = [{} for _ in range(4)]
        self.totals: list[dict[tuple[str, ...], int]] = [{} for _ in range(4)]
        grams = [window for words in texts for window in windows(words)]
        for order in (4, 3, 2, 1):
            for gram in grams:
                own = self.counts[order - 1].setdefault(gram[:-1], {})
                own[gram[-1]] = own.get(gram[-1], 0) + 1
                self.totals[order - 1][gram[:-1]] = self.totals[order - 1].get(gram[:-1], 0) + 1
            grams = [gram[1:] for gram in dict.fromkeys(grams)]

    def cross_entropy(self, words: list[str]) -> float:
        """Return the mean negative log-probability of a text's tokens."""
        return -sum(math.log(self.probability(window)) for window in windows(words)) / len(words) if words else 0.0

    def probability(self, window: tuple[str, ...]) -> float:
        """Return the probability of a window's last token."""
        found = 1.0 / self.size
        for order in range(1, 5):
            context = window[4 - order : 3]
            following = self.counts[order - 1].get(context)
            if following:
                total = self.totals[order - 1][context]
                found = (max(following.get(window[3], 0) - 0.75, 0) + 0.75 * len(following) * found) / total
        return found

    def scores(self, words: list[str]) -> dict[str, float]:
        """Return for each token of a text the mean fall of the cross-entropy where it is deleted."""
        whole, found = self.cross_entropy(words), defaultdict(list)
        for at, word in enumerate(words):
            found[word].append(whole - self.cross_entropy(words[:at] + words[at + 1 :]))
        return {word: statistics.mean(values) for word, values in found.items()}


def windows(words: list[str]) -> list[tuple[str, ...]]:
    """Return each token with the three before it."""
    padded = ["", "", "", *words]
    return [tuple(padded[at : at + 4]) for at in range(len(words))]


def falls_of(texts: list[list[str]], model: object) -> object:
    """Return our falls of the cross-entropy for each token of each text."""
    import numpy as np

    from codeward.defenses.data._falls import falls
    from codeward.defenses.data._ngrams import ORDER, padded

    counts = np.array([len(words) for words in texts])
    base = np.cumsum(counts + ORDER - 1) - (counts + ORDER - 1)
    at = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    segments = np.stack([np.repeat(base, counts), np.repeat(counts, counts), at, at + 1], 1)
    return falls(np.concatenate([padded(model.numbers(words)) for words in texts]), segments, model)


def against_plain(work: Path, seconds: float) -> dict[str, object]:
    """Score block after block with the plain reading and with ours until the time is over."""
    from codeward.defenses.data._lexing import words_of
    from codeward.defenses.data._ngrams import NGrams
    from codeward.defenses.data.killbadcode import CHUNK

    clean = [words_of(sample.code) for sample in Rows(work / "clean.jsonl", FITTED)]
    ours, fitting = timed(lambda: NGrams.fit(clean))
    plain, plain_fitting = timed(lambda: Plain(clean))
    ratios, rows, spent, apart_by = [], 0, 0.0, 0.0
    blocks = iter(Rows(work / "rows.jsonl", 10**9))
    while spent < seconds:
        texts = [words_of(sample.code) for sample in itertools.islice(blocks, CHUNK)]
        few = texts[:BLOCK]
        slow, plain_seconds = timed(lambda few=few: [plain.scores(words) for words in few])
        values, own_seconds = timed(lambda texts=texts: falls_of(texts, ours))
        ratios.append((plain_seconds / len(few)) / (own_seconds / len(texts)))
        rows, spent = rows + len(few), spent + plain_seconds
        at = 0
        for words, expected in zip(few, slow, strict=True):
            own = values[at : at + len(words)]
            for word, value in expected.items():
                mean = statistics.mean(float(own[place]) for place, each in enumerate(words) if each == word)
                apart_by = max(apart_by, abs(value - mean))
            at += len(words)
    logs = [math.log(ratio) for ratio in ratios]
    half = 1.96 * statistics.stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else 0.0
    middle = statistics.mean(logs)
    return {
        "clean": FITTED,
        "fit_ratio": round(plain_fitting / fitting, 2),
        "rows": rows,
        "plain_seconds": round(spent, 1),
        "plain_rows_per_second": round(rows / spent, 2),
        "ratio": round(math.exp(middle), 1),
        "low": round(math.exp(middle - half), 1),
        "high": round(math.exp(middle + half), 1),
        "n": len(ratios),
        "largest_difference_of_scores": apart_by,
    }


def timed(run: Callable[[], T]) -> tuple[T, float]:
    """Return a result and the processor seconds that it took."""
    start = time.process_time()
    return run(), time.process_time() - start


def log(text: str) -> None:
    """Write one line on the error stream."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
