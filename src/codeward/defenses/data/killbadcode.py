"""KillBadCode: a trigger's tokens make code less natural (Sun et al., ICSE 2025, arXiv 2502.15830).

A 4-gram language model of clean code gives each row a cross-entropy. Each token is deleted in turn, by how much the
cross-entropy falls is its score, the ten largest of a row are added up over the corpus, and the rows that hold one of the
ten largest sums are taken out.

Departures from the released code: tokens are those of the language, not sub-words; a token that a row holds several times
counts once, by its mean score (there the last overwrites the others); rows are not cut after 600 tokens; the language
model is Kneser-Ney in arrays. It needs clean code; without any it is fitted on a sample of the rows themselves, where a trigger
that stands in many rows looks natural, and a note says so.

Ours: a sum grows with the number of rows, so that the ten largest are partly those of common tokens (``const``, ``self``, a
comma), which stand in nearly every row, poisoned or not. Units that clean rows hold about as often are spared
(``spare_natural``). Ten units are taken out whether the set is poisoned or not, as in the paper: on clean sets these are
false alarms.

Ours, too: a trigger that is written anew in each row has few tokens in common, a name that adapts to its row none. ``units``
adds up the falls of other units than tokens: of whole statements, by their templates (names and literals abstracted), or of
names by their ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from codeward.defenses.data._base import Audit, DataDefense, Rows, data_defenses
from codeward.defenses.data._falls import KINDS, Kind, names_chunk, places_of, score_chunk
from codeward.defenses.data._index import Named, Table, added_up, counted, firsts, held, largest, natural
from codeward.defenses.data._lexing import texts_of, words_of
from codeward.defenses.data._ngrams import NGrams
from codeward.defenses.data._verdicts import Evidence, convicted
from codeward.defenses.data._work import Arrays, Chunks, Work, drawn
from codeward.registry import method
from codeward.seeds import derive_int
from codeward.types import Sample
from codeward.victims.base import Victim

CHUNK = 2048
"""Rows whose n-grams are looked up together."""
FITTED = 20_000
"""Rows of which the language model is where no clean code is given, at most, drawn at random."""
NO_CLEAN = (
    "no clean code was given: the language model is of the rows themselves, to which a frequent trigger is natural"
)


@data_defenses.register("killbadcode")
@method
class KillBadCode(DataDefense):
    """Tokens whose deletion makes code more natural, added up over the corpus."""

    top: Annotated[int, Field(ge=1)] = 10
    """How many units of a kind convict the rows that hold them."""
    top_of_row: Annotated[int, Field(ge=1)] = 10
    """How many units of each row are added up."""
    spare_natural: bool = True
    """Whether units that clean rows hold about as often convict nobody; as published, they do."""
    units: Literal["tokens", "statements", "ends", "all"] = "tokens"
    """What is deleted: tokens (as published), statements by their templates, names by their ends, or each of these in turn."""

    def inspect(self, rows: Rows, victim: Victim | None, clean: Sequence[Sample], work: Work) -> Audit:
        """See ``DataDefense.inspect``; a row's score is the largest sum of its units."""
        source = clean or drawn(work.told(rows, "reading rows"), FITTED, Random(derive_int(0, "killbadcode")))
        model = NGrams.fit(words_of(text) for sample in source for _, text in texts_of(sample))
        kinds: tuple[Kind, ...] = KINDS if self.units == "all" else (self.units,)
        compute = partial(score_chunk, model=model, top=self.top_of_row, kinds=kinds)
        chunks = work.chunks(rows, "scoring rows", compute, CHUNK)
        if not chunks.rows:
            return Audit((), (), () if clean else (NO_CLEAN,))
        seen = names_chunk(clean, kinds) if clean and self.spare_natural else None
        sums = {kind: _sums(chunks, kind, seen, len(clean)) for kind in kinds}
        few = {kind: _leading(sums[kind], self.top) for kind in kinds}
        scores: list[float] = []
        flags = bytearray()
        for chunk in chunks:
            scores += np.max([largest(held(chunk, kind, sums[kind]), sums[kind].values) for kind in kinds], 0).tolist()
            flags += np.any([np.diff(held(chunk, kind, few[kind]).indptr) > 0 for kind in kinds], 0).tobytes()
        convicting = {key: value for table in few.values() for key, value in table.as_dict().items()}
        named = Named({key: row for kind in kinds for key, row in firsts(chunks, kind, few[kind]).items()})
        found: dict[str, float] = {}
        judged = _judged(work.told(rows, "judging rows"), kinds, scores, flags, convicting, named, found)
        return Audit(*convicted(judged, found), () if clean else (NO_CLEAN,))


def _sums(chunks: Chunks, kind: Kind, seen: Arrays | None, clean: int) -> Table:
    """Return the sum of each unit's scores over all rows; 0 of those that clean rows hold about as often."""
    sums = added_up(chunks, f"{kind}.keys", lambda chunk: chunk[f"{kind}.sums"], least=1e-9)
    if seen is not None:
        units = counted(chunks, kind, 1)
        common = sums.numbers(units.keys[natural(units, chunks.rows, counted([seen], kind, 1), clean)])
        sums.values[common[common >= 0]] = 0.0
    return sums


def _leading(sums: Table, top: int) -> Table:
    """Return the units of the largest sums."""
    leading = np.argsort(-sums.values, kind="stable")[:top]
    return sums.some(np.sort(leading[sums.values[leading] > 0]))


def _judged(
    rows: Iterator[Sample],
    kinds: Sequence[Kind],
    scores: Sequence[float],
    flags: bytearray,
    convicting: Mapping[int, float],
    named: Named,
    found: dict[str, float],
) -> Iterator[tuple[Sample, float, tuple[Evidence, ...]]]:
    """Yield the rows with their scores, and where convicting units stand; their names are found on the way."""
    for number, (sample, score, flag) in enumerate(zip(rows, scores, flags, strict=True)):
        evidence: list[Evidence] = []
        for field, text in texts_of(sample) if flag else ():
            places = [place for kind in kinds for place in places_of(kind, text, sample.language)]
            found |= {name: convicting[key] for name, key in named.of(number, (name for name, _ in places))}
            evidence += [Evidence(name, span, field) for name, span in places if name in found]
        yield sample, score, tuple(evidence)
