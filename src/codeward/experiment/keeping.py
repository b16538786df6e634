"""What a long run has done, so that a stopped one goes on.

Of an audit arrays in a folder, which are read back when they are needed and take no memory; of a scan or a repair JSON values in a
file, with a folder beside it for weights.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from codeward import __version__
from codeward.data import fingerprint
from codeward.defenses.data import Arrays
from codeward.errors import DataError
from codeward.files import describe, new_file, write_text
from codeward.types import Sample
from codeward.victims.base import Victim

KEY = "run.txt"
"""The file that says what the run depends on."""


class FolderMemory(MutableMapping[str, Arrays]):
    """Arrays by name, each set a file, written whole.

    Args:
        path: The folder; what it holds of a run with another key is forgotten.
        key: What the run depends on.

    Raises:
        DataError: If it cannot be written.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, mark = path, path / KEY
        try:
            if not mark.is_file() or mark.read_text(encoding="utf-8") != key:
                shutil.rmtree(path, ignore_errors=True)
                write_text(mark, key)
        except OSError as problem:
            raise DataError(describe(problem, path)) from None

    def __getitem__(self, name: str) -> Arrays:
        place = self._place(name)
        if not place.is_file():
            raise KeyError(name)
        with np.load(place) as file:
            return dict(file)

    def __setitem__(self, name: str, arrays: Arrays) -> None:
        values: dict[str, Any] = dict(arrays)
        with new_file(self._place(name)) as place, place.open("wb") as file:
            np.savez(file, **values)

    def __delitem__(self, name: str) -> None:
        self._place(name).unlink()

    def __contains__(self, name: object) -> bool:
        return self._place(str(name)).is_file()

    def __iter__(self) -> Iterator[str]:
        return (file.stem for file in sorted(self.path.glob("*.npz")) if not file.name.startswith("."))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _place(self, name: str) -> Path:
        return self.path / f"{name}.npz"


@contextmanager
def kept_beside(out: Path | None, key: str | None) -> Iterator[FolderMemory]:
    """Give a memory in a hidden folder beside an output, which a stopped run leaves and one that ends well removes.

    Without an output, or a key that tells one run from another, it is a temporary folder that never stays.

    Raises:
        DataError: If nothing can be written beside the output.
    """
    if out is None or key is None:
        with tempfile.TemporaryDirectory(prefix="codeward-audit-") as folder:
            yield FolderMemory(Path(folder), "")
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(describe(problem, out)) from None
    memory = FolderMemory(out.with_name(f".{out.name}.audit"), key)
    done = False
    try:
        yield memory
        done = True
    finally:
        if done or not memory:
            shutil.rmtree(memory.path, ignore_errors=True)


class FileMemory(MutableMapping[str, Any]):
    """Results of finished steps in a file, written whole after each, and a folder beside it for what is no JSON value.

    Args:
        path: The file; what it and the folder hold of a run with other inputs is forgotten.
        key: What the run depends on.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.folder = path.with_suffix(".files")
        self.steps: dict[str, Any] = {}
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["key"] == key:
                self.steps = kept["steps"]
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def __getitem__(self, name: str) -> Any:
        return self.steps[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.steps[name] = value
        self._write()

    def __delitem__(self, name: str) -> None:
        del self.steps[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def files(self) -> Path:
        """Return the folder; the file beside it says from now on whose it is."""
        if not self.path.is_file():
            self._write()
        return self.folder

    def _write(self) -> None:
        write_text(self.path, json.dumps({"key": self.key, "steps": self.steps}) + "\n")

    def clear(self) -> None:
        """Forget all steps, and remove the file: the run has ended well."""
        self.steps = {}
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def memory_for(
    out: Path | None, victim: Victim, clean: Sequence[Sample], name: str, options: dict[str, object]
) -> MutableMapping[str, Any]:
    """Return where the steps of a run that ends in a file are kept: in a hidden file beside it."""
    if out is None:
        return {}
    key = json.dumps([__version__, victim.fingerprint, fingerprint(clean), name, options], sort_keys=True, default=str)
    return FileMemory(out.with_name(f".{out.name}.steps"), key)
