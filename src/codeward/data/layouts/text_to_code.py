"""Lyra and Pisces: CSV with a description (``src``) and the code that it asks for (``tgt``).

Source of the format: the repositories of DeCE (NTDXYG/DeCE) and TurduckenGen (NTDXYG/TurduckenGen), which keep Lyra
(IJCAI 2022, English to Python with embedded SQL) and Pisces (English to Java with embedded SQL) as ``train.csv``,
``valid.csv`` and ``test.csv`` with the columns ``src`` and ``tgt``.
"""

from typing import ClassVar

from codeward.data.layouts._base import Layout, layouts
from codeward.data.rows import Row
from codeward.registry import method
from codeward.types import PROMPT, Sample


@layouts.register("text-to-code")
@method
class TextToCode(Layout):
    """Lyra and Pisces: rows with ``src`` (a description) and ``tgt`` (the code)."""

    tasks: ClassVar[tuple[str, ...]] = ("generation",)
    shape: ClassVar[str] = "rows with src, tgt"

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"src", "tgt"} <= fields

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        return Sample(id, "", row.text("tgt"), language, {PROMPT: row.text("src")})
