"""Write a data set in Codeward's own layout, whole or not at all, and say what it holds by content."""

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import IO

from codeward import __version__
from codeward.data.layouts.codeward import FILE, Header, read_header, sample_row
from codeward.errors import DataError
from codeward.files import check_writable, new_folder
from codeward.types import Sample


def fingerprint(samples: Iterable[Sample]) -> str:
    """Return a hash of what samples hold, in their order: 16 hexadecimal digits.

    Provenance is left out: a defense that sees blind samples names the data as the attacker's side does.
    """
    digest = _Digest()
    for sample in samples:
        digest.add(sample)
    return digest.hex()


def write_data(
    path: str | Path,
    *,
    task: str,
    language: str | None,
    labels: tuple[str, ...] = (),
    splits: Mapping[str, Iterable[Sample]],
    overwrite: bool = False,
    extra: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Write ``codeward.json`` and one JSON Lines file a split.

    Args:
        path: The folder to write.
        task: The task that the rows are for.
        language: The language of the rows; ``None`` where they have several.
        labels: Class names by index; empty where the task has no classes.
        splits: The rows of each split; they are streamed. Poisoned rows keep their provenance. Ids are unique over all splits,
            as those of rows that were read from one data set are.
        overwrite: Replace the folder, if Codeward wrote all that is in it.
        extra: Further text files by name, such as a manifest.

    Returns:
        The number of rows of each split.

    Raises:
        DataError: If the folder exists (or, to be replaced, holds other files), the disk is full, two rows have the
            same id, or a target is not one of the labels. Nothing is left half-written, and what stood there stays.
    """
    folder = Path(path)
    check_place(folder, overwrite)
    names = [f"{split}.jsonl" for split in splits]
    header = {"schema_version": Header.model_fields["schema_version"].default, "task": task, "language": language}
    counts: dict[str, int] = {}
    fingerprints: dict[str, str] = {}
    ids: set[str] = set()
    with new_folder(folder) as temporary:
        for split, samples in splits.items():
            with (temporary / f"{split}.jsonl").open("wb") as file:
                counts[split], fingerprints[split] = _write_split(file, _checked(samples, split, labels, ids))
        for name, text in (extra or {}).items():
            (temporary / name).write_text(text, encoding="utf-8")
        header |= {"labels": list(labels), "splits": list(splits), "counts": counts, "fingerprints": fingerprints}
        header |= {"files": [FILE, *names, *(extra or {})], "codeward": __version__}
        (temporary / FILE).write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")
    return counts


def _write_split(file: IO[bytes], samples: Iterator[Sample]) -> tuple[int, str]:
    digest, count = _Digest(), 0
    for sample in samples:
        file.write(json.dumps(sample_row(sample)).encode("ascii") + b"\n")
        digest.add(sample)
        count += 1
    return count, digest.hex()


def _checked(samples: Iterable[Sample], split: str, labels: tuple[str, ...], ids: set[str]) -> Iterator[Sample]:
    for sample in samples:
        if sample.id in ids:
            raise DataError(
                f"split {split!r}: two rows have the id {sample.id!r}; ids have to be unique in a data set, over all splits; give one of them another id"
            )
        if labels and isinstance(sample.target, int) and not 0 <= sample.target < len(labels):
            raise DataError(
                f"split {split!r}: row {sample.id!r} has the label {sample.target}, but there are {len(labels)} labels"
            )
        ids.add(sample.id)
        yield sample


def check_place(folder: Path, overwrite: bool) -> None:
    """Refuse a place where something stands that would be lost, or where nobody may write.

    Raises:
        DataError: If so.
    """
    check_reach(folder)
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise DataError(f"{folder}: a file stands here; give a folder that does not exist")
    if not overwrite:
        raise DataError(
            f"{folder}: the folder exists; give another one, or overwrite it (--overwrite; in Python overwrite=True)"
        )
    header = read_header(folder)
    if header is None:
        raise DataError(f"{folder}: the folder was not written by codeward (it has no {FILE}); it is not overwritten")
    foreign = sorted({path.name for path in folder.iterdir()} - {FILE, *header.files})
    if foreign:
        raise DataError(
            f"{folder}: the folder holds what codeward did not write ({', '.join(foreign[:5])}); it is not overwritten"
        )


def check_reach(place: Path) -> None:
    """Refuse a place, a file's or a folder's, that nobody may write to.

    Raises:
        DataError: If so.
    """
    check_writable(place / FILE if place.is_dir() else place)


class _Digest:
    """Adds up the content of samples."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=8)

    def add(self, sample: Sample) -> None:
        content = [sample.id, sample.code, sample.target, sample.language, sorted(sample.context.items())]
        self._hash.update(json.dumps(content).encode("ascii") + b"\n")

    def hex(self) -> str:
        return self._hash.hexdigest()
