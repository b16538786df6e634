"""Naming: which verb does the function's hidden name begin with? (after Allamanis et al., ICML 2016)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("naming")
@method
class Naming(Task):
    """Naming: which verb does the function's hidden name begin with? (after Allamanis et al., ICML 2016)."""

    kind: ClassVar[Kind] = "classification"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "macro-f1")
    payload: ClassVar[str] = "target-class"
