"""What the documentation of a function says, cut to a query; and its code without it."""

import ast
import inspect
import re

from codeward.code import function
from codeward.types import Span

_TAIL = re.compile(
    r"^\s*(?:@\w+|:\w[\w ]*:|\\\w+|>>>"
    r"|(?:Args|Arguments|Parameters|Params|Returns?|Raises|Yields?|Examples?|Notes?|Usage)\s*:?\s*$)",
    re.M,
)
"""Where the prose of a documentation ends and its list of parameters, results and examples begins."""
_ABBREVIATION = re.compile(r"\b(?:(?i:e\.g|i\.e|vs|cf|resp|approx|incl)|[A-Z])\.$")
_INLINE_TAG = re.compile(r"\{@\w+\s*([^{}]*)\}")
_HTML = re.compile(r"</?[A-Za-z][\w-]*(?:\s[^<>]*)?/?>")
_STARS = re.compile(r"^[ \t]*(?:/\*+!?|\*+/|\*(?!/)|///?!?)?[ \t]?(.*?)[ \t]*(?:\*+/)?[ \t]*$", re.M)

_BLANK_LINES = re.compile(r"(?:[ \t\r]*\n)+")


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a documentation on one line, without its list of parameters.

    Args:
        text: A docstring's content, or a comment's without its marks.
    """
    prose = text.strip()
    tail = _TAIL.search(prose)
    if tail is not None:
        prose = prose[: tail.start()].rstrip()
    paragraph = re.split(r"\n\s*\n|<p>|<p/>", prose, maxsplit=1)[0]
    paragraph = _HTML.sub(" ", _INLINE_TAG.sub(r"\1", paragraph))
    return re.sub(r" (?=[.,;:](?:\s|$))", "", " ".join(paragraph.split()))


def first_sentence(text: str) -> str:
    """Return the first sentence of a documentation on one line; the paragraph where it has no sentence end."""
    paragraph = first_paragraph(text)
    for stop in re.finditer(r"[.!?](?=\s|$)", paragraph):
        sentence = paragraph[: stop.end()]
        if not _ABBREVIATION.search(sentence):
            return sentence
    return paragraph


def docstring_text(literal: str) -> str | None:
    """Return the content of a Python docstring, dedented; ``None`` where the literal is not a plain string."""
    try:
        value = ast.literal_eval(literal.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return inspect.cleandoc(value) if isinstance(value, str) else None


def comment_text(comment: str) -> str:
    """Return a comment's text without the marks of ``/** */``, ``///`` and ``//``."""
    return "\n".join(match[1] for match in _STARS.finditer(comment)).strip()


def without_docstring(code: str, language: str) -> str:
    """Return a function's code without its docstring; the code itself where it has none."""
    head = _up_to_docstring(code)
    found = None if head is None else function(head, language)
    if found is None or found.docstring_span is None:
        found = function(code, language)
    if found is None or found.docstring_span is None:
        return code
    return cut_line(code, found.docstring_span) or code


def _up_to_docstring(code: str) -> str | None:
    """Return a function up to the end of its first triple-quoted string: all to parse, if that is the docstring."""
    opening = re.search(r"\"{3}|'{3}", code)
    closing = -1 if opening is None else code.find(opening[0], opening.end())
    return None if closing < 0 else code[: closing + 3]


def cut_line(code: str, span: Span) -> str | None:
    """Cut a statement with its lines and the blank ones after; ``None`` where other code stands on them too."""
    start = code.rfind("\n", 0, span.start) + 1
    end = code.find("\n", span.end)
    end = len(code) if end < 0 else end + 1
    if code[start : span.start].strip() or code[span.end : end].strip():
        return None
    blank = _BLANK_LINES.match(code, end)
    return code[:start] + code[blank.end() if blank else end :]
