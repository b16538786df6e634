"""Options that several verbs share."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated

import typer

from codeward.errors import UsageError
from codeward.files import check_writable

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Seed = Annotated[int, typer.Option("--seed", help="The run's seed; the same seed gives the same result.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output folder that Codeward wrote before.")]
Layout = Annotated[str | None, typer.Option("--layout", help="The data set's layout, where it is not recognized.")]
TaskName = Annotated[str | None, typer.Option("--task", help="The data set's task, where its layout does not tell.")]
LanguageName = Annotated[
    str | None, typer.Option("--language", help="The code's language, where it is not recognized.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An option of the attack; see: codeward show NAME."),
]
Pickle = Annotated[bool, typer.Option("--allow-pickle", help="Load a model from a pickle, which can run any code.")]
Data = Annotated[Path, typer.Argument(help="Folder, file or hub name of a data set.", metavar="DATA")]


FINDING = b'"finding"'
"""What stands at the beginning of what ``codeward scan -o`` writes."""
PAGES = {"page": b"<!doctype html", "SARIF log": b"sarif", "finding": FINDING}
"""What stands at the beginning of the files that verbs write over."""


def check_pages(*, html: Path | None = None, sarif: Path | None = None, finding: Path | None = None) -> None:
    """Refuse to write a page, a log or a finding over a file that is none, such as the data itself, or where nothing can be written.

    Raises:
        UsageError: If something else stands there, or two of them would be one file.
        DataError: If no file can be written there.
    """
    check_apart({"--html": html, "--sarif": sarif, "--output": finding})
    for path, (what, sign) in zip((html, sarif, finding), PAGES.items(), strict=True):
        if path is None:
            continue
        check_file(path)
        check_writable(path)
        if path.is_file() and path.stat().st_size and not begins_with(path, sign):
            raise UsageError(f"{path}: a file that is no {what} stands here; give another place")


def begins_with(file: Path, sign: bytes) -> bool:
    """Whether a sign in lower case stands among the first 200 bytes of a file."""
    with file.open("rb") as opened:
        return sign in opened.read(200).lower()


def check_apart(outputs: Mapping[str, Path | None], read: Iterable[Path] = ()) -> None:
    """Refuse outputs of which one would be written over another one, or over what is read.

    Args:
        outputs: Where each option writes, under the option's name; ``None`` where it is not given.
        read: The files that are read, over which none may be written.

    Raises:
        UsageError: If so.
    """
    given = {flag: path for flag, path in outputs.items() if path is not None}
    for (flag, path), (other, place) in combinations(given.items(), 2):
        if _is_same(path, place):
            raise UsageError(f"{place}: {flag} and {other} would be written to one place; give each its own")
        for inner, outer, name in ((path, place, other), (place, path, flag)):
            if outer.resolve() in inner.resolve().parents:
                raise UsageError(f"{inner}: this lies in the folder that {name} writes; give a place outside of it")
    sources = list(read)
    for flag, path in given.items():
        if any(_is_same(path, source) for source in sources):
            raise UsageError(f"{path}: {flag} would be written over data that is read; give another place")


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def check_named(data: Path, verb: str) -> None:
    """Refuse ``-`` for a data set, of which some verbs read a single input.

    Raises:
        UsageError: If so.
    """
    if str(data) == "-":
        raise UsageError(
            f"codeward {verb} does not read standard input (-); give a data set's folder, file or hub name"
        )


def check_file(path: Path) -> None:
    """Refuse to write a file called ``-``, which elsewhere is standard input.

    Raises:
        UsageError: If so.
    """
    if str(path) == "-":
        raise UsageError("what is found is written to a file, not to standard output (-); give its name")


def parse_settings(pairs: Sequence[str] | None, flag: str = "--set") -> dict[str, object]:
    """Split ``KEY=VALUE`` options.

    Raises:
        UsageError: If one has no ``=``, or a key is given twice.
    """
    settings: dict[str, object] = {}
    for pair in pairs or ():
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise UsageError(f"{flag} takes KEY=VALUE, such as {flag} name=foo; got {pair!r}")
        if key in settings:
            raise UsageError(f"{flag} {key}=… is given twice")
        settings[key] = value
    return settings
