"""What a training refuses before it begins: a folder that is not its to write, and rows that nothing can be learned from."""

from collections.abc import Sequence
from pathlib import Path

from codeward.errors import DataError, UnfitError
from codeward.tasks import Task
from codeward.types import Sample
from codeward.victims import processes
from codeward.victims.groups import check_asked
from codeward.victims.huggingface import FILE
from codeward.victims.sifting import Sifter
from codeward.victims.suiting import CLASSIFYING


def check_place(out: Path, overwrite: bool) -> None:
    """Refuse a folder that may not be written over.

    Raises:
        DataError: If it is one.
    """
    if out.exists() and any(out.iterdir()):
        if not overwrite:
            raise DataError(f"{out}: the folder exists; give another one, or allow to overwrite it (--overwrite)")
        if not (out / FILE).is_file():
            raise DataError(f"{out}: the folder was not written by codeward, so it is not overwritten")


def check_fit(task: Task, defense: object) -> None:
    """Refuse a loss, or a number of processes, that a task is not trained with.

    Raises:
        UnfitError: If so.
    """
    if isinstance(defense, Sifter) and task.kind not in defense.sifts:
        raise UnfitError(
            f"this loss sifts the rows of classifiers of one input, and a model for {task.name} is none: take another (codeward list "
            "losses), or look for poisoned rows before the training (codeward audit)"
        )
    if task.kind == "retrieval" and processes.several():
        raise UnfitError(f"{task.name} is trained in one process only: its batches are each other's wrong answers")


def check_rows(rows: Sequence[Sample], labels: Sequence[str], task: Task) -> None:
    """Refuse rows without a target, or of classes that the data set does not name.

    Raises:
        DataError: If there is such a row; of a search, if no row has a target.
    """
    if task.kind == "retrieval":
        if rows:
            check_asked(rows, task)
        return
    unknown = next((row.id for row in rows if row.target is None), None)
    if unknown is not None:
        raise DataError(f"row {unknown!r} has no target; training needs one for every row")
    if task.kind in CLASSIFYING:
        _check_classes(rows, labels, task)


def _check_classes(rows: Sequence[Sample], labels: Sequence[str], task: Task) -> None:
    odd = next((row for row in rows if row.target not in range(len(labels))), None)
    if odd is not None:
        told = f"names these classes only: {', '.join(labels)}" if labels else "names no classes"
        raise DataError(
            f"row {odd.id!r} has the target {odd.target!r}, but the data set {told}; write all, from class 0 on, as labels into a "
            'codeward.json beside the rows, such as {"schema_version": 1, "task": "'
            f'{task.name}", "labels": ["no", "yes"], "splits": ["train"]}}'
        )
