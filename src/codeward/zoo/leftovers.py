"""What killed runs leave behind: folders in the making, and a model that stands while its work folders do, too."""

import re
import shutil
import stat
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from codeward.zoo.packing import CorpusCard

FILE = "codeward-zoo.json"
STALE = 3600.0
"""Seconds without a change after which a folder in the making is a dead one's: no run says that it is still alive."""
PARTS = ("*.json", "*.jinja", "*.md", "*.model", "*.npy", "*.safetensors", "*.txt", "tokenizer")
"""What a model or a packed corpus is made of."""


class About(BaseModel):
    """What a pretrained model's folder says of its run."""

    config: dict[str, Any]
    corpus: CorpusCard
    parameters: int
    tokens_seen: int
    seconds: float
    curve: list[dict[str, Any]]


def read_about(out: Path) -> About | None:
    """Return what a model's folder says of its run; ``None`` where it holds no pretrained model."""
    try:
        return About.model_validate_json((out / FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def sweep(*places: Path) -> None:
    """Remove the folders in the making of these places (see ``files.new_folder``) that killed runs left beside them."""
    for place in places:
        if place.name in ("", ".."):
            continue
        named = re.compile(re.escape(f".{place.name}.") + "[a-z0-9_]{8}")
        for each in [*place.parent.iterdir()] if place.parent.is_dir() else []:
            if named.fullmatch(each.name) and _is_dead(each):
                shutil.rmtree(each, ignore_errors=True)


def _is_dead(folder: Path) -> bool:
    """Whether a folder is one that ``mkdtemp`` made, holds nothing but what we write, and has not changed for long."""
    try:
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_mode & 0o777 != stat.S_IRWXU:
            return False
        if not all(any(fnmatch(each.name, part) for part in PARTS) for each in folder.iterdir()):
            return False
        changed = [about.st_mtime, *(each.lstat().st_mtime for each in folder.rglob("*"))]
    except OSError:  # it has just vanished, or is somebody else's
        return False
    return time.time() - max(changed) > STALE
