"""Program repair: rewrite a buggy function into its fixed form (Bugs2Fix, TOSEM 2019; CodeXGLUE)."""

from typing import ClassVar

from codeward.registry import method
from codeward.tasks._base import Task, tasks
from codeward.types import Kind


@tasks.register("repair")
@method
class Repair(Task):
    """Program repair: rewrite a buggy function into its fixed form (Bugs2Fix, TOSEM 2019; CodeXGLUE)."""

    kind: ClassVar[Kind] = "generation"
    metrics: ClassVar[tuple[str, ...]] = ("bleu4", "exact-match", "codebleu")
    payload: ClassVar[str] = "endless-loop"
