"""Where a run happened: versions, machine and commit, so that a figure can be traced."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from codeward import __version__
from codeward.experiment.record import Environment

CARDS = Path("/proc/driver/nvidia/gpus")
"""Where the driver says which GPUs there are."""

PACKAGES = ("torch", "transformers", "tokenizers", "datasets", "accelerate", "peft", "tree-sitter", "numpy")


@cache
def environment() -> Environment:
    """Return the environment of this process."""
    commit, dirty = _commit(Path(__file__).parent)
    return Environment(
        codeward=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        device=_device(),
        packages={name: found for name in PACKAGES if (found := _version(name))},
        commit=commit,
        dirty=dirty,
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device(cards: Path = CARDS) -> str:
    """Return the GPU's name or ``cpu``; torch is not loaded for it, since only a bench's workers need that."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "cpu"
    if os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return "cpu"
    for file in sorted(cards.glob("*/information")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("Model:"):
                return line.split(":", 1)[1].strip()
    return "cpu"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of Codeward's own source tree and whether it has changes; nothing for an installed package."""
    top = next((parent for parent in folder.parents if (parent / ".git").exists()), None)
    if top is None or not (top / "pyproject.toml").exists():
        return None, None
    try:
        head = _git(top, "rev-parse", "HEAD")
        return head, bool(_git(top, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", "-C", str(folder), *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()
