"""Which language a data set is written in, told by file names and, failing that, by the look of the code."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from codeward.code import LANGUAGES

_ALIASES: Mapping[str, str] = {"c++": "cpp", "cplusplus": "cpp", "js": "javascript", "golang": "go", "py": "python"}

_TRAITS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "python": (
        (r"^\s*(?:async\s+)?def\s+\w+\s*\(.*", 3),
        (r"^\s*(?:from\s+[\w. ]+\s+import|import\s+\w)[^;]*$", 2),
        (r"^\s*(?:if|elif|else|for|while|try|except|with)\b[^{;]*:\s*(?:#.*)?$", 2),
        (r"\bself\s*\.|\bNone\b|\bTrue\b|\bFalse\b", 1),
    ),
    "java": (
        (r"\b(?:public|private|protected)\s+(?:static\s+|final\s+|abstract\s+)*[\w.<>\[\], ]+\s+\w+\s*\(", 3),
        (r"@Override\b|\bthrows\s+\w+|\bimport\s+java|\bSystem\s*\.\s*out\b|\bString\b|\binstanceof\b", 2),
        (r"\bnew\s+[\w.]+\s*[(<\[]|\bfinal\b|\bboolean\b", 1),
    ),
    "javascript": (
        (r"\bfunction\s*\w*\s*\([^)]*\)\s*\{", 3),
        (r"===|!==|\b(?:const|let|var)\s+[\w{\[]|\bundefined\b|=>\s*[{(\w]|\brequire\s*\(", 2),
    ),
    "go": (
        (r"^func\s+(?:\([^)]*\)\s*)?\w+\s*\(", 4),
        (r":=|\bnil\b|\bfmt\.\w+|\bchan\b|^package\s+\w+\s*$|\bdefer\b", 2),
    ),
    "c": (
        (
            r"^\s*(?:static\s+|inline\s+|extern\s+|const\s+)*(?:unsigned\s+|struct\s+)?\w+[\s*]+\w+\s*\([^;{]*\)\s*\{?\s*$",
            2,
        ),
        (
            r"->|\bNULL\b|#\s*(?:include|define|if|ifdef|endif)\b|\bsizeof\b|\bstruct\s+\w+|\bprintf\s*\(|\bscanf\s*\(",
            2,
        ),
        (r"\b(?:unsigned|size_t|uint\d+_t|char|void)\b\s*\*?|\bint\s+\w+\s*[;,=\[(]", 1),
    ),
}

_CPP = r"\bstd\s*::|\b(?:cin|cout)\s*(?:>>|<<)|\btemplate\s*<|\busing\s+namespace\b|\bnullptr\b|\w+::\w+\s*\("

_PATTERNS = {name: [(re.compile(text, re.M), weight) for text, weight in rows] for name, rows in _TRAITS.items()}
_CPP_PATTERN = re.compile(_CPP)


def known_language(name: str) -> str | None:
    """Return a language's name as Codeward writes it (``C++`` is ``cpp``); ``None`` where it reads no such language."""
    plain = name.strip().lower()
    plain = _ALIASES.get(plain, plain)
    return plain if plain in LANGUAGES else None


def named_language(file: str) -> str | None:
    """Return the language that a file's name tells, such as ``java_train_0.jsonl.gz``; ``None`` where none does."""
    tokens = set(re.split(r"[^a-z+]+", file.lower())) - {"c", "go"}
    found = {language for token in tokens if (language := known_language(token))}
    return found.pop() if len(found) == 1 else None


def guess_language(codes: Iterable[str]) -> str | None:
    """Return the language that most of these texts look like; ``None`` where they look like none.

    C and C++ are told apart by what only C++ has: one such text in twenty makes the whole set C++.
    """
    votes: Counter[str] = Counter()
    cpp = total = 0
    for code in codes:
        scores = {
            name: sum(weight * min(3, len(pattern.findall(code))) for pattern, weight in patterns)
            for name, patterns in _PATTERNS.items()
        }
        best = max(scores, key=scores.__getitem__)
        total += 1
        if scores[best]:
            votes[best] += 1
        if _CPP_PATTERN.search(code):
            cpp += 1
    if not votes:
        return None
    winner = votes.most_common(1)[0][0]
    return "cpp" if winner == "c" and cpp * 20 >= total else winner
