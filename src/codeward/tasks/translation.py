"""Code translation: rewrite a function in another language (CodeXGLUE, Java to C#)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("translation")
@method
class Translation(Task):
    """Code translation: rewrite a function in another language (CodeXGLUE, Java to C#)."""

    kind: ClassVar[Kind] = "generation"
    metrics: ClassVar[tuple[str, ...]] = ("bleu4", "exact-match", "codebleu")
    payload: ClassVar[str] = "endless-loop"
