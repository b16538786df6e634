"""What a training of a few passes has come to, in a file: one that is stopped goes on after the last pass that had ended."""

import hashlib
import pickle
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from codeward.files import new_file


@runtime_checkable
class KeepsFiles(Protocol):
    """A memory that has room for what is no JSON value, too."""

    def files(self) -> Path:
        """Return a folder of this run."""


@dataclass(frozen=True, slots=True)
class Passes:
    """The file of one training."""

    path: Path

    def load(self) -> dict[str, Any] | None:
        """Return the state after the last pass that had ended; nothing, where none had, or the file is broken."""
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except (OSError, EOFError, RuntimeError, pickle.UnpicklingError):
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Keep a state in the place of the one before.

        Raises:
            DataError: If it cannot be written.
        """
        with new_file(self.path) as place:
            torch.save(state, place)


def passes_in(memory: MutableMapping[str, Any], name: str) -> Passes | None:
    """Return where the passes of a training are kept, by what it depends on; nowhere, in a memory without room for files."""
    if not isinstance(memory, KeepsFiles):
        return None
    return Passes(memory.files() / f"{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}.pt")
