"""Clone detection: do these two functions do the same? (BigCloneBench, ICSME 2014; CodeXGLUE)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("clone")
@method
class Clone(Task):
    """Clone detection: do these two functions do the same? (BigCloneBench, ICSME 2014; CodeXGLUE)."""

    kind: ClassVar[Kind] = "pair"
    metrics: ClassVar[tuple[str, ...]] = ("f1", "accuracy")
    labels: ClassVar[tuple[str, ...]] = ("different", "clone")
    payload: ClassVar[str] = "target-class"
