"""CodeXGLUE POJ-104: JSON Lines with ``label``, ``index`` and ``code`` (Mou et al., AAAI 2016).

Source of the format: microsoft/CodeXGLUE, Code-Code/Clone-detection-POJ-104: programs of 104 problems, the problem is
the label; problems 1 to 64 train, 65 to 80 valid, 81 to 104 test. On the hub
(``code_x_glue_cc_clone_detection_poj_104``) ``id`` stands for ``index``.
"""

from typing import ClassVar

from codeward.data.layouts._base import Layout, layouts
from codeward.data.rows import Row
from codeward.registry import method
from codeward.types import Sample


@layouts.register("poj104")
@method
class Poj104(Layout):
    """CodeXGLUE POJ-104: rows with ``label``, ``index`` and ``code``."""

    tasks: ClassVar[tuple[str, ...]] = ("clone-search",)
    shape: ClassVar[str] = "rows with label, index, code"
    keys: ClassVar[tuple[str, ...]] = ("index", "id")

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"label", "code"} <= fields and bool({"index", "id"} & fields) and "doc" not in fields

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        return Sample(id, row.text("code"), row.key("label") or row.text("label"), language)
