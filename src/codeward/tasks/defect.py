"""Defect detection: does this function hold a defect? (Devign, NeurIPS 2019; CodeXGLUE)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("defect")
@method
class Defect(Task):
    """Defect detection: does this function hold a defect? (Devign, NeurIPS 2019; CodeXGLUE)."""

    kind: ClassVar[Kind] = "classification"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "f1")
    labels: ClassVar[tuple[str, ...]] = ("clean", "defective")
    payload: ClassVar[str] = "target-class"
