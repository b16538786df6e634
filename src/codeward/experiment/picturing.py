"""A picture of a purify run: where the confidence rests in the most suspicious inputs, element by element."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from codeward.defenses.input import Element, answers_of
from codeward.experiment.calibration import Calibration
from codeward.experiment.environment import environment
from codeward.experiment.purifying import Summary, changed_fields, diff_of
from codeward.experiment.record import Part, Picture, Record, Shared, View
from codeward.types import CODE, QUERY, Sample
from codeward.victims.base import Victim

PICTURES = 20
"""Inputs that are shown, at most."""
CHARACTERS = 12_000
"""Characters of an input, and of a diff, that are shown, at most."""
UNITS = {
    "generation": "the fall of the mean log-likelihood of the model's own text, in nats a token",
    "retrieval": "the change of the similarity of code and query",
}
NOVEL = "the fall of the log-likelihood of the least probable token of what the answer adds to its input, in nats,"
CONFIDENCE = "the change of the probability of the model's own answer"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The inputs to be shown: places in the data, counted from 0, with their rows, the most suspicious first."""

    rows: Mapping[int, Mapping[str, Any]]
    suspects: tuple[Shared, ...]
    """What the answers of suspicious inputs rest on, the commonest first."""


def choose(rows: Iterable[Mapping[str, Any]], summary: Summary, limit: int = PICTURES) -> Chosen:
    """Return the most suspicious inputs; where none is, the one nearest to that.

    Args:
        rows: Every row of the result; they are streamed.
        summary: The same rows' summary.
        limit: How many, at most.
    """
    named = dict(summary.suspects.most_common(limit))
    answers: dict[str, dict[str, int]] = {text: {} for text in named}
    highest: dict[str, float] = {}
    best: list[tuple[bool, float, int, Mapping[str, Any]]] = []
    for number, row in enumerate(rows):
        told = row["codeward"]
        entry = (told["suspicious"], told["suspicion"], -number, row)
        heapq.heappush(best, entry) if len(best) < limit else heapq.heappushpop(best, entry)
        text = told["elements"][0]["text"] if told["suspicious"] and told["elements"] else None
        if text in answers:
            given = _group(told)
            answers[text][given] = answers[text].get(given, 0) + 1
            highest[text] = max(highest.get(text, 0.0), told["suspicion"])
    ranked = sorted(best, key=lambda entry: entry[:3], reverse=True)
    kept = [entry for entry in ranked if entry[0]] or ranked[:1]
    shared = tuple(
        Shared(unit=text, rows=count, targets=answers[text], score=highest[text])
        for text, count in named.items()
        if text in highest
    )
    return Chosen({-number: row for _, _, number, row in kept}, shared)


def record_of(
    chosen: Chosen,
    originals: Mapping[int, Sample],
    summary: Summary,
    victim: Victim,
    ready: Calibration,
    *,
    data: str,
    seconds: float,
) -> Record:
    """Return a record of a run, from which the page is made; the chosen inputs are examined once more for all their scores.

    Args:
        chosen: Which inputs are shown.
        originals: These inputs as they came.
        summary: Of the whole run.
        victim: The model.
        ready: The defense.
        data: Where the inputs come from.
        seconds: What the run took.
    """
    samples = [originals[number].blind() for number in chosen.rows]
    found = ready.defense.examine(samples, answers_of(samples, victim), victim)
    pictures = [
        _picture(sample, row, [element for element in each.elements if isfinite(element.score)])
        for sample, row, each in zip(samples, chosen.rows.values(), found, strict=True)
    ]
    return Record(
        verb="purify",
        title=f"{ready.name} on {data}",
        task=victim.task.name,
        kind=victim.task.kind,
        config={
            "data": data,
            "defense": ready.name,
            "options": ready.settings,
            "threshold": ready.defense.threshold,
            "false_positive_rate": ready.false_positive_rate,
            "clean samples": ready.samples,
            "score": _unit(victim, ready),
            "suspicion": ready.defense.suspicion_is(victim.task.kind),
        },
        seed=int(str(ready.settings.get("seed", 0))),
        counts={
            "rows": summary.rows,
            "suspicious": summary.suspicious,
            "suspicious still": summary.still,
            "changed": summary.changed,
            "answers changed": summary.answers_changed,
            "answers withheld": summary.withheld,
            "not examined": summary.unreadable,
        },
        fingerprints={"model": victim.fingerprint, "clean samples": ready.clean},
        environment=environment(),
        timings={"purify": round(seconds, 1)},
        findings=list(chosen.suspects),
        pictures=pictures,
    )


def _unit(victim: Victim, ready: Calibration) -> str:
    """Return what an element's score is."""
    if victim.task.kind == "generation" and ready.settings.get("answer") == "novel":
        return NOVEL
    return UNITS.get(victim.task.kind, CONFIDENCE)


def _picture(sample: Sample, row: Mapping[str, Any], elements: Sequence[Element]) -> Picture:
    told, changed = row["codeward"], changed_fields(row)
    fields = dict.fromkeys([*(element.field for element in elements), *changed]) or {CODE: None}
    return Picture(
        id=sample.id,
        suspicious=told["suspicious"],
        suspicion=told["suspicion"],
        threshold=told["threshold"],
        before=_said(told["before"]),
        after=None if told["after"] is None else _said(told["after"]),
        problem=told["problem"],
        query=sample.text(QUERY)[:CHARACTERS],
        views=[_view(sample, field, elements, told, changed.get(field)) for field in fields],
    )


def _group(told: Mapping[str, Any]) -> str:
    """Return under what an answer is counted: what in it rests on the element, the class, or a similarity to one digit."""
    answer = told["before"]
    return f"similarity {answer:.1f}" if isinstance(answer, float) else str(told["piece"] or answer)


def _said(answer: Any) -> str:
    """Return an answer as it is shown."""
    return f"{answer:.3f}" if isinstance(answer, float) else str(answer)


def _view(sample: Sample, field: str, elements: Sequence[Element], told: Mapping[str, Any], after: str | None) -> View:
    text = sample.text(field)
    places = {tuple(span) for span in _convicted(told, field)}
    parts = [
        Part(
            kind=element.kind,
            text=element.text[:CHARACTERS],
            score=element.score,
            spans=[(span.start, span.end) for span in element.spans if span.end <= CHARACTERS],
            convicted=any((span.start, span.end) in places for span in element.spans),
        )
        for element in sorted(elements, key=lambda element: -element.score)
        if element.field == field
    ]
    diff = "" if after is None else diff_of(text, after, sample.id)
    return View(
        field=field,
        text=text[:CHARACTERS],
        characters=len(text),
        parts=parts,
        diff=diff[:CHARACTERS],
        diff_cut=len(diff) > CHARACTERS,
    )


def _convicted(told: Mapping[str, Any], field: str) -> list[list[int]]:
    """Return where the element stands on which the answer suspiciously rests."""
    first = told["elements"][:1] if told["suspicious"] else []
    return [span for element in first if element["field"] == field for span in element["spans"]]
