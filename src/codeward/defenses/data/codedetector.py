"""CodeDetector: tokens on which a model rests are probed for what they do elsewhere (Li et al., TOSEM 2024, arXiv 2210.17029).

Integrated gradients give the important tokens of each row. Each of them is put into other inputs; one that makes the model
fail by more than a threshold (0.3 in the paper) is abnormal, and the rows that hold it are taken out.

Departures: code has identifiers and statements for tokens, a part's importance is the sum of its tokens', so that a trigger
of several tokens is found as one; only parts that stand in several rows of a class are probed, for the answers of that class
alone, and convict its rows alone; a few probes sort out what does nothing before all are made; a part's effect is taken over
the median of all parts' (a small model changes its mind at anything new). For classes the effect is the share of probes that
turn to the class, for generated text the mean fall of the tokens' likelihood, for search that of the similarity. An
identifier takes the place of the one of the same rank in the probe, a statement comes first in the body, a word first in the
text. Probes are clean rows where they are given, else the rows. A model that gives no gradients is asked how far deleting a part moves
the representation. Others could not reproduce the paper's figures (KillBadCode, table 2: recall 0 on defect detection).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Annotated

import numpy as np
from pydantic import Field

from codeward.code import Edit, apply, identifiers, insert_statement
from codeward.defenses._elements import Element
from codeward.defenses.data._base import data_defenses
from codeward.defenses.data._keywords import (
    CHUNK,
    Key,
    KeywordAudit,
    Keywords,
    Row,
    effects,
    group_of,
    in_parts,
    name_of,
)
from codeward.defenses.data._work import Arrays, Work
from codeward.errors import CodeError
from codeward.registry import method
from codeward.seeds import derive_int
from codeward.types import Prediction, Sample
from codeward.victims.base import Floats, Victim

FIRST = 6
"""Probes after which a part that does too little is left."""
NO_PROBES = "no row has another answer to turn: nothing could be probed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An important part, and which of its kind it was where it was found."""

    part: Element
    rank: int


@data_defenses.register("codedetector")
@method
class CodeDetector(KeywordAudit):
    """Important names and statements that turn the model's answers wherever they are put."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """The effect over that of the median part from which on one is abnormal."""
    important: Annotated[int, Field(ge=1)] = 3
    """How many parts of each row are important."""
    steps: Annotated[int, Field(ge=1)] = 4
    """Steps of the integrated gradients."""
    probes: Annotated[int, Field(ge=1)] = 24
    """Inputs that each part is put into."""

    def scored(self, chosen: Sequence[Row], victim: Victim, clean: Sequence[Sample], work: Work) -> Keywords:
        """See ``KeywordAudit.scored``; the effect over that of the median part."""
        candidates: dict[Key, Candidate] = {}
        for row, values in zip(chosen, importance(chosen, victim, self.steps, work), strict=True):
            for at in np.argsort(-values, kind="stable")[: self.important]:
                key = (group_of(row.sample), name_of(row.parts[at]))
                candidates.setdefault(key, Candidate(row.parts[at], row.ranks[at]))
        sources = list(clean) or [row.sample for row in chosen]
        found = self._effects(candidates, sources, victim, work)
        middle = float(np.median(list(found.values()))) if found else 0.0
        scores = {key: effect - middle for key, effect in found.items()}
        return Keywords(scores, self.threshold, notes=(NO_PROBES,) if candidates and not found else ())

    def _effects(
        self, candidates: dict[Key, Candidate], sources: Sequence[Sample], victim: Victim, work: Work
    ) -> dict[Key, float]:
        """Return how much each part turns the probes' answers: of a few probes, and of all where these turn."""
        order = Random(derive_int(self.seed, "probes")).sample(range(len(sources)), len(sources))
        answers = _answers([sources[at] for at in order[: 8 * self.probes]], victim)
        probes = {
            group: [pair for pair in answers if group is None or pair[1].output != group][: self.probes]
            for group in {key[0] for key in candidates}
        }
        found: dict[Key, float] = {}
        for number, (key, candidate) in enumerate(candidates.items(), start=1):
            kept = work.kept(f"probing-{number}", partial(self._effect, candidate, probes[key[0]], key, victim))
            if not np.isnan(kept["effect"]):
                found[key] = float(kept["effect"])
            if number % CHUNK == 0:
                work.tell("probing", number)
        return found

    def _effect(
        self, candidate: Candidate, probes: Sequence[tuple[Sample, Prediction]], key: Key, victim: Victim
    ) -> Arrays:
        """Return how much a part turns probes: a few, and all where these turn; not a number where it can be put into none."""
        few = _turned(candidate, probes[:FIRST], key, victim)
        if few is not None and few >= self.threshold / 2:
            few = _turned(candidate, probes, key, victim)
        return {"effect": np.array(np.nan if few is None else few)}


