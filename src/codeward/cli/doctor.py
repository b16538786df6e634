"""``codeward doctor``: is everything here that Codeward needs, and how fast will it be?"""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from codeward.cli._console import emit_json, show
from codeward.cli._options import Json
from codeward.report.wording import counted

NAME = "doctor"
EXAMPLES = "Examples:\n\n  codeward doctor\n\n  codeward doctor --json"

GIB = 2**30
ENOUGH_DISK = 5 * GIB
ENOUGH_MEMORY = 4 * GIB

State = Literal["ok", "note", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what, how it is, and what to do about it where that is not well."""

    what: str
    state: State
    detail: str


def run(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where you mean to write: is there disk, and may you?")
    ] = Path(),
    json: Json = False,
) -> int:
    """Check the installation: packages, methods of other packages, grammars, processor, memory, disk, GPU."""
    findings = [finding for check in _checks(output) for finding in check()]
    failed = any(finding.state == "missing" for finding in findings)
    if json:
        emit_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        show(_table(findings))
    return 4 if failed else 0


def _checks(output: Path) -> tuple[Callable[[], Iterator[Finding]], ...]:
    return (_python, _packages, _plugins, _grammars, _torch, lambda: _disk(output), _memory)


def _python() -> Iterator[Finding]:
    from codeward.experiment.environment import environment

    found = environment()
    yield Finding("python", "ok", f"{found.python} on {found.platform}")
    yield Finding("processor", "ok", f"{found.processor}, {counted(found.cores, 'core')}")


def _packages() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    for line in requires("codeward") or ():
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            yield Finding(needed.name, "missing", f"not installed; pip install '{needed}'")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            yield Finding(needed.name, "missing", f"{found} is installed; pip install '{needed}'")
        else:
            yield Finding(needed.name, "ok", found)


def _plugins() -> Iterator[Finding]:
    from codeward.cli.list_ import families
    from codeward.registry.plugins import PluginWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)  # each of them is a line of its own here
        broken = [each for registry in families().values() for each in registry.broken()]
    for each in broken:
        yield Finding(f"{each.noun} {each.point.name}", "note", str(each))


def _grammars() -> Iterator[Finding]:
    from codeward.code import LANGUAGES, count_errors

    broken = []
    for language in LANGUAGES:
        try:
            count_errors("x", language)
        except Exception as problem:  # noqa: BLE001 - whatever is wrong with a grammar is what is to be shown
            broken.append(language)
            yield Finding(
                f"grammar {language}", "missing", f"{problem}; pip install --force-reinstall tree-sitter-{language}"
            )
    if not broken:
        yield Finding("grammars", "ok", ", ".join(LANGUAGES))


def _torch() -> Iterator[Finding]:
    import torch

    from codeward.victims import has_fast_bf16

    if torch.cuda.is_available():
        yield Finding("device", "ok", str(torch.cuda.get_device_name()))
    else:
        yield Finding("device", "ok", f"no GPU; {counted(torch.get_num_threads(), 'thread')} on the processor")
    yield (
        Finding("bf16", "ok", "in hardware: mixed precision is used")
        if has_fast_bf16()
        else Finding("bf16", "note", "not in hardware: training in fp32, several times slower")
    )


def _disk(output: Path) -> Iterator[Finding]:
    folder = next(parent for parent in (output.absolute(), *output.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    yield Finding("disk", "ok" if free >= ENOUGH_DISK else "note", f"{free / GIB:.0f} GiB free at {folder}")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        yield Finding("output", "note", f"nothing can be written at {folder}; name another folder with --output")


def _memory() -> Iterator[Finding]:
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return
    yield Finding("memory", "ok" if total >= ENOUGH_MEMORY else "note", f"{total / GIB:.0f} GiB")


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    styles = {"ok": "green", "note": "yellow", "missing": "bold red"}
    for finding in findings:
        table.add_row(finding.what, f"[{styles[finding.state]}]{finding.state}[/]", escape(finding.detail))
    return table
