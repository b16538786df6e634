"""Keywords: the names, statements and words of rows that a model may rest on; where to look for them, and whom they convict."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Annotated, final

import numpy as np
from pydantic import Field

from codeward.defenses._elements import Element, ElementKind, cut, parts_of, reaches, without
from codeward.defenses.data._base import Audit, ModelAudit, Rows
from codeward.defenses.data._lexing import texts_of
from codeward.defenses.data._verdicts import Evidence, convicted
from codeward.defenses.data._work import Arrays, Work, drawn
from codeward.errors import CodeError
from codeward.registry import method
from codeward.seeds import derive_int
from codeward.types import Sample
from codeward.victims.base import Floats, Victim

Group = int | None
"""The class of a row; text and search have one group only."""
Key = tuple[Group, str]
"""A keyword of the rows of one group."""
KINDS: tuple[ElementKind, ...] = ("identifier", "statement")
COMMON = 0.5
"""Keywords in a larger share of the rows cannot be told from the rows."""
LONGEST = 200
"""Characters of a keyword, at most."""
CHUNK = 64
"""Rows whose copies share batches."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is looked at, with the parts of it that are keywords."""

    sample: Sample
    reach: dict[str, int]
    """How many characters the model reads of each field."""
    parts: tuple[Element, ...]
    ranks: tuple[int, ...]
    """For each part which one of its kind it is in the row, from 0."""


def group_of(sample: Sample) -> Group:
    """Return the class of a row."""
    return sample.target if isinstance(sample.target, int) else None


def name_of(part: Element) -> str:
    """Return a keyword: the part's text, its white space evened out."""
    return " ".join(part.text.split())


@dataclass(frozen=True, slots=True)
class Keywords:
    """What is thought of keywords."""

    scores: Mapping[Key, float]
    least: float
    """From which score on a keyword convicts the rows of its group."""
    purity: float = 0.0
    """Which share of all rows that hold it have to be of its group; 0: any."""
    significance: float = 1.0
    """How likely it may be by chance that so many of them are."""
    most: int | None = None
    """How many keywords convict, at most."""
    notes: tuple[str, ...] = ()


@method
class KeywordAudit(ModelAudit):
    """Base of the defenses that convict by keywords; the author writes ``scored``."""

    min_rows: Annotated[int, Field(ge=2)] = 4
    """In how many of the rows of its class that are looked at a keyword has to stand."""
    examined: Annotated[int, Field(ge=1)] = 500
    """How many rows of each class are looked at."""
    seed: int = 0

    @abstractmethod
    def scored(self, chosen: Sequence[Row], victim: Victim, clean: Sequence[Sample], work: Work) -> Keywords:
        """Return how suspicious the keywords of the rows that are looked at are."""

    @final
    def judge(self, rows: Rows, victim: Victim, clean: Sequence[Sample], work: Work) -> Audit:
        """See ``ModelAudit.judge``; a row's score is the largest of its keywords', 0 where it has none."""
        samples = drawn(work.told(rows, "reading"), self.examined, Random(derive_int(self.seed, "rows")), group_of)
        found = self.scored(looked_at(samples, victim, self.min_rows), victim, clean, work)
        return _audit(work.told(rows, "judging"), found)


def looked_at(samples: Sequence[Sample], victim: Victim, min_rows: int) -> list[Row]:
    """Return rows with those of their parts that stand in several rows, but not in most.

    Args:
        samples: The rows that are looked at.
        victim: The model, which tells how far it reads.
        min_rows: In how many rows of its group a keyword has to stand.
    """
    found: list[tuple[Sample, dict[str, int], list[Element]]] = []
    for sample, reach in zip(samples, reaches(samples, victim.task.kind, victim.reach), strict=True):
        found.append((sample, reach, _parts(sample, reach)))
    counts = Counter(key for sample, _, parts in found for key in {(group_of(sample), name_of(p)) for p in parts})
    overall: Counter[str] = Counter()
    for (_, name), count in counts.items():
        overall[name] += count
    kept = {key for key, n in counts.items() if n >= min_rows and overall[key[1]] <= COMMON * len(samples)}
    return [_row(sample, reach, parts, kept) for sample, reach, parts in found]


