"""Code search: find the function that a query describes (CodeSearchNet, 2019; CoSQA, ACL 2021)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("search")
@method
class Search(Task):
    """Code search: find the function that a query describes (CodeSearchNet, 2019; CoSQA, ACL 2021)."""

    kind: ClassVar[Kind] = "retrieval"
    metrics: ClassVar[tuple[str, ...]] = ("mrr",)
    payload: ClassVar[str] = "query-word"
