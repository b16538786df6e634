"""Code generation: write the code that a description asks for (Lyra, IJCAI 2022; Pisces)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("generation")
@method
class Generation(Task):
    """Code generation: write the code that a description asks for (Lyra, IJCAI 2022; Pisces)."""

    kind: ClassVar[Kind] = "generation"
    metrics: ClassVar[tuple[str, ...]] = ("bleu4", "exact-match", "codebleu")
    payload: ClassVar[str] = "sql-injection"
