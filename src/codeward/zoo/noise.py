"""What a model has to restore: masked tokens, masked spans, masked identifiers.

Masked language model: RoBERTa (arXiv 1907.11692), with a higher share of masked tokens since the models are small and
short of text (Wettig et al., EACL 2023). Span corruption: T5 (JMLR 2020, section 3.1.4), 15 % in spans of three tokens on
average. Identifier denoising: DOBF (NeurIPS 2021) and CodeT5 (EMNLP 2021, section 3.2): every occurrence of an identifier
is one sentinel, and the target names each of them once.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
IGNORED = -100
SHARE, MEAN_SPAN = 0.15, 3.0


def mask_tokens(
    ids: Ids, rng: np.random.Generator, *, share: float, mask_id: int, size: int, specials: Sequence[int]
) -> tuple[Ids, Ids]:
    """Mask tokens: of those chosen 80 % become the mask, 10 % another token, 10 % stay.

    Args:
        ids: Tokens, any shape.
        rng: Where the choice comes from.
        share: Share of tokens to restore.
        mask_id: The mask's number.
        size: Size of the vocabulary.
        specials: Numbers of the special tokens, ascending, each once; they are never chosen, and never drawn.

    Returns:
        The noisy tokens and the labels (``-100`` where nothing is to be restored), of the same shape.
    """
    chosen = (rng.random(ids.shape) < share) & ~np.isin(ids, specials)
    fate = rng.random(ids.shape)
    noisy = np.where(chosen & (fate < 0.8), mask_id, ids)
    drawn = _ordinary(rng.integers(0, size - len(specials), ids.shape), specials)
    noisy = np.where(chosen & (fate >= 0.9), drawn, noisy)
    return noisy, np.where(chosen, ids, IGNORED)


def _ordinary(places: Ids, specials: Sequence[int]) -> Ids:
    """Return the tokens that stand at these places among those that are not special."""
    before = np.asarray(specials) - np.arange(len(specials))  # ordinary tokens before each special one
    return places + np.searchsorted(before, places, side="right")


def corrupt_spans(ids: Ids, rng: np.random.Generator, *, sentinels: Sequence[int], end: int) -> tuple[Ids, Ids]:
    """Replace spans by sentinels; the target is each sentinel with what it stands for, then the end.

    Args:
        ids: Tokens of one text, shape ``[n]``.
        rng: Where the spans come from.
        sentinels: Their numbers, in the order of use.
        end: The number of the end mark.
    """
    count = int(np.clip(round(len(ids) * SHARE / MEAN_SPAN), 1, len(sentinels)))
    masked = max(count, round(len(ids) * SHARE))
    if len(ids) < masked + count + 1:
        return np.append(ids, end), np.array([end])
    lengths = _parts(masked, count, rng)
    gaps = _parts(len(ids) - masked, count + 1, rng)
    noisy: list[Ids] = []
    target: list[Ids] = []
    place = 0
    for number in range(count):
        kept, cut = place + gaps[number], place + gaps[number] + lengths[number]
        noisy += [ids[place:kept], np.array([sentinels[number]])]
        target += [np.array([sentinels[number]]), ids[kept:cut]]
        place = cut
    noisy += [ids[place:], np.array([end])]
    return np.concatenate(noisy), np.concatenate([*target, [end]])


def hide_names(
    ids: Ids, names: npt.NDArray[np.int64], rng: np.random.Generator, *, sentinels: Sequence[int], end: int
) -> tuple[Ids, Ids]:
    """Replace all occurrences of some names by one sentinel each; the target names each once.

    Args:
        ids: Tokens of one text, shape ``[n]``.
        names: For each token the number of the name that it belongs to, or -1, same shape; runs of one number are one
            occurrence.
        rng: Which names are hidden: half of them, at most as many as there are sentinels.
        sentinels: Their numbers, in the order of first use.
        end: The number of the end mark.
    """
    known = np.unique(names[names >= 0])
    count = min(len(sentinels), (len(known) + 1) // 2)
    if not count:
        return np.append(ids, end), np.array([end])
    hidden = set(rng.choice(known, count, replace=False).tolist())
    sentinel_of: dict[int, int] = {}
    noisy: list[int] = []
    target: list[int] = []
    place = 0
    while place < len(ids):
        name, stop = int(names[place]), place + 1
        if name not in hidden:
            noisy.append(int(ids[place]))
            place += 1
            continue
        while stop < len(ids) and names[stop] == name:
            stop += 1
        if name not in sentinel_of:
            sentinel_of[name] = sentinels[len(sentinel_of)]
            target += [sentinel_of[name], *ids[place:stop].tolist()]
        noisy.append(sentinel_of[name])
        place = stop
    return np.array([*noisy, end]), np.array([*target, end])


def _parts(total: int, count: int, rng: np.random.Generator) -> list[int]:
    """Cut a number into so many positive parts, all ways alike."""
    cuts = np.sort(rng.choice(total - 1, count - 1, replace=False)) + 1 if count > 1 else np.array([], dtype=int)
    return [int(part) for part in np.diff([0, *cuts, total])]
