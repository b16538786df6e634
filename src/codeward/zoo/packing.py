"""Corpora on disk: one tokenizer, and documents packed into blocks of equal length without padding.

``train.npy`` holds the training blocks of all languages, shape ``[blocks, length]``; ``valid-LANGUAGE.npy`` those by which
progress is judged, of other repositories, or of other files where there is one only. ``train-names.npy``, beside it, numbers the identifiers for ``noise.hide_names``.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from codeward.code import Role, identifiers
from codeward.errors import CodeError, DataError
from codeward.seeds import derive_int
from codeward.zoo.making import making
from codeward.zoo.shapes import SENTINELS
from codeward.zoo.sources import Document

Tokens = npt.NDArray[np.uint16]
FILE = "corpus.json"
PARTS = ("train.npy", "train-names.npy", "tokenizer")
REPOSITORY, SINGLE = "repository", "file"
VALID_SHARE = 0.03
SAMPLE = 20_000_000
"""Characters from which the tokenizer is fitted."""
BATCH = 200
RENAMED = (Role.VARIABLE, Role.PARAMETER, Role.FUNCTION, Role.TYPE)


@dataclass(frozen=True, slots=True)
class CorpusCard:
    """What a corpus is made of."""

    length: int
    """Tokens a block."""
    vocabulary: int
    tokens: dict[str, int]
    """Training tokens by language."""
    valid_tokens: dict[str, int]
    """Tokens by which progress is judged, by language: what the card's curve is of."""
    documents: int
    licenses: dict[str, int]
    """Documents by licence, as their source says."""
    skipped: dict[str, int]
    sources: list[str]
    seed: int
    request: str = ""
    """Fingerprint of what was asked for, so that a corpus is not taken for that of another command."""
    divided: str = REPOSITORY
    """What went to one side as a whole: a repository, or a file where there is one repository only."""

    @property
    def unmeasured(self) -> list[str]:
        """The languages of which no block is held back, so that nothing can be said about them."""
        return [language for language in self.tokens if self.valid_tokens.get(language, 0) < self.length]

    def told(self) -> dict[str, Any]:
        """Return what is written down; corpora that are divided by repository do not say so."""
        about = asdict(self)
        if self.divided == REPOSITORY:
            del about["divided"]
        return about


def fit_tokenizer(texts: Iterable[str], size: int) -> Any:
    """Fit the byte-level BPE tokenizer of all mini models, with the sentinels of span corruption."""
    from codeward.victims.tokenizing import fit_bpe

    return fit_bpe(texts, size, extra=[f"<extra_id_{number}>" for number in range(SENTINELS)])


