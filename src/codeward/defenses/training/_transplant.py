"""Which part of a row the scout's answer depends on, and what it does in other rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from codeward.seeds import derive
from codeward.victims.batching import Row, batches
from codeward.victims.huggingface import HuggingFaceVictim
from codeward.victims.probing import GRADIENT_TOKENS, embeddings, row_losses, slot_gradients
from codeward.victims.sifting import Splice, spliced

HOST = 64
"""Tokens of a row that a part is put into; the rest is cut off, for speed."""
HOSTS = 64
"""The surest rows of other labels that serve a label."""
FIRST, SECOND = 4, 8
"""Rows that a part is put into: all parts, then the best of each row, in other rows."""
PROMISING = 0.25
"""The second time only parts are tried that brought their label to this the first time."""
MOST = 0.1
"""Of the rows, at most so many get a part."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens of a row."""

    piece: tuple[int, ...]
    share: float
    """Mean probability of the row's label in rows of other labels that hold the piece."""


def transplanted(
    scout: HuggingFaceVictim,
    rows: Sequence[Row],
    labels: Sequence[int],
    window: int,
    pieces: int,
    seed: int,
) -> dict[int, Part]:
    """Return for each row the part that does most in other rows; rows of a label without any other are left out."""
    ids = [row["input_ids"] for row in rows]
    hosts = _hosts(scout, ids, labels)
    weights = attributions(scout, rows, labels)
    tried = [
        (number, tuple(ids[number][low:high]))
        for number in range(len(ids))
        if hosts[labels[number]]
        for low, high in windows(weights[number], window, pieces)
    ]
    first = _shares(scout, tried, labels, hosts, FIRST, derive(seed, "isolate", "first"))
    best: dict[int, Part] = {}
    for (number, piece), share in zip(tried, first, strict=True):
        if number not in best or share > best[number].share:
            best[number] = Part(piece, float(share))
    again = [(n, part.piece) for n, part in best.items() if part.share >= PROMISING]
    second = _shares(scout, again, labels, hosts, SECOND, derive(seed, "isolate", "second"))
    return best | {n: Part(piece, float(share)) for (n, piece), share in zip(again, second, strict=True)}


def attributions(scout: HuggingFaceVictim, rows: Sequence[Row], labels: Sequence[int]) -> list[Floats]:
    """Return for each token of each row how much the label's loss depends on it: absolute gradient times embedding."""
    table = embeddings(scout).float().cpu().numpy()
    found: dict[int, Floats] = {}
    plain: list[Row] = [{"input_ids": row["input_ids"]} for row in rows]
    for indices in batches(plain, GRADIENT_TOKENS):
        ids = [plain[i]["input_ids"] for i in indices]
        longest = max(map(len, ids))
        gradients = slot_gradients(scout, ids, [0] * len(ids), longest, [labels[i] for i in indices])
        for i, row, gradient in zip(indices, ids, gradients, strict=True):
            found[i] = np.abs((gradient[: len(row)] * table[row]).sum(-1)).astype(np.float64)
    return [found[i] for i in range(len(rows))]


def windows(weights: Floats, length: int, count: int) -> list[tuple[int, int]]:
    """Return the best windows that do not overlap, without a row's first and last token (its special ones)."""
    inner = weights[1:-1]
    length = min(length, len(inner))
    if length == 0:
        return []
    sums = np.convolve(inner, np.ones(length), "valid")
    found: list[tuple[int, int]] = []
    while len(found) < count and np.isfinite(sums).any():
        start = int(sums.argmax())
        found.append((start + 1, start + 1 + length))
        sums[max(0, start - length + 1) : start + length] = -np.inf
    return found


def counterexamples(
    convicted: Mapping[int, tuple[int, ...]],
    rows: Sequence[Row],
    labels: Sequence[int],
    each: int,
    seed: int,
    *,
    others: bool,
) -> tuple[Splice, ...]:
    """Put the parts that convict into some of the rows that are left; a row gets one at most.

    Args:
        convicted: The part of each convicted row.
        rows: All token rows.
        labels: Their classes.
        each: Into how many rows a part is put, as far as there are any.
        seed: The run's seed.
        others: Whether a part is put only into rows of other labels than its own row has.
    """
    rng = derive(seed, "isolate", "counterexamples")
    left = [number for number in range(len(rows)) if number not in convicted]
    wanted = [number for number in sorted(convicted) for _ in range(each)]
    rng.shuffle(wanted)
    wanted = wanted[: int(MOST * len(left))]
    pairs = (
        _of_other_labels(wanted, left, labels, rng)
        if others
        else zip(wanted, rng.sample(left, len(wanted)), strict=True)
    )
    return tuple(
        Splice(host, rng.randrange(1, max(2, len(rows[host]["input_ids"]))), convicted[source])
        for source, host in pairs
    )


def _of_other_labels(
    wanted: Sequence[int], left: Sequence[int], labels: Sequence[int], rng: Random
) -> list[tuple[int, int]]:
    """Return for each row one that is left and has another label, as long as there are any."""
    free = rng.sample(left, len(left))
    found = []
    for source in wanted:
        host = next((number for number in free if labels[number] != labels[source]), None)
        if host is not None:
            free.remove(host)
            found.append((source, host))
    return found


def _hosts(scout: HuggingFaceVictim, ids: Sequence[Sequence[int]], labels: Sequence[int]) -> dict[int, list[list[int]]]:
    """Return for each label the rows of other labels, cut, of which the scout is surest; none that it gets wrong."""
    cut = [list(row) if len(row) <= HOST else [*row[: HOST - 1], row[-1]] for row in ids]
    losses = row_losses(scout, cut, list(labels))
    sure = [int(at) for at in np.argsort(losses, kind="stable") if losses[at] < np.log(2)]
    hosts: dict[int, list[list[int]]] = defaultdict(list)
    for label in sorted(set(labels)):
        hosts[label] = [cut[at] for at in sure if labels[at] != label][:HOSTS]
    return hosts


def _shares(
    scout: HuggingFaceVictim,
    tried: Sequence[tuple[int, tuple[int, ...]]],
    labels: Sequence[int],
    hosts: Mapping[int, list[list[int]]],
    count: int,
    rng: Random,
) -> Floats:
    """Return the mean probability of each part's label in some of its hosts."""
    if not tried:
        return np.zeros(0)
    longest = scout.encoder.max_length
    mixed = []
    for number, piece in tried:
        chosen = hosts[labels[number]]
        for host in rng.sample(chosen, min(count, len(chosen))):
            mixed.append((spliced(host, rng.randrange(1, max(2, len(host))), piece, longest), number))
    losses = row_losses(scout, [row for row, _ in mixed], [labels[number] for _, number in mixed])
    sizes = [min(count, len(hosts[labels[number]])) for number, _ in tried]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    totals: Floats = np.add.reduceat(np.exp(-losses.astype(np.float64)), starts)
    means: Floats = totals / np.array(sizes)
    return means
