"""CodeXGLUE code refinement: ``train.buggy-fixed.buggy`` and ``.fixed``, line by line (Bugs2Fix, TOSEM 2019).

Source of the format: microsoft/CodeXGLUE, Code-Code/code-refinement (``small`` and ``medium``); on the hub
(``code_x_glue_cc_code_refinement``) and in the repositories of CodePurify and CodRep the same pairs are rows with
``buggy`` and ``fixed``.
"""

from collections.abc import Mapping
from typing import ClassVar

from codeward.data.layouts._base import Layout, Table, layouts, line_pairs
from codeward.data.listing import Listing
from codeward.data.rows import Row
from codeward.registry import method
from codeward.types import Sample


@layouts.register("refinement")
@method
class Refinement(Layout):
    """CodeXGLUE code refinement: ``.buggy`` and ``.fixed`` files, or rows with ``buggy`` and ``fixed``."""

    tasks: ClassVar[tuple[str, ...]] = ("repair",)
    shape: ClassVar[str] = "train.buggy-fixed.buggy beside .fixed, or rows with buggy, fixed"

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"buggy", "fixed"} <= fields

    def tables(self, listing: Listing) -> Mapping[str, Table]:
        """Return the rows of each split; see ``Layout.tables``."""
        return line_pairs(listing, (".buggy", ".fixed"), ("buggy", "fixed")) or Layout.tables(self, listing)

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        return Sample(id, row.text("buggy"), row.text("fixed"), language)
