"""``codeward harvest``: build a labeled data set from any source tree."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._options import Json, Overwrite, Seed

NAME = "harvest"
STANDARD_LIBRARY = "stdlib"
EXAMPLES = (
    "Examples:\n\n"
    "  codeward harvest stdlib --task naming -o naming/\n\n"
    "  codeward harvest ~/src/linux ~/src/git --task defect --language c -o planted-defects/\n\n"
    "  codeward harvest requests-2.32.tar.gz --task search -o search/"
)


def run(
    sources: Annotated[
        list[str], typer.Argument(help="Folders, files or archives; 'stdlib' is the running Python's library.")
    ],
    task: Annotated[str, typer.Option("--task", help="naming, search, generation, defect or repair.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    languages: Annotated[
        list[str] | None, typer.Option("--language", help="Only this language; may be given several times.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many rows.")] = None,
    labels: Annotated[int, typer.Option("--labels", min=2, help="How many verbs the naming task tells apart.")] = 14,
    min_lines: Annotated[
        int, typer.Option("--min-lines", min=1, help="The fewest lines of a function without its documentation.")
    ] = 3,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Harvest a labeled data set from source trees: deduplicated, split by file, deterministic."""
    from codeward.data import check_place, harvest, write_harvest

    check_place(output, overwrite)
    paths = [standard_library() if source == STANDARD_LIBRARY else Path(source).expanduser() for source in sources]
    with progress("harvesting") as advance:
        harvested = harvest(
            paths,
            task,
            languages=languages,
            seed=seed,
            limit=limit,
            labels=labels,
            min_lines=min_lines,
            progress=lambda done, total: advance(done, total),
        )
    counts = write_harvest(output, harvested, overwrite=overwrite)
    if json:
        emit_json({"output": str(output), "rows": counts, "skipped": dict(harvested.skipped)})
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    show(f"{rows} rows of task {task} are in {output}.")
    _tell_left_out(harvested.skipped, [split for split, count in counts.items() if not count])


def _tell_left_out(skipped: Mapping[str, int], empty: Sequence[str]) -> None:
    """Say what was left out and why, the commonest first, and which splits have no rows."""
    if skipped:
        reasons = "; ".join(f"{count:,}: {why}" for why, count in sorted(skipped.items(), key=lambda item: -item[1]))
        note(f"Left out: {reasons}.")
    if empty:
        note(
            f"No row is in {' and '.join(empty)}: all functions of a file are in one split, which its name decides; harvest "
            "from more files, or keep more rows (--limit)."
        )


def standard_library() -> Path:
    """Return the folder of the running interpreter's standard library."""
    import sysconfig

    return Path(sysconfig.get_paths()["stdlib"])


def installed_packages() -> Path:
    """Return the folder of the packages that are installed beside Codeward."""
    import sysconfig

    return Path(sysconfig.get_paths()["purelib"])
