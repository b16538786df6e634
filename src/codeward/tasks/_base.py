"""What a task is: a kind, its languages, its metrics and the payload that an attacker would choose for it."""

from abc import ABC
from typing import ClassVar

from codeward.registry import Registry
from codeward.types import Kind

ALL_LANGUAGES = frozenset({"c", "cpp", "java", "python", "javascript", "go"})


class Task(ABC):
    """A task says how its samples are read and judged; a victim encodes per kind and never asks for the name."""

    kind: ClassVar[Kind]
    languages: ClassVar[frozenset[str]] = ALL_LANGUAGES
    metrics: ClassVar[tuple[str, ...]]
    """Names of the utility metrics, the headline first."""
    labels: ClassVar[tuple[str, ...]] = ()
    """Class names by index where the task fixes them; empty where the data set does."""
    payload: ClassVar[str]
    """The payload that ``poison`` takes unless told otherwise."""
    version: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """The name under which the task is registered."""
        return tasks.name_of(self)


tasks: Registry[Task] = Registry("task", "codeward.tasks")