def write_corpus(
    out: Path,
    found: Sequence[Document],
    *,
    vocabulary: int,
    length: int,
    seed: int,
    sources: Sequence[str],
    skipped: Counter[str],
    tokenizer: Any = None,
    request: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> CorpusCard:
    """Tokenize and pack documents into a folder, written whole or not at all.

    Args:
        out: The folder.
        found: The documents; whole repositories (the first two parts of their names) go to one side, see ``divide``.
        vocabulary: Size of the tokenizer.
        length: Tokens a block.
        seed: The order of the documents.
        sources: Where they come from, for the card.
        skipped: What was left out, for the card.
        tokenizer: One that is already there; else one is fitted.
        request: Fingerprint of what was asked for.
        progress: Called with the number of documents done and of all.

    Raises:
        DataError: If the text does not fill a block.
    """
    order = sorted(found, key=lambda each: (derive_int(seed, "corpus", each.name), each.name))
    train, valid, divided = divide(order)
    if not train:
        raise _too_little(order, length, skipped)
    made = tokenizer if tokenizer is not None else fit_tokenizer(_sample(train), vocabulary)
    tokens: Counter[str] = Counter()
    blocks, names = _pack(made, train, length, tokens, progress)
    if not len(blocks):
        raise _too_little(train, length, skipped)
    kept: Counter[str] = Counter()
    with making(out) as folder:
        np.save(folder / "train.npy", blocks)
        np.save(folder / "train-names.npy", names)
        for language in sorted({each.language for each in valid}):
            part = [each for each in valid if each.language == language]
            np.save(folder / f"valid-{language}.npy", _pack(made, part, length, kept, None)[0])
        made.save_pretrained(folder / "tokenizer")
        card = CorpusCard(
            length, len(made), dict(tokens), dict(kept), len(train) + len(valid),
            dict(Counter(each.license or "not said" for each in (*train, *valid))), dict(skipped), list(sources), seed,
            request, divided,
        )  # fmt: skip
        (folder / FILE).write_text(json.dumps(card.told(), indent=2) + "\n", encoding="utf-8")
    return card


def read_card(folder: Path) -> CorpusCard:
    """Read what a corpus is made of.

    Raises:
        DataError: If the folder is no corpus, or a part of it is missing or damaged.
    """
    file = folder / FILE
    if not file.is_file():
        raise DataError(f"{folder}: this is no corpus that codeward wrote (it has no {FILE})")
    for part in PARTS:
        if not (folder / part).exists():
            raise DataError(f"{folder}: the packed corpus is not whole (it has no {part}); remove it and pack it again")
    try:
        return TypeAdapter(CorpusCard).validate_json(file.read_bytes())
    except ValidationError:
        raise DataError(
            f"{file}: this is no card of a corpus, or it is damaged; remove the folder and pack the corpus again"
        ) from None


def divide(found: Sequence[Document]) -> tuple[list[Document], list[Document], str]:
    """Return what is trained on, that by which progress is judged, and what went to one side as a whole.

    Whole repositories do (see ``side_of``). Where that leaves a side empty, as one repository alone does, files do instead: of
    each language the few of lowest draw, one at least, and never its longest. What a source says of its own sides holds.
    """
    train, valid = ([each for each in found if side_of(each) == side] for side in ("train", "valid"))
    free = [each for each in found if each.split is None]
    if (train and valid) or not free:
        return train, valid, REPOSITORY
    held = {id(each) for each in _held_back(free)}
    told = [replace(each, split=each.split or ("valid" if id(each) in held else "train")) for each in found]
    train, valid = ([each for each in told if each.split == side] for side in ("train", "valid"))
    return train, valid, SINGLE if held else REPOSITORY


def side_of(document: Document) -> str:
    """Return the side of a document: what its source says, else ``valid`` for few repositories; a ``test`` is not used."""
    if document.split is not None:
        return document.split
    return "valid" if _draw("/".join(document.name.split("/")[:2])) < VALID_SHARE else "train"


def counted(reasons: Mapping[str, int]) -> str:
    """Return what was left out, by reason, as text."""
    return ", ".join(f"{why} ({count:,})" for why, count in reasons.items()) or "nothing"


def _draw(name: str) -> float:
    return (derive_int(0, "valid", name) >> 11) / 2**53


def _held_back(found: Sequence[Document]) -> list[Document]:
    by_language: dict[str, list[Document]] = {}
    for each in found:
        by_language.setdefault(each.language, []).append(each)
    return [each for part in by_language.values() for each in _lowest(part)] or _lowest(found)


def _lowest(found: Sequence[Document]) -> list[Document]:
    others = sorted(found, key=lambda each: len(each.text))[:-1]
    return sorted(others, key=lambda each: _draw(each.name))[: max(1, round(VALID_SHARE * len(found)))]


def _too_little(found: Sequence[Document], length: int, skipped: Mapping[str, int]) -> DataError:
    return DataError(
        f"the text fills no block of {length} tokens (documents: {len(found):,}; left out: {counted(skipped)}); give more "
        "sources, or shorter blocks"
    )


def _sample(found: Sequence[Document]) -> Iterator[str]:
    """Yield texts of every language in turn, up to a number of characters."""
    by_language: dict[str, list[str]] = {}
    for each in found:
        by_language.setdefault(each.language, []).append(each.text)
    total = 0
    for place in range(max(map(len, by_language.values()), default=0)):
        for texts in by_language.values():
            if place < len(texts) and total < SAMPLE:
                total += len(texts[place])
                yield texts[place]


def _pack(
    tokenizer: Any,
    found: Sequence[Document],
    length: int,
    counts: Counter[str],
    progress: Callable[[int, int], None] | None,
) -> tuple[Tokens, Tokens]:
    """Return blocks, and for each of their tokens the number of the identifier that it belongs to (0: none)."""
    ids: list[Tokens] = []
    names: list[Tokens] = []
    offset = 0
    for start in range(0, len(found), BATCH):
        part = found[start : start + BATCH]
        encoded = tokenizer([each.text for each in part], add_special_tokens=False, return_offsets_mapping=True)
        for document, row, offsets in zip(part, encoded["input_ids"], encoded["offset_mapping"], strict=True):
            counts[document.language] += len(row) + 1
            ids.append(np.array([*row, tokenizer.eos_token_id], dtype=np.uint16))
            numbers = _names(document, offsets)
            names.append(np.append(np.where(numbers > 0, (numbers + offset) % 65_000 + 1, 0), 0).astype(np.uint16))
            offset = (offset + int(numbers.max(initial=0))) % 65_000
        if progress is not None:
            progress(min(start + BATCH, len(found)), len(found))
    return _blocks(ids, length), _blocks(names, length)


def _blocks(parts: list[Tokens], length: int) -> Tokens:
    joined = np.concatenate(parts) if parts else np.array([], dtype=np.uint16)
    whole = len(joined) // length * length
    return joined[:whole].reshape(-1, length)


def _names(document: Document, offsets: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """Number the identifiers that a document declares, token by token."""
    numbers = np.zeros(len(offsets), dtype=np.int64)
    try:
        declared = [each for each in identifiers(document.text, document.language) if each.role in RENAMED]
    except CodeError:
        return numbers
    starts = np.array([begin for begin, _ in offsets] or [0])
    ends = np.array([end for _, end in offsets] or [0])
    for number, each in enumerate(declared, start=1):
        for span in each.spans:
            first = int(np.searchsorted(ends, span.start, side="right"))
            last = int(np.searchsorted(starts, span.end, side="left"))
            numbers[first:last] = number
    return numbers
