"""CoSQA: web queries paired with Python functions, labeled (ACL 2021, arXiv 2105.13239).

Source of the format: microsoft/CodeXGLUE, Text-Code/NL-code-search-WebQuery (``cosqa-train.json``, ``cosqa-dev.json``:
a JSON array, or JSON Lines, of ``idx, doc, code, code_tokens, docstring_tokens, label``). The query is ``doc``; the
code is kept as published, with its docstring. Rows with label 0 have no query that they answer, so their target is
``None``; they stay in the pool.
"""

from typing import ClassVar

from codeward.data.layouts._base import Layout, layouts
from codeward.data.rows import Row
from codeward.registry import method
from codeward.types import QUERY, Sample

_LABELS = ("irrelevant", "relevant")


@layouts.register("cosqa")
@method
class Cosqa(Layout):
    """CoSQA: rows with ``doc`` (a web query), ``code`` and ``label``."""

    tasks: ClassVar[tuple[str, ...]] = ("search",)
    shape: ClassVar[str] = "rows with doc, code, label"
    language: ClassVar[str | None] = "python"

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"doc", "code", "label"} <= fields

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        relevant = row.label("label", _LABELS) == 1
        return Sample(id, row.text("code"), id if relevant else None, language, {QUERY: row.text("doc")})