def importance(rows: Sequence[Row], victim: Victim, steps: int, work: Work) -> list[Floats]:
    """Return for each row how much its answer rests on each of its parts."""
    from codeward.victims.attribution import goals_of, integrated_gradients
    from codeward.victims.huggingface import HuggingFaceVictim

    if not isinstance(victim, HuggingFaceVictim):
        return effects(rows, victim, work)

    def rested(part: Sequence[Row]) -> list[Floats]:
        samples = [row.sample for row in part]
        located = {
            field: victim.encoder.located(samples, field)
            for field in sorted({name for row in part for name in row.reach})
        }
        tokens = [ids for ids, _ in next(iter(located.values()))]
        values = integrated_gradients(victim, tokens, goals_of(victim, samples), steps)
        return [
            np.array([_sum(each, located[each.field][at][1], own) for each in row.parts], dtype=np.float64)
            for at, (row, own) in enumerate(zip(part, values, strict=True))
        ]

    return in_parts(rows, "integrating gradients", rested, work)


def _sum(part: Element, places: Sequence[object], values: "np.typing.NDArray[np.float32]") -> float:
    """Return the sum of the values of the tokens that overlap a part."""
    from codeward.types import Span

    return float(
        sum(
            value
            for place, value in zip(places, values, strict=True)
            if isinstance(place, Span) and any(place.overlaps(span) for span in part.spans)
        )
    )


def _answers(samples: Sequence[Sample], victim: Victim) -> list[tuple[Sample, Prediction]]:
    """Return probes with the model's answers; search has no answer but its similarity."""
    if not samples or victim.task.kind == "retrieval":
        return [(sample, Prediction(sample.id, 0)) for sample in samples]
    return list(zip(samples, victim.predict(samples), strict=True))


def _turned(
    candidate: Candidate, probes: Sequence[tuple[Sample, Prediction]], key: Key, victim: Victim
) -> float | None:
    """Return how much a part turns the answers of probes; ``None`` where it can be put into none."""
    pairs = [(sample, answer, put(candidate, sample)) for sample, answer in probes]
    changed = [(sample, answer, made) for sample, answer, made in pairs if made is not None]
    if not changed:
        return None
    if key[0] is not None:
        return float(np.mean([each.output == key[0] for each in victim.predict([made for _, _, made in changed])]))
    outputs = [answer.output for _, answer, _ in changed]
    before = np.array(victim.confidence([sample for sample, _, _ in changed], outputs))
    after = np.array(victim.confidence([made for _, _, made in changed], outputs))
    falls = 1 - np.exp(np.minimum(after - before, 0)) if victim.task.kind == "generation" else before - after
    return float(np.mean(np.clip(falls, 0, 1)))


def put(candidate: Candidate, sample: Sample) -> Sample | None:
    """Return an input with a part in it; ``None`` where it fits nowhere."""
    part, text = candidate.part, sample.text(candidate.part.field)
    try:
        if part.kind == "identifier":
            names = identifiers(text, sample.language)
            if not names:
                return None
            old = names[min(candidate.rank, len(names) - 1)]
            made = apply(text, [Edit(span, part.text) for span in old.spans]).code
        elif part.kind == "statement":
            edited = insert_statement(text, sample.language, part.text)
            if edited is None:
                return None
            made = edited.code
        else:
            made = f"{part.text} {text}"
    except CodeError:
        return None
    return sample.with_text(part.field, made)
