"""The functions of a source file, each as it would stand alone: dedented, without its documentation."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from codeward.code import Function, count_errors, functions
from codeward.data.docs import comment_text, cut_line, docstring_text
from codeward.data.harvest.sources import SourceFile
from codeward.errors import CodeError

_LEGAL = re.compile(r"copyright|licen[sc]e|SPDX", re.I)
_STRING_OR_COMMENT = {
    "python": re.compile(
        r'("""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*\'\'\'|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')'
        r"|#[^\n]*",
        re.S,
    ),
    "": re.compile(
        r'("(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`)|//[^\n]*|/\*.*?\*/',
        re.S,
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a function may be, without its documentation."""

    min_lines: int = 3
    """CodeSearchNet leaves out functions under three lines."""
    max_chars: int = 2_500

    def reason(self, code: str) -> str | None:
        """Say why a function is left out; ``None`` where its length is right."""
        if len(code) > self.max_chars:
            return "function is too long"
        return "function is too short" if code.count("\n") + 1 < self.min_lines else None


@dataclass(frozen=True, slots=True)
class Found:
    """A function that was found."""

    file: str
    language: str
    name: str
    code: str
    """Dedented, without its docstring."""
    doc: str
    """The text of its docstring or leading comment; empty where it has none."""


def find_functions(file: SourceFile, limits: Limits, skipped: Counter[str]) -> Iterator[Found]:
    """Yield the functions and methods of a file in order.

    A function within another one is part of it, unless the outer one is too long.
    """
    try:
        found = functions(file.text, file.language)
        damaged = count_errors(file.text, file.language) > 0
    except CodeError:
        skipped["file cannot be parsed"] += 1
        return
    end = 0
    for function in sorted(found, key=lambda function: (function.span.start, -function.span.end)):
        if function.span.end <= end:
            continue
        code = _alone(file.text, function)
        if code is None:
            skipped["function is nothing but documentation"] += 1
            continue
        reason = limits.reason(code)
        if reason is None and damaged and count_errors(code, file.language):
            reason = "function does not parse"
        if reason is not None:
            skipped[reason] += 1
            continue
        end = function.span.end
        yield Found(file.name, file.language, function.name, code, _documentation(file, function))


def normalize(code: str, language: str) -> str:
    """Return code without its comments and without any white space, to tell copies."""
    pattern = _STRING_OR_COMMENT.get(language, _STRING_OR_COMMENT[""])
    return "".join(pattern.sub(lambda match: match[1] or "", code).split())


def key_of(text: str) -> str:
    """Return a text's hash: 16 hexadecimal digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _alone(text: str, function: Function) -> str | None:
    """Cut a function out of its file, without its docstring and its indentation."""
    span = function.span
    code = span.of(text)
    if function.docstring_span is not None:
        cut = cut_line(code, function.docstring_span.shift(-span.start))
        if cut is None or not _has_statement(cut[function.body_span.start - span.start :]):
            return None
        code = cut
    line = text.rfind("\n", 0, span.start) + 1
    indent = text[line : span.start]
    indent = indent[: len(indent) - len(indent.lstrip())]
    return code.rstrip() if not indent else "\n".join(part.removeprefix(indent) for part in code.rstrip().split("\n"))


def _has_statement(body: str) -> bool:
    """Whether anything but comments is left of a Python body after its docstring was cut."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in body.split("\n"))


def _documentation(file: SourceFile, function: Function) -> str:
    if file.language == "python":
        return "" if function.docstring_span is None else docstring_text(function.docstring_span.of(file.text)) or ""
    comment = _leading_comment(file.text, function.span.start, file.language)
    return "" if _LEGAL.search(comment) else comment_text(comment)


def _leading_comment(text: str, start: int, language: str) -> str:
    """Return the comment that ends on the line above a function; plain ``/* */`` counts in C only."""
    line = text.rfind("\n", 0, start)
    above = text[: max(line, 0)].rstrip(" \t")
    if above.endswith("*/"):
        opening = above.rfind("/*")
        plain = language in ("c", "cpp") or above.startswith("/**", opening)
        return above[opening:] if opening >= 0 and plain else ""
    end = len(above)
    start = end
    while start > 0:
        begin = above.rfind("\n", 0, start - 1) + 1
        if not above[begin:start].lstrip().startswith("//"):
            break
        start = begin
    return above[start:end]