def effects(rows: Sequence[Row], victim: Victim, work: Work) -> list[Floats]:
    """Return for each row how far deleting each of its parts moves its representation (the largest of all dimensions)."""

    def moved(part: Sequence[Row]) -> list[Floats]:
        copies = []
        for row in part:
            copies.append(cut(row.sample, row.reach))
            copies += [without(copies[-1], each, row.reach[each.field], "") for each in row.parts]
        vectors, at, found = victim.embed(copies), 0, []
        for row in part:
            own = vectors[at : at + len(row.parts) + 1]
            found.append(np.abs(own[1:] - own[0]).max(axis=1, initial=0.0))
            at += len(own)
        return found

    return in_parts(rows, "deleting keywords", moved, work)


def in_parts(
    rows: Sequence[Row], what: str, compute: Callable[[Sequence[Row]], list[Floats]], work: Work
) -> list[Floats]:
    """Compute a value for each part of each row, some rows at a time, and keep it.

    Args:
        rows: The rows.
        what: What is being done.
        compute: Returns the values of each row's parts.
        work: Where finished rows are kept.
    """
    found: list[Floats] = []
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        name = f"{what}-{start}".replace(" ", "-")
        kept = work.kept(name, partial(_joined, compute, part))
        found += np.split(kept["values"], np.cumsum([len(row.parts) for row in part])[:-1])
        work.tell(what, len(found))
    return found


def _joined(compute: Callable[[Sequence[Row]], list[Floats]], part: Sequence[Row]) -> Arrays:
    return {"values": np.concatenate(compute(part))}


def _audit(rows: Iterable[Sample], found: Keywords) -> Audit:
    """Convict the rows that hold a keyword of their group whose score is high enough and that goes with the group."""
    suspects = {key: score for key, score in found.scores.items() if score >= found.least}
    names = {name for _, name in suspects}
    held: Counter[Key] = Counter()
    sizes: Counter[Group] = Counter()
    seen: list[tuple[Sample, float, tuple[Evidence, ...]]] = []
    for sample in rows:
        group = group_of(sample)
        parts = _parts(sample, {field: len(text) for field, text in texts_of(sample)})
        score = max((found.scores.get((group, name_of(part)), 0.0) for part in parts), default=0.0)
        own = [part for part in parts if name_of(part) in names]
        held.update({(group, name_of(part)) for part in own})
        sizes[group] += 1
        evidence = tuple(Evidence(name_of(each), each.spans[0], each.field) for each in own)
        seen.append((replace(sample, code="", context={}), score, evidence))
    going = sorted(key for key in suspects if _goes(key, held, sizes, found))
    guilty = set(sorted(going, key=lambda key: -suspects[key])[: found.most])
    units = {name: max(suspects[key] for key in guilty if key[1] == name) for _, name in guilty}
    judged = (
        (sample, score, tuple(each for each in evidence if (group_of(sample), each.unit) in guilty))
        for sample, score, evidence in seen
    )
    return Audit(*convicted(judged, units), found.notes)


def _goes(key: Key, held: Counter[Key], sizes: Counter[Group], found: Keywords) -> bool:
    """Return whether the rows that hold a keyword are of its group, as a backdoor's are, and beyond chance."""
    from scipy.stats import binom  # a third of the time that a listing would take, where all methods are imported

    hits, share = held[key], sizes[key[0]] / sizes.total()
    count = sum(held[group, key[1]] for group in sizes)
    if not found.purity or share == 1:
        return True
    chance = float(binom.sf(hits - 1, count, share))
    return hits >= found.purity * count and chance <= found.significance


def _parts(sample: Sample, reach: Mapping[str, int]) -> list[Element]:
    """Return the parts of a row; none of a text that cannot be parsed."""
    found: list[Element] = []
    for field, end in reach.items():
        try:
            found += parts_of(sample, field, end, KINDS)
        except CodeError:
            continue
    return [part for part in found if 0 < len(part.text) <= LONGEST]


def _row(sample: Sample, reach: dict[str, int], parts: Sequence[Element], kept: set[Key]) -> Row:
    seen: Counter[tuple[str, str]] = Counter()
    pairs: list[tuple[Element, int]] = []
    for part in parts:
        if (group_of(sample), name_of(part)) in kept:
            pairs.append((part, seen[part.field, part.kind]))
        seen[part.field, part.kind] += 1
    return Row(sample, reach, tuple(part for part, _ in pairs), tuple(rank for _, rank in pairs))
