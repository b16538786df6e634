"""Purify a file that may be larger than memory: in order, resumable, each row with what was done to it."""

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from itertools import count, islice
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

from codeward import __version__
from codeward.code import LANGUAGES
from codeward.defenses.input import Change, Purified
from codeward.experiment.calibration import Calibration
from codeward.experiment.claiming import claimed, of_another_run, part_of
from codeward.types import CODE, Prediction, Sample, Span
from codeward.victims.base import Victim
from codeward.victims.memory import give_back_memory

CHUNK = 64
"""Rows that are purified, and written, together."""
TIDIED = 8
"""Chunks after which freed memory is handed back."""
SHOWN = 3
"""Elements that a row's result names."""
NO_NUMBER = "no number"
"""What is told for a similarity that is NaN, which JSON cannot hold."""
UNENDED = "\\ No newline at end of file"
"""What a diff says below a last line without a line feed."""
Progress = Callable[[int, int | None], None]


@dataclass(slots=True)
class Summary:
    """What a run found."""

    rows: int = 0
    suspicious: int = 0
    changed: int = 0
    unreadable: int = 0
    answers_changed: int = 0
    still: int = 0
    """Rows whose mended input is suspicious, too: the answer may still be the attacker's."""
    unchecked: int = 0
    """Rows whose mended input could not be examined again."""
    problem_after: str = ""
    """Why the last of them could not."""
    withheld: int = 0
    """Suspicious rows that a defense can only tell, not mend."""
    problem: str = ""
    """Why the last row that could not be examined could not."""
    unread: Counter[str] = field(default_factory=Counter)
    """Rows by the language that they name, where that is none which is parsed; in them words are hidden, not elements of code."""
    suspects: Counter[str] = field(default_factory=Counter)
    """The suspected elements by their text: a trigger shows in many rows."""
    pieces: dict[str, Counter[str]] = field(default_factory=dict)
    """What of an answer that is a text rests on a suspected element, by the element: a payload shows in many rows, too."""

    def add(self, row: dict[str, Any]) -> None:
        """Count one row's result."""
        found = row["codeward"]
        self.rows += 1
        self.unreadable += bool(found["problem"])
        self.problem = found["problem"] or self.problem
        if row["code"] and row["language"] not in LANGUAGES:
            self.unread[row["language"]] += 1
        self.suspicious += found["suspicious"]
        self.still += found["still_suspicious"]
        self.unchecked += bool(found["problem_after"])
        self.problem_after = found["problem_after"] or self.problem_after
        self.changed += bool(found["changes"])
        self.withheld += found["after"] is None
        self.answers_changed += found["after"] is not None and found["before"] != found["after"]
        if found["suspicious"] and found["elements"]:
            suspect = found["elements"][0]["text"]
            self.suspects[suspect] += 1
            if found.get("piece"):
                self.pieces.setdefault(suspect, Counter())[found["piece"]] += 1

    def written(self, suspect: str) -> str:
        """Return what most answers that rest on a suspected element have in common; empty for classes."""
        common = self.pieces.get(suspect, Counter[str]()).most_common(1)
        return common[0][0] if common else ""


def purify_rows(samples: Iterable[Sample], victim: Victim, calibration: Calibration) -> Iterator[dict[str, Any]]:
    """Yield each row's result in order."""
    rest = iter(samples)
    for number in count(1):
        part = list(islice(rest, CHUNK))
        if not part:
            return
        for each in calibration.defense.purify(part, victim):
            yield result_row(each, victim, calibration)
        if number % TIDIED == 0:
            give_back_memory()


