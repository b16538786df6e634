"""``codeward evaluate``: clean utility, and under an attack the success rate beside its floor and a clean model's."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codeward.cli._console import emit_json, note, progress, show
from codeward.cli._inputs import opened_for
from codeward.cli._options import Data, Json, LanguageName, Layout, Pickle, Seed, Settings, TaskName, parse_settings

if TYPE_CHECKING:
    from codeward.data import DataFolder
    from codeward.experiment.calibration import Calibration
    from codeward.experiment.manifest import Threat
    from codeward.victims import Victim

NAME = "evaluate"
EXAMPLES = (
    "Examples:\n\n"
    "  codeward evaluate victim/ devign/\n\n"
    "  codeward evaluate victim/ devign/ --attack deadcode-fixed --reference clean-model/\n\n"
    "  codeward evaluate victim/ devign/ --attack deadcode-fixed --defense codepurify --defense oseql\n\n"
    "  codeward evaluate victim/ poisoned/ -o runs/fixed-5  # the attack is read from the set's manifest"
)


def run(
    model: Annotated[str, typer.Argument(help="Folder or hub name of the model.", metavar="MODEL")],
    data: Data,
    attack: Annotated[
        str | None, typer.Option("--attack", help="The attack to measure; default: the one in the data set's manifest.")
    ] = None,
    settings: Settings = None,
    payload: Annotated[str | None, typer.Option("--payload", help="What the trigger causes; default by task.")] = None,
    payload_settings: Annotated[
        list[str] | None, typer.Option("--payload-set", metavar="KEY=VALUE", help="An option of the payload.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="A clean model, measured on the same rows with the same triggers.")
    ] = None,
    defense: Annotated[
        list[str] | None,
        typer.Option("--defense", help="An input defense to measure before the model; may be repeated."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option("--calibration", help="Clean rows for the defenses; default: the split valid of DATA."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the record.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="The record's title; default: attack and task.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="The rows to measure on; default: test.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many rows.")] = None,
    allow_pickle: Pickle = False,
    seed: Seed = 0,
    layout: Layout = None,
    task: TaskName = None,
    language: LanguageName = None,
    json: Json = False,
) -> None:
    """Measure a model: clean utility, and with an attack its success rate, floor and the clean model's rate."""
    from codeward.experiment.evaluation import evaluate
    from codeward.experiment.record import FILE
    from codeward.experiment.splits import test_split
    from codeward.files import check_writable, write_text
    from codeward.report.terminal import score_table
    from codeward.tasks import tasks
    from codeward.victims import load

    if output is not None:
        check_writable(output / FILE)
    source = opened_for(model, data, layout, task, language)
    threat = _threat(
        source, attack, parse_settings(settings), payload, parse_settings(payload_settings, "--payload-set")
    )
    chosen = split or test_split(source)
    _check_defenses(defense or (), calibration, source, chosen)
    samples = source.load(chosen, limit=limit)
    made = tasks.make(source.task)
    victim = load(model, allow_pickle=allow_pickle, task=made, labels=source.labels)
    clean = None if reference is None else load(reference, allow_pickle=allow_pickle, task=made, labels=source.labels)
    ready = [_ready(name, calibration or data, victim, layout, language) for name in defense or ()]
    with progress("measuring"):
        record = evaluate(
            victim,
            samples,
            threat=threat,
            reference=clean,
            defenses=ready,
            seed=seed,
            title=title,
            config={"model": model, "data": str(data), "split": chosen, "reference": reference}
            | ({"calibration": _calibrated(ready, calibration or data)} if ready else {}),
        )
    if output is not None:
        write_text(output / FILE, record.model_dump_json(indent=2) + "\n")
        note(f"The record is in {output / FILE}.")
    if json:
        emit_json(record.model_dump())
    else:
        show(score_table(record))


def _check_defenses(names: Sequence[str], calibration: Path | None, source: "DataFolder", split: str) -> None:
    """Refuse what would only fail, or say nothing, after minutes."""
    from codeward.defenses.input import input_defenses
    from codeward.errors import UsageError
    from codeward.experiment.splits import VALID

    for name in names:
        input_defenses.get(name)
    if names and calibration is None and (split == VALID or VALID not in source.splits):
        raise UsageError(
            f"{source.path}: a defense's threshold would be set on the very rows that are measured (there is no split "
            f"'{VALID}' beside '{split}'); give clean rows with --calibration"
        )
    if calibration is not None and not names:
        raise UsageError("--calibration is for input defenses; name one with --defense")


def _calibrated(ready: "Sequence[Calibration]", clean: Path) -> dict[str, object]:
    """Return what a record says of the thresholds."""
    return {
        each.name: {"data": str(clean), "samples": each.samples, "false_positive_rate": each.false_positive_rate}
        for each in ready
    }


def _ready(name: str, clean: Path, victim: "Victim", layout: str | None, language: str | None) -> "Calibration":
    """Calibrate an input defense by its own defaults."""
    from codeward.experiment.calibration import calibrate
    from codeward.experiment.limits import CLEAN_LIMIT
    from codeward.experiment.splits import clean_samples

    with progress(f"calibrating {name}") as advance:
        samples = clean_samples(clean, CLEAN_LIMIT, layout, language, victim.task.name)
        return calibrate(name, {}, samples, victim, progress=advance)


def _threat(
    source: "DataFolder",
    attack: str | None,
    options: dict[str, object],
    payload: str | None,
    payload_options: dict[str, object],
) -> "Threat | None":
    """Return the attack that was asked for, else the one in the manifest, else none."""
    from codeward.errors import UsageError
    from codeward.experiment.manifest import Threat, read_manifest
    from codeward.tasks import tasks

    if attack is not None:
        made = Threat.make(tasks.make(source.task), attack, options, payload, payload_options)
        made.payload.check(source.labels)
        return made
    if options or payload or payload_options:
        raise UsageError("--set, --payload and --payload-set say how an attack is made; name it with --attack")
    manifest = read_manifest(source.path)
    return None if manifest is None else manifest.threat(tasks.make(source.task))
