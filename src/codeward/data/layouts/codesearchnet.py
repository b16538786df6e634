"""CodeSearchNet: JSON Lines with a function and its docstring (arXiv 1909.09436).

Source of the format: github/CodeSearchNet (``python/final/jsonl/train/python_train_0.jsonl.gz`` with ``code,
docstring, docstring_tokens, func_name, language, …``); CodeXGLUE's AdvTest keeps the fields ``function`` and
``docstring_tokens``; the hub's ``code_search_net`` calls them ``func_code_string`` and ``func_documentation_tokens``.

The query is ``docstring_tokens`` joined by spaces where the row has them (CodeSearchNet cut them to the first
paragraph), else the first paragraph of ``docstring``. Published Python code still holds the docstring, which would
give the answer away: it is cut out, as ``code_tokens`` has it.
"""

from typing import ClassVar

from codeward.data.docs import first_paragraph, without_docstring
from codeward.data.languages import known_language
from codeward.data.layouts._base import Layout, layouts
from codeward.data.rows import Row
from codeward.errors import DataError
from codeward.registry import method
from codeward.types import PROMPT, QUERY, Sample

_CODE = ("code", "function", "func_code_string", "original_string", "whole_func_string")
_TOKENS = ("docstring_tokens", "func_documentation_tokens")
_TEXT = ("docstring", "func_documentation_string")


@layouts.register("codesearchnet")
@method
class CodeSearchNet(Layout):
    """CodeSearchNet: rows with a function and its docstring, for search or (``task=generation``) generation."""

    tasks: ClassVar[tuple[str, ...]] = ("search", "generation")
    shape: ClassVar[str] = "rows with code (or function) and docstring (or docstring_tokens)"

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return bool(fields & {*_CODE}) and bool(fields & {*_TOKENS, *_TEXT}) and not fields & {"doc", "label"}

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        code = row.text(*_CODE)
        if language == "python" and ('"""' in code or "'''" in code):
            code = without_docstring(code, language)
        if task == "generation":
            return Sample(id, "", code, language, {PROMPT: _description(row)})
        return Sample(id, code, id, language, {QUERY: _description(row)})

    def row_language(self, row: Row) -> str | None:
        """Return the language that the row itself names; see ``Layout.row_language``.

        Raises:
            DataError: If Codeward reads no such language.
        """
        if not row.has("language"):
            return None
        name = row.text("language")
        language = known_language(name)
        if language is None:
            raise DataError(
                f"{row.where}: language {name!r} is not one that Codeward reads; name one (--language; in Python "
                "language=), which is over what rows say"
            )
        return language


def _description(row: Row) -> str:
    """Return the query: the published tokens, else the docstring's first paragraph."""
    for name in _TOKENS:
        if row.has(name):
            return row.text(name)
    return first_paragraph(row.text(*_TEXT))