def purify_file(
    samples: Iterable[Sample],
    victim: Victim,
    calibration: Calibration,
    out: Path,
    *,
    source: str,
    total: int | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Write the results of all rows as JSON Lines; stopped at any point, the same call goes on to the same bytes.

    Args:
        samples: The rows, in order; they are streamed.
        victim: The model.
        calibration: The defense.
        out: The file, which appears when all rows are done; until then ``.NAME.part`` grows beside it.
        source: Where the rows come from, which a resumed run must agree with.
        total: How many rows there are, if known.
        progress: Called with the number of rows done and of all.

    Raises:
        DataError: If the file exists, another run is writing to it, what was begun is of another run, or the disk is full.
    """
    rest = iter(samples)
    with claimed(out, _key(victim, calibration, source)) as file:
        summary = _done(file, part_of(out), rest)
        for row in purify_rows(rest, victim, calibration):
            file.write(_line(row))
            summary.add(row)
            if summary.rows % CHUNK == 0:
                file.flush()
            if progress is not None:
                progress(summary.rows, total)
    return summary


def result_row(each: Purified, victim: Victim, calibration: Calibration) -> dict[str, Any]:
    """Return a row of the output: the purified sample, and under ``codeward`` what was found and done."""
    found, sample = each.examination, each.sample
    row: dict[str, Any] = {"id": sample.id, "code": sample.code, "target": sample.target, "language": sample.language}
    if sample.context:
        row["context"] = dict(sample.context)
    row["codeward"] = {
        "suspicious": each.suspicious,
        "still_suspicious": each.still,
        "suspicion": round(found.suspicion, 6),
        "threshold": round(float(calibration.defense.threshold or 0.0), 6),
        "details": {name: round(value, 6) for name, value in found.details.items()},
        "before": answer_of(each.before, victim),
        "after": None if each.rejected else answer_of(each.after, victim),
        "problem": found.problem,
        "problem_after": each.problem_after,
        "piece": found.piece,
        "changes": [_change_row(change) for change in each.changes],
        "elements": [
            {
                "kind": element.kind,
                "text": element.text,
                "field": element.field,
                "score": round(element.score, 6),
                "spans": [[span.start, span.end] for span in element.spans],
            }
            for element in found.elements[:SHOWN]
        ],
    }
    return row


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that ``purify_file`` wrote, which can be read again and again, one at a time."""

    path: Path

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)


def changed_fields(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of a result row that were changed, by field."""
    fields = dict.fromkeys(change["field"] for change in row["codeward"]["changes"])
    return {field: row["code"] if field == CODE else row["context"][field] for field in fields}


def answer_of(prediction: Prediction, victim: Victim) -> str | int | float:
    """Return an answer as a reader knows it: the label's name, the text, or for search the similarity to the query, if it is a number."""
    output = prediction.output
    if victim.task.kind == "retrieval":
        similarity = prediction.scores[0]
        return round(similarity, 6) if isfinite(similarity) else NO_NUMBER
    return victim.labels[output] if isinstance(output, int) and 0 <= output < len(victim.labels) else output


def diff_of(before: str, after: str, id: str, field: str = CODE) -> str:
    """Return what changed in a text of a sample, as a unified diff that ``patch`` takes: its lines end at line feeds only."""
    name = id if field == CODE else f"{id}, {field}"
    lines = difflib.unified_diff(_lines(before), _lines(after), f"{name} (as it came)", f"{name} (purified)")
    return "".join(line if line.endswith("\n") else f"{line}\n{UNENDED}\n" for line in lines)


def _lines(text: str) -> list[str]:
    """Return a text's lines with their line feeds; a form feed or a carriage return ends none."""
    *whole, last = text.split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


def _change_row(change: Change) -> dict[str, Any]:
    row = asdict(change)
    return {**row, "span": [change.span.start, change.span.end], "score": round(change.score, 6)}


def _line(row: dict[str, Any]) -> bytes:
    """Return a row as a line of UTF-8; one with halves of characters, which UTF-8 cannot hold, in ASCII with escapes."""
    try:
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(row).encode() + b"\n"


def _key(victim: Victim, calibration: Calibration, source: str) -> str:
    """Return what a run depends on: the code, the model, the defense with the clean samples that it was set on, and the rows."""
    known = [__version__, victim.fingerprint, calibration.name, calibration.settings, calibration.clean, source]
    text = json.dumps(known, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _done(file: BinaryIO, part: Path, samples: Iterator[Sample]) -> Summary:
    """Return what a stopped run has written of the rows that come next; the file is cut off behind its whole chunks.

    Rows that are purified together share batches, on which the last digits of their scores depend: a chunk that is not
    whole is purified again as one.

    Raises:
        DataError: If it is of other rows.
    """
    summary, size = Summary(), 0
    whole = sum(line.endswith(b"\n") for line in file)
    file.seek(0)
    for line in islice(file, whole - whole % CHUNK):
        row, sample = json.loads(line), next(samples, None)
        if sample is None or not _made_of(row, sample):
            raise of_another_run(part)
        summary.add(row)
        size += len(line)
    file.truncate(size)
    file.seek(size)
    return summary


def _made_of(row: Mapping[str, Any], sample: Sample) -> bool:
    """Whether a result row is of a sample: the id, its texts where they were not changed, and what was changed first where they were."""
    first = {change["field"]: change for change in reversed(row["codeward"]["changes"])}
    known = {CODE: row["code"], **row.get("context", {})}
    return bool(row["id"] == sample.id) and all(
        Span(*first[field]["span"]).of(text) == first[field]["before"] if field in first else known.get(field) == text
        for field, text in {CODE: sample.code, **sample.context}.items()
    )
