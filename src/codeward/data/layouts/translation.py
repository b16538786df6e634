"""CodeXGLUE code translation: ``train.java-cs.txt.java`` and ``.cs``, line by line.

Source of the format: microsoft/CodeXGLUE, Code-Code/code-to-code-trans; on the hub
(``code_x_glue_cc_code_to_code_trans``) the same pairs are rows with ``java`` and ``cs``.
"""

from collections.abc import Mapping
from typing import ClassVar

from codeward.data.layouts._base import Layout, Table, layouts, line_pairs
from codeward.data.listing import Listing
from codeward.data.rows import Row
from codeward.registry import method
from codeward.types import Sample


@layouts.register("translation")
@method
class Translation(Layout):
    """CodeXGLUE code translation, Java to C#: ``.java`` and ``.cs`` files, or rows with ``java`` and ``cs``."""

    tasks: ClassVar[tuple[str, ...]] = ("translation",)
    shape: ClassVar[str] = "train.java-cs.txt.java beside .cs, or rows with java, cs"
    language: ClassVar[str | None] = "java"

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"java", "cs"} <= fields

    def tables(self, listing: Listing) -> Mapping[str, Table]:
        """Return the rows of each split; see ``Layout.tables``."""
        return line_pairs(listing, (".java", ".cs"), ("java", "cs")) or Layout.tables(self, listing)

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        return Sample(id, row.text("java"), row.text("cs"), language)
