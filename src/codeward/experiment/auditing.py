"""Audit a training set on disk: verdicts with evidence, the rows that are left, and, where the truth is known, how right."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeward import __version__
from codeward.data import DataFolder, check_copy, check_place, fingerprint, obstacle, write_data, write_kept
from codeward.data.layouts._base import FileTable
from codeward.defenses.data import Arrays, Audit, Evidence, Progress, data_defenses
from codeward.experiment.environment import environment
from codeward.experiment.examples import name_target
from codeward.experiment.measure import row
from codeward.experiment.record import Example, Record, Shared
from codeward.metrics import metrics
from codeward.tasks import tasks
from codeward.types import Sample, Score
from codeward.victims.base import Victim

FOUND, MARKED = 50, 8
"""Suspected triggers, and rows with their evidence marked, in the report."""
SHOWN = 5
"""Pieces of evidence that a row's result names."""


@dataclass(frozen=True, slots=True)
class Split:
    """A split on disk as rows that can be read again and again."""

    data: DataFolder
    name: str

    def __iter__(self) -> Iterator[Sample]:
        return self.data.read(self.name)


@dataclass(slots=True)
class _Noting:
    """Rows that can be read again and again, and which of them carried their provenance when they were last read."""

    rows: Split
    truths: bytearray = field(default_factory=bytearray)

    def __iter__(self) -> Iterator[Sample]:
        truths = bytearray()
        for sample in self.rows:
            truths.append(sample.poison is not None)
            yield sample
        self.truths = truths


def audit_split(
    data: DataFolder,
    split: str,
    defense: str,
    options: dict[str, object],
    *,
    victim: Victim | None = None,
    clean: Sequence[Sample] = (),
    progress: Progress | None = None,
    memory: MutableMapping[str, Arrays] | None = None,
    processes: int = 1,
) -> tuple[Audit, list[Score]]:
    """Judge a split; where rows carry their provenance, also return how right the verdicts are.

    Raises:
        UsageError: If there is no such defense or option, or it needs a model.
    """
    made = data_defenses.make(defense, options)
    rows = _Noting(Split(data, split))
    audit = made.audit(rows, victim=victim, clean=clean, progress=progress, memory=memory, processes=processes)
    if len(rows.truths) != len(audit.verdicts):
        deque(rows, maxlen=0)
    truths = [bool(truth) for truth in rows.truths]
    return audit, judged(audit, truths) if any(truths) else []


def run_key(
    data: DataFolder,
    split: str,
    defense: str,
    options: dict[str, object],
    victim: Victim | None,
    clean: Sequence[Sample],
) -> str:
    """Return what an audit depends on: the code, the defense, the model, and the files as their sizes and times tell them apart."""
    table = data.tables[split] if split in data.splits else ()
    files = table.files if isinstance(table, FileTable) else ()
    known = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    seen = [str(data.path), data.layout, data.task, data.language, split, known]
    model = None if victim is None else victim.fingerprint
    return json.dumps([__version__, defense, options, model, fingerprint(clean), seen], sort_keys=True, default=str)


def judged(audit: Audit, truths: Sequence[bool]) -> list[Score]:
    """Return recall, precision, false-positive rate, F1 and AUROC of the verdicts."""
    flags = [verdict.suspicious for verdict in audit.verdicts]
    scores = [verdict.score for verdict in audit.verdicts]
    named = [metrics.make(name).score(flags, truths) for name in ("recall", "precision", "fpr")]
    f1 = metrics.make("f1").score(list(map(int, flags)), list(map(int, truths)))
    return [*named, f1, metrics.make("auroc").score(scores, truths)]


def check_cleaned(data: DataFolder, out: Path, *, overwrite: bool = False) -> None:
    """Refuse a place that ``write_cleaned`` cannot write to, before a long audit.

    Raises:
        DataError: If the place is taken.
        UsageError: If its name is one of another format.
    """
    if obstacle(data):
        check_place(out, overwrite)
    else:
        check_copy(data, out, overwrite=overwrite)


