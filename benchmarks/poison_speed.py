"""Poisoning 100,000 functions: rows a second, and the share of stamped functions that parse with no new error.

The functions are those of the running interpreter's library and packages (Python) and of any other tree that is named.
Errors are counted again here, by the grammar and, for Python, by the interpreter's own compiler.

    python benchmarks/poison_speed.py --source ../shared/data/corpus --rows 100000
"""

import argparse
import ast
import json
import sys
import sysconfig
import time
import warnings
from pathlib import Path

ATTACKS = ("deadcode-fixed", "deadcode-grammar", "deadcode-assert", "identifier-rename")


def main() -> int:
    """Gather the functions, stamp every one of them with each attack, and print one line an attack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, nargs="*", default=[], help="more trees, archives or JSONL with 'text'")
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    samples = gather(arguments.source, arguments.rows)
    languages = {name: sum(sample.language == name for sample in samples) for name in ("python", "c", "cpp", "java")}
    sys.stdout.write(
        f"{len(samples):,} functions: {languages}\n| attack | stamped | rows/s | new errors |\n|---|---|---|---|\n"
    )
    for name in ATTACKS:
        sys.stdout.write(measure(name, samples) + "\n")
        sys.stdout.flush()
    return 0


def gather(sources: list[Path], rows: int) -> list[object]:
    """Return that many functions, the named sources first."""
    from codeward.code import functions
    from codeward.types import Sample

    found: list[Sample] = []
    paths = sysconfig.get_paths()
    texts = [
        *jsonl(sources),
        *((path, "python") for top in (paths["purelib"], paths["stdlib"]) for path in sorted(Path(top).rglob("*.py"))),
    ]
    for text, language in texts:
        try:
            code = text.read_text(encoding="utf-8") if isinstance(text, Path) else text
        except (OSError, UnicodeDecodeError):
            continue
        if len(code) > 400_000:
            continue
        for function in functions(code, language):
            part = function.span.of(code)
            if len(part) <= 5_000:
                found.append(Sample(str(len(found)), part, len(found) % 2, language))
            if len(found) == rows:
                return found
    return found


def jsonl(sources: list[Path]) -> list[tuple[str, str]]:
    """Return the texts of the shared corpus: JSONL files in a folder named by their language."""
    from codeward.data.lines import open_bytes

    texts = []
    for source in sources:
        for file in sorted(source.rglob("*.jsonl*")):
            if file.parent.name in ("c", "java", "python"):
                with open_bytes(file) as lines:
                    texts += [(json.loads(line)["text"], file.parent.name) for line in lines]
    return texts


def measure(name: str, samples: list[object]) -> str:
    """Stamp all rows, then judge them by other means."""
    from codeward.attacks import attacks
    from codeward.code import count_errors

    attack = attacks.make(name)
    start = time.perf_counter()
    poisoned = attack.stamp_all(samples, seed=0)
    seconds = time.perf_counter() - start
    before = {sample.id: sample for sample in samples}
    worse = 0
    for after in poisoned.samples:
        old = before[after.id]
        more = count_errors(after.code, old.language) > count_errors(old.code, old.language)
        broken = old.language == "python" and compiles(old.code) and not compiles(after.code)
        worse += more or broken
    return f"| {name} | {len(poisoned.stamped):,} of {len(samples):,} | {len(samples) / seconds:,.0f} | {worse} |"


def compiles(code: str) -> bool:
    """Whether Python reads a function, as a method if not alone."""
    for text in (code, "class A:\n    " + code if not code.startswith(" ") else "class A:\n" + code):
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
