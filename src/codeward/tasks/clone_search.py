"""Clone search: find the other programs that solve the same problem (POJ-104; CodeXGLUE, MAP@R)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("clone-search")
@method
class CloneSearch(Task):
    """Clone search: find the other programs that solve the same problem (POJ-104; CodeXGLUE, MAP@R)."""

    kind: ClassVar[Kind] = "retrieval"
    metrics: ClassVar[tuple[str, ...]] = ("map", "mrr")
    payload: ClassVar[str] = "rank-anchor"
