"""What killed runs leave behind: folders in the making, and a model that stands while its work folders do, too."""

import re
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from codeward.errors import DataError
from codeward.zoo.making import room_of
from codeward.zoo.packing import CorpusCard, read_card
from codeward.zoo.request import PretrainConfig, PretrainResult, work_of

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


def finished(
    config: PretrainConfig,
    out: Path,
    corpus: Path,
    *,
    request: Callable[[], str] | None = None,
    left: Sequence[Path] = (),
) -> PretrainResult | None:
    """Return what this very run has reached, if it was killed after its model stood, and remove what it left beside it.

    Args:
        config: How to train.
        out: The folder.
        corpus: The packed corpus, which has to be the model's.
        request: Gives what was asked of the packed corpus, which is then compared in place of the corpus: that may be gone.
        left: What the run would have removed at its end beside its work folder.

    Returns:
        ``None`` where the model is of another run, or nothing was left.
    """
    about = None if out.name in ("", "..") else read_about(out)
    standing = [each for each in (work_of(out), *left) if each.is_dir()] if about else []
    if about is None or not standing or not _is_of(about, config, corpus, request):
        return None
    for each in (*standing, room_of(out), *map(room_of, left)):
        shutil.rmtree(each, ignore_errors=True)
    return PretrainResult(about.curve, about.tokens_seen, about.seconds, about.parameters, about.corpus.unmeasured)


def _is_of(about: About, config: PretrainConfig, corpus: Path, request: Callable[[], str] | None) -> bool:
    """Whether a model is of these settings and this corpus."""
    if about.config != config.model_dump():
        return False
    if request is not None:
        return about.corpus.request == request()
    with suppress(DataError):
        return about.corpus == read_card(corpus)
    return False


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