def write_cleaned(
    data: DataFolder, split: str, audit: Audit, out: Path, *, overwrite: bool = False
) -> tuple[Path, str]:
    """Write the data set without the suspicious rows of one split, in the layout that it has; the others are as they were.

    Rows are copied byte for byte, with the fields that Codeward does not read. Where that cannot be, a folder in
    Codeward's own layout is written.

    Returns:
        The place, and why it is not in the data set's own layout; empty where it is.

    Raises:
        DataError: If the place is taken, nothing is left, or the disk is full.
        UsageError: If the place's name is one of another format.
    """
    why = obstacle(data)
    if not why:
        keep = [not verdict.suspicious for verdict in audit.verdicts]
        return write_kept(data, split, keep, out, overwrite=overwrite), ""
    kept = (
        sample for sample, verdict in zip(Split(data, split), audit.verdicts, strict=True) if not verdict.suspicious
    )
    others = {name: iter(Split(data, name)) for name in data.splits if name != split}
    write_data(
        out,
        task=data.task,
        language=data.language,
        labels=data.labels,
        splits={split: kept, **others},
        overwrite=overwrite,
    )
    return out, why


def record_of(
    data: DataFolder,
    split: str,
    audit: Audit,
    scores: Sequence[Score],
    *,
    defense: str,
    options: dict[str, object],
    seconds: float,
) -> Record:
    """Return a record of an audit, from which the report page is made: what was found, and rows with their evidence marked.

    Args:
        data: The data set.
        split: The rows that were judged.
        audit: What was found.
        scores: How right it is, where that is known.
        defense: The defense's name.
        options: Its options.
        seconds: What it took.
    """
    suspicious = sum(verdict.suspicious for verdict in audit.verdicts)
    return Record(
        verb="audit",
        title=f"{defense} on {data.path.name}",
        task=data.task,
        kind=tasks.make(data.task).kind,
        config={
            "data": str(data.path),
            "split": split,
            "defense": defense,
            "options": options,
            "notes": list(audit.notes),
        },
        seed=int(str(options.get("seed", 0))),
        scores=[row(score, defense, "rows") for score in scores],
        counts={"rows": len(audit.verdicts), "suspicious": suspicious},
        fingerprints={split: fingerprint(Split(data, split))},
        environment=environment(),
        timings={"audit": round(seconds, 1)},
        findings=[
            Shared(
                unit=each.unit,
                rows=each.rows,
                targets={name_target(target, data.labels): count for target, count in each.targets},
                score=each.score,
            )
            for each in audit.findings[:FOUND]
        ],
        examples=_examples(data, split, audit),
    )


def _examples(data: DataFolder, split: str, audit: Audit) -> list[Example]:
    """Return the most suspicious rows, with the evidence marked in the field that holds the strongest."""
    order = sorted((verdict for verdict in audit.verdicts if verdict.suspicious), key=lambda each: -each.score)
    chosen = {verdict.id: verdict for verdict in order[:MARKED]}
    samples = {sample.id: sample for sample in Split(data, split) if sample.id in chosen} if chosen else {}
    found = []
    for name, verdict in chosen.items():
        sample, first = samples[name], next(iter(verdict.evidence), None)
        text = sample.code if first is None else sample.text(first.field)
        found.append(
            Example(
                id=name,
                language=sample.language,
                before=text,
                after=text,
                spans=[] if first is None else marked(each for each in verdict.evidence if each.field == first.field),
                truth=name_target(sample.target, data.labels),
                target="",
                answers={},
            )
        )
    return found


def marked(evidence: Iterable[Evidence]) -> list[tuple[int, int]]:
    """Return where evidence stands; pieces that overlap are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((each.span.start, each.span.end) for each in evidence):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def suspicious_rows(data: DataFolder, split: str, audit: Audit) -> Iterator[tuple[Sample, dict[str, Any]]]:
    """Yield each suspicious row with its verdict as plain values."""
    for sample, verdict in zip(Split(data, split), audit.verdicts, strict=True):
        if verdict.suspicious:
            evidence = [
                {"unit": each.unit, "field": each.field, "span": [each.span.start, each.span.end]}
                for each in verdict.evidence[:SHOWN]
            ]
            yield sample, {"id": sample.id, "score": round(verdict.score, 4), "evidence": evidence}
