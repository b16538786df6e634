"""Tasks: defect, clone, naming, repair, translation, generation, search and clone search; one file each."""

from codeward.tasks._base import ALL_LANGUAGES, Task, tasks

__all__ = ["ALL_LANGUAGES", "Task", "tasks"]
