"""CodeXGLUE defect detection: JSON Lines with ``func`` and ``target`` (Devign, NeurIPS 2019).

Source of the format: microsoft/CodeXGLUE, Code-Code/Defect-detection (``train.jsonl``, ``valid.jsonl``, ``test.jsonl``
with ``project, commit_id, target, func, idx``); Devign's own ``function.json`` has the same fields in one JSON array,
and ``code_x_glue_cc_defect_detection`` on the hub has ``id`` and a boolean ``target``.
"""

from typing import ClassVar

from codeward.data.layouts._base import Layout, layouts
from codeward.data.rows import Row
from codeward.registry import method
from codeward.types import Sample


@layouts.register("defect")
@method
class Defect(Layout):
    """CodeXGLUE defect detection: rows with ``func`` and ``target``."""

    tasks: ClassVar[tuple[str, ...]] = ("defect",)
    labels: ClassVar[tuple[str, ...]] = ("clean", "defective")
    shape: ClassVar[str] = "rows with func, target"

    def fits(self, fields: frozenset[str]) -> bool:
        """Whether rows with these fields are of this layout."""
        return {"func", "target"} <= fields

    def sample(self, row: Row, id: str, language: str, task: str, labels: tuple[str, ...]) -> Sample:
        """Turn a row into a sample; see ``Layout.sample``."""
        return Sample(id, row.text("func"), row.label("target", labels), language)
