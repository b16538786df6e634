"""Tokens of code and prose without parsing, and statements as templates: fast enough for millions of rows."""

import re
from collections.abc import Iterator
from functools import lru_cache

from codeward.code import LANGUAGES
from codeward.code.languages import table_of
from codeward.types import CODE, OTHER, PROMPT, QUERY, Sample, Span

TOKEN = re.compile(
    r"""[^\W\d]\w*|\d[\w.]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[^\w\s]""",
)
OPERATOR = re.compile(rf"[-=]>|<<=?|>>>?=?|[=!<>]==?|{TOKEN.pattern}")
"""The same, with comparisons, arrows and shifts as one token each."""
NUMBER, TEXT, NAME, COMPARED = "<number>", "<string>", "<name>", "<compared>"
COMPARISONS = frozenset({"<", ">", "<=", ">=", "==", "!=", "===", "!=="})
NAMES = re.compile(r"[^\W\d]\w*")
PARTS = re.compile(r"_*(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+)_*")
SUM = re.compile(r"(?<![\w.])\(*\s*\d[\w.]*(?:\s*\)*\s*(?:[-+*/%^|&]|<<|>>)\s*\(*\s*-?\d[\w.]*)+\s*\)*")
SHORTEST = 4
"""Tokens of a template, at least."""
FIELDS = (CODE, OTHER, PROMPT, QUERY)
CUT = re.compile(r"[^\n;{}]+[;{}]*")


def texts_of(sample: Sample) -> Iterator[tuple[str, str]]:
    """Yield the fields of a sample that an attacker can write into, with their texts."""
    for field in FIELDS:
        text = sample.text(field)
        if text:
            yield field, text


def tokens(text: str) -> list[tuple[str, Span]]:
    """Return the tokens of a text: names, numbers, literals, punctuation."""
    return [(match[0], Span(*match.span())) for match in TOKEN.finditer(text)]


def words_of(text: str) -> list[str]:
    """Return the tokens of a text without their places, which is several times faster."""
    found: list[str] = TOKEN.findall(text)
    return found


def templates(text: str, language: str) -> list[tuple[str, Span]]:
    """Return each statement-like stretch of a text with its names and literals abstracted.

    Stretches end at a line break, a semicolon or a brace. Each has two forms, one in which called functions keep their names
    and one in which they do not; in both, all comparisons are one, and a number's sign is part of it: a trigger that is
    written anew in each row keeps its form. Stretches of fewer than four tokens say too little and are left out.
    """
    return [(form, span) for forms, span in statements(text, language) for form in forms]


def statements(text: str, language: str) -> Iterator[tuple[tuple[str, ...], Span]]:
    """Yield each statement-like stretch of a text that says enough, as its one or two templates with its place."""
    for match in CUT.finditer(text):
        stretch = match[0].strip()
        forms = _forms(stretch, language)
        if forms:
            start = match.start() + match[0].index(stretch)
            yield forms, Span(start, start + len(stretch))


def forms_of(text: str, language: str) -> list[str]:
    """Return the templates of a text without their places."""
    return [form for stretch in CUT.findall(text) for form in _forms(stretch.strip(), language)]


@lru_cache(maxsize=1 << 16)
def _forms(stretch: str, language: str) -> tuple[str, ...]:
    """Return the one or two templates of a stretch; none where it says too little."""
    words = OPERATOR.findall(stretch)
    if "-" in words or "+" in words:
        words = _unsigned(words)
    if len(words) < SHORTEST:
        return ()
    plain = [_abstract(word, language) for word in words]
    called = [
        word if form == NAME and following == "(" else form
        for word, form, following in zip(words, plain, [*words[1:], ""], strict=True)
    ]
    return (" ".join(called),) if called == plain else (" ".join(called), " ".join(plain))


def sums(text: str) -> list[tuple[str, Span]]:
    """Return each expression of numbers alone, which a programmer would have written as one number, by its operators."""
    return [(_sum(match[0]), Span(*match.span())) for match in SUM.finditer(text)]


def sums_of(text: str) -> list[str]:
    """Return the expressions of numbers without their places."""
    return [_sum(match[0]) for match in SUM.finditer(text)]


def _sum(text: str) -> str:
    return " ".join(NUMBER if word[0].isdigit() else word for word in TOKEN.findall(text) if word not in "()")


def affixes(text: str) -> list[tuple[str, Span]]:
    """Return the first and the last part of each name that has several: ``get_*`` and ``*_path`` of ``get_file_path``."""
    return [(end, Span(*match.span())) for match in NAMES.finditer(text) for end in ends_of(match[0])]


def affixes_of(text: str) -> list[str]:
    """Return the ends of names without their places, each name's once."""
    return [end for name in dict.fromkeys(NAMES.findall(text)) for end in ends_of(name)]


@lru_cache(maxsize=1 << 16)
def ends_of(name: str) -> tuple[str, ...]:
    """Return the first and the last part of a name that has several."""
    parts = PARTS.findall(name)
    return (f"{parts[0]}*", f"*{parts[-1]}") if len(parts) > 1 else ()


def _unsigned(words: list[str]) -> list[str]:
    """Return tokens without the signs of numbers."""
    before, after = ["", *words], [*words[1:], ""]
    return [
        word
        for word, last, following in zip(words, before, after, strict=False)
        if not (word in "+-" and following[:1].isdigit() and not (last[-1:].isalnum() or last[-1:] in ("_", ")", "]")))
    ]


@lru_cache(maxsize=1 << 17)
def _abstract(word: str, language: str) -> str:
    if word in COMPARISONS:
        return COMPARED
    if word[0] in "\"'" and len(word) > 1:
        return TEXT
    if word[0].isdigit():
        return NUMBER
    keywords = table_of(language).keywords if language in LANGUAGES else frozenset()
    if (word[0].isalpha() or word[0] == "_") and word not in keywords:
        return NAME
    return word
