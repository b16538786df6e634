"""The folder of checkpoints of a training run: whose it is, and which checkpoint was written whole."""

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from codeward.data import fingerprint
from codeward.errors import DataError
from codeward.files import describe, telling_full_disk, write_text
from codeward.types import Sample
from codeward.victims.config import TrainConfig

STATE = "trainer_state.json"
NEEDED = ("optimizer.pt", "scheduler.pt")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors")


def run_key(rows: Sequence[Sample], valid: Sequence[Sample], labels: Sequence[str], config: TrainConfig) -> str:
    """Return a hash of all that the weights depend on."""
    parts = [fingerprint(rows), fingerprint(valid), list(labels), config.model_dump_json()]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()


def claim(work: Path, key: str, resume: bool) -> None:
    """Take the folder of checkpoints for this run.

    Raises:
        DataError: If it holds checkpoints of another run.
    """
    mark = work / "run.txt"
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    other = mark.is_file() and mark.read_text(encoding="utf-8").strip() != key
    if other and any(work.rglob("checkpoint-*")):
        raise DataError(
            f"{work}: the checkpoints here are of other data or settings; give the same ones again, or start afresh "
            "with --fresh"
        )
    if other:
        shutil.rmtree(work)
    write_text(mark, key + "\n")


def last_checkpoint(work: Path) -> str | None:
    """Return the last checkpoint that was written whole: its state is the last file of it."""
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]), reverse=True)
    for path in found:
        try:
            json.loads((path / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
            continue
        if all((path / name).is_file() for name in NEEDED) and any((path / name).is_file() for name in WEIGHTS):
            return str(path)
    return None


@contextmanager
def going_on(work: Path, written: Path | None = None, *, resume: bool = True) -> Iterator[None]:
    """Tell of a full disk in the block, and that what was trained until then is kept.

    Args:
        work: The folder of checkpoints.
        written: Where the block writes, if that is another one.
        resume: Whether the same call would go on from a checkpoint; otherwise none is promised.

    Raises:
        DataError: If the disk ran full.
    """
    try:
        with telling_full_disk(written or work):
            yield
    except DataError as problem:
        kept = last_checkpoint(work) if resume else None
        if kept is None or str(problem) != describe(OSError(errno.ENOSPC, ""), written or work):
            raise
        raise DataError(
            f"{work}: the disk is full; the training up to {Path(kept).name} is kept there; free some space and run the same "
            "command again, which goes on from there"
        ) from None
