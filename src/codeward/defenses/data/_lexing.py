"""Tokens of code and prose without parsing, and lines as templates: fast enough for millions of rows."""

import re
from collections.abc import Iterator

from codeward.code import LANGUAGES
from codeward.code.languages import table_of
from codeward.types import CODE, OTHER, PROMPT, QUERY, Sample, Span

TOKEN = re.compile(
    r"""[^\W\d]\w*|\d[\w.]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[^\w\s]""",
)
NUMBER, TEXT, NAME = "<number>", "<string>", "<name>"
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


def templates(text: str, language: str) -> list[tuple[str, Span]]:
    """Return each statement-like stretch of a text with its names and literals abstracted.

    Stretches end at a line break, a semicolon or a brace. Each has two forms, one in which called functions keep their names
    and one in which they do not: a trigger that is written anew in each row keeps its form. Stretches of fewer than four
    tokens say too little and are left out.
    """
    keywords = table_of(language).keywords if language in LANGUAGES else frozenset()
    found = []
    for match in CUT.finditer(text):
        stretch = match[0].strip()
        words = TOKEN.findall(stretch)
        if len(words) >= SHORTEST:
            start = match.start() + match[0].index(stretch)
            span = Span(start, start + len(stretch))
            plain = [_abstract(word, keywords) for word in words]
            called = [
                word if form == NAME and following == "(" else form
                for word, form, following in zip(words, plain, [*words[1:], ""], strict=True)
            ]
            found.append((" ".join(called), span))
            if called != plain:
                found.append((" ".join(plain), span))
    return found


def sums(text: str) -> list[tuple[str, Span]]:
    """Return each expression of numbers alone, which a programmer would have written as one number, by its operators."""
    return [
        (
            " ".join(NUMBER if word[0].isdigit() else word for word in TOKEN.findall(match[0]) if word not in "()"),
            Span(*match.span()),
        )
        for match in SUM.finditer(text)
    ]


def affixes(text: str) -> list[tuple[str, Span]]:
    """Return the first and the last part of each name that has several: ``get_*`` and ``*_path`` of ``get_file_path``."""
    found = []
    for match in NAMES.finditer(text):
        parts = PARTS.findall(match[0])
        if len(parts) > 1:
            span = Span(*match.span())
            found += [(f"{parts[0]}*", span), (f"*{parts[-1]}", span)]
    return found


def _abstract(word: str, keywords: frozenset[str]) -> str:
    if word[0] in "\"'" and len(word) > 1:
        return TEXT
    if word[0].isdigit():
        return NUMBER
    if (word[0].isalpha() or word[0] == "_") and word not in keywords:
        return NAME
    return word
