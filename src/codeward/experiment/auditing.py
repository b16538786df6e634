"""Audit a training set on disk: verdicts with evidence, the rows that are left, and, where the truth is known, how right."""

import json
from collections import deque
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from codeward import __version__
from codeward.data import (
    DataFolder,
    StoredTable,
    check_copy,
    check_place,
    fingerprint,
    obstacle,
    write_data,
    write_kept,
)
from codeward.data.rows import Row
from codeward.defenses.data import Arrays, Audit, Evidence, Progress, Verdict, data_defenses
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
EACH = 2
"""Rows of each suspected trigger that come first."""
SHOWN = 5
"""Pieces of evidence that a row's result names."""
MANY = 0.2
"""Share of convicted rows above which the set's own habits are the likelier reason."""
USELESS = 0.9
"""Share above which the verdicts tell nothing."""


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
    audit = replace(audit, notes=(*audit.notes, *_cautions(audit, rows.rows, clean)))
    if len(rows.truths) != len(audit.verdicts):
        deque(rows, maxlen=0)
    truths = [bool(truth) for truth in rows.truths]
    return audit, judged(audit, truths) if any(truths) else []


def _cautions(audit: Audit, rows: Split, clean: Sequence[Sample]) -> list[str]:
    """Return what makes the verdicts doubtful: clean rows that are the judged ones, and verdicts on too many rows."""
    found = []
    if clean and all(_content(one) == _content(other) for one, other in zip(clean, rows, strict=False)):
        found.append(
            "the clean rows are the rows that are judged, so that their triggers count as clean; give rows from elsewhere "
            "(--clean)"
        )
    share = sum(verdict.suspicious for verdict in audit.verdicts) / max(len(audit.verdicts), 1)
    remedy = "" if clean else "; give rows of the same source that you trust (--clean)"
    if share > USELESS:
        found.append(
            f"{share:.0%} of the rows are convicted, which is useless: what convicts them stands in nearly all code{remedy}"
        )
    elif share > MANY:
        found.append(
            f"{share:.0%} of the rows are convicted, and so many are hardly poisoned: look whether the findings are the "
            f"set's own habits before you leave these rows out{remedy}"
        )
    return found


def _content(sample: Sample) -> tuple[object, ...]:
    return sample.code, sample.target, dict(sample.context)


def run_key(
    data: DataFolder,
    split: str,
    defense: str,
    options: dict[str, object],
    victim: Victim | None,
    clean: Sequence[Sample],
) -> str | None:
    """Return what an audit depends on: the code, the defense, the model, and the files as their sizes and times tell them apart.

    Returns:
        The key; ``None`` where the split does not say in which files its rows stand, so that nobody can tell whether they are
        the same.
    """
    table = data.tables.get(split)
    if not isinstance(table, StoredTable):
        return None
    known = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in table.files]
    seen = [str(data.path), data.layout, data.task, data.language, data.labels, split, known]
    model = None if victim is None else victim.fingerprint
    return json.dumps([__version__, defense, options, model, fingerprint(clean), seen], sort_keys=True, default=str)


def judged(audit: Audit, truths: Sequence[bool]) -> list[Score]:
    """Return recall, precision, false-positive rate, F1 and AUROC of the verdicts."""
    flags = [verdict.suspicious for verdict in audit.verdicts]
    scores = [verdict.score for verdict in audit.verdicts]
    named = [metrics.make(name).score(flags, truths) for name in ("recall", "precision", "fpr")]
    f1 = metrics.make("f1").score(list(map(int, flags)), list(map(int, truths)))
    return [*named, f1, metrics.make("auroc").score(scores, truths)]


def check_cleaned(data: DataFolder, out: Path, *, overwrite: bool = False) -> Path:
    """Return the place that ``write_cleaned`` writes to, before a long audit.

    Raises:
        DataError: If the place is taken, or nobody may write there.
        UsageError: If its name is one of another format.
    """
    if not obstacle(data):
        return check_copy(data, out, overwrite=overwrite)[0]
    check_place(out, overwrite)
    return out


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
        options: Its options as they were given; the record holds all of them as they were used.
        seconds: What it took.
    """
    settings = data_defenses.settings(data_defenses.make(defense, options))
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
            "options": settings,
            "notes": list(audit.notes),
        },
        seed=int(str(settings.get("seed", 0))),
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
    """Return suspicious rows of each finding, with the evidence marked in the field that holds the first one."""
    chosen = _chosen(audit)
    samples = {sample.id: sample for sample in Split(data, split) if sample.id in chosen} if chosen else {}
    found = []
    for name, (verdict, first) in chosen.items():
        sample = samples[name]
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


def _chosen(audit: Audit) -> dict[str, tuple[Verdict, Evidence | None]]:
    """Return the rows that are shown, each with the evidence for which: in turn one of each finding, then the strongest."""
    order = sorted((verdict for verdict in audit.verdicts if verdict.suspicious), key=lambda each: -each.score)
    rows: dict[str, list[tuple[Verdict, Evidence]]] = {each.unit: [] for each in audit.findings}
    for verdict in order:
        for each in verdict.evidence:
            if len(rows.get(each.unit, ())) < MARKED:
                rows.setdefault(each.unit, []).append((verdict, each))
    chosen: dict[str, tuple[Verdict, Evidence | None]] = {}
    for _ in range(EACH):
        for waiting in rows.values():
            pair = next((pair for pair in waiting if pair[0].id not in chosen), None)
            if pair is not None and len(chosen) < MARKED:
                chosen[pair[0].id] = pair
    for verdict in order[:MARKED]:
        if len(chosen) < MARKED:
            chosen.setdefault(verdict.id, (verdict, next(iter(verdict.evidence), None)))
    return chosen


def marked(evidence: Iterable[Evidence]) -> list[tuple[int, int]]:
    """Return where evidence stands; pieces that overlap are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((each.span.start, each.span.end) for each in evidence):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def suspicious_rows(data: DataFolder, split: str, audit: Audit) -> Iterator[tuple[Row, Sample, dict[str, Any]]]:
    """Yield each suspicious row, as it stands in its file and as a sample, with its verdict as plain values."""
    for (stored, sample), verdict in zip(data.placed(split), audit.verdicts, strict=True):
        if verdict.suspicious:
            evidence = [
                {"unit": each.unit, "field": each.field, "span": [each.span.start, each.span.end]}
                for each in verdict.evidence[:SHOWN]
            ]
            yield stored, sample, {"id": sample.id, "score": round(verdict.score, 4), "evidence": evidence}
