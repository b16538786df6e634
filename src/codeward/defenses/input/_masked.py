"""A masked language model that proposes what could stand at some places of a code, and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from codeward.errors import ModelError
from codeward.types import Span
from codeward.victims.text import whole
from codeward.zoo import embedded, resolve

AUTO = "auto"
DEFAULT = "mini-encoder"
BEAM = 4
"""Tokens tried at each masked place."""
ROOM = 512
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Gap:
    """Places of a text that are to be filled with the same words."""

    text: str
    spans: tuple[Span, ...]
    tokens: int
    """How many tokens to put at each of them."""


class MaskedModel:
    """A masked language model of any family, by ``AutoModelForMaskedLM``."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        limit = min(int(tokenizer.model_max_length), int(getattr(model.config, "max_position_embeddings", ROOM)), ROOM)
        inner = tokenizer("a", add_special_tokens=False)["input_ids"]
        outer = tokenizer("a")["input_ids"]
        start = next(at for at in range(len(outer)) if outer[at : at + len(inner)] == inner)
        self.head, self.tail = outer[:start], outer[start + len(inner) :]
        self.room: int = limit - len(outer) + len(inner) - 2
        words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        self.pieces = [tokenizer.convert_tokens_to_string([word]) for word in words]
        plain: dict[str, int] = {}
        for number, piece in enumerate(self.pieces):
            plain.setdefault(piece, number)
        self.plain: npt.NDArray[np.int64] = np.array(
            [plain.get(piece.lstrip(), number) for number, piece in enumerate(self.pieces)]
        )
        self.forbidden = np.zeros(len(self.pieces), dtype=bool)
        self.forbidden[tokenizer.all_special_ids] = True

    def count(self, text: str) -> int:
        """Return how many tokens a text has."""
        return len(self.tokenizer(whole(text), add_special_tokens=False)["input_ids"])

    def words(self, gaps: Sequence[Gap], limit: int) -> list[list[str]]:
        """Return for each gap the likeliest words, the best first; what stands before a word plays no part.

        The places of a gap are masked together, and each place votes by its log-probabilities.
        """
        return [self._combine(found, limit) for found in self._logits(gaps)]

    def texts(self, gaps: Sequence[tuple[str, tuple[Span, ...]]]) -> list[list[str]]:
        """Return for each text what the model would put at each of its places, one string a place."""
        rows, layouts = [], []
        for text, spans in gaps:
            ids, places = self._mask_each(text, spans)
            rows.append({"input_ids": ids})
            layouts.append(places)
        filled = []
        for logits, places in zip(
            self._run(rows, [[place for row in layout for place in row] for layout in layouts]), layouts, strict=True
        ):
            best = logits.argmax(-1).tolist()
            taken = iter(best)
            filled.append(["".join(self.pieces[next(taken)] for _ in layout) for layout in places])
        return filled

    def _logits(self, gaps: Sequence[Gap]) -> list[Floats]:
        """Return for each gap the summed log-probabilities of its places, shape ``[tokens, vocabulary]``."""
        rows, places = [], []
        for gap in gaps:
            ids, starts = self._mask_same(gap)
            rows.append({"input_ids": ids})
            places.append([start + step for start in starts for step in range(gap.tokens)])
        found = self._run(rows, places)
        summed = []
        for gap, logits in zip(gaps, found, strict=True):
            shaped = logits.reshape(-1, gap.tokens, logits.shape[-1])
            shaped[:, 0] = [self._merged(row) for row in shaped[:, 0]]
            summed.append(shaped.sum(0))
        return summed

    def _merged(self, row: Floats) -> Floats:
        """Give each word the better of its own value and that of its twin with a space before it."""
        merged = np.full_like(row, -1e9)
        np.maximum.at(merged, self.plain, row)
        return merged

    def _combine(self, logits: Floats, limit: int) -> list[str]:
        best = [np.argsort(-row)[: BEAM if len(logits) > 1 else 2 * limit] for row in logits]
        if len(best) > 5:
            best = [*best[:5], *(row[:1] for row in best[5:])]
        ranked = sorted(
            product(*best), key=lambda choice: -sum(float(logits[at, token]) for at, token in enumerate(choice))
        )
        texts = dict.fromkeys("".join(self.pieces[token] for token in choice).strip() for choice in ranked[: 8 * limit])
        return list(texts)

    def _run(self, rows: Sequence[dict[str, list[int]]], places: Sequence[list[int]]) -> list[Floats]:
        """Return the log-probabilities at some places of each row."""
        import torch

        from codeward.victims.batching import autocast, pad, run_batched

        device = next(self.model.parameters()).device
        padding = self.tokenizer.pad_token_id
        keyed = [{**row, "places": kept} for row, kept in zip(rows, places, strict=True)]

        def step(indices: list[int]) -> list[Floats]:
            ids = [keyed[index]["input_ids"] for index in indices]
            tensors = {"input_ids": pad(ids, padding), "attention_mask": pad([[1] * len(row) for row in ids], 0)}
            with torch.inference_mode(), autocast(device, "auto"):
                logits = self.model(**{name: tensor.to(device) for name, tensor in tensors.items()}).logits
            found = []
            for number, index in enumerate(indices):
                kept = logits[number, keyed[index]["places"]].float().log_softmax(-1).cpu().numpy()
                kept[:, self.forbidden] = -1e9
                found.append(kept)
            return found

        return run_batched(keyed, step)

    def _mask_same(self, gap: Gap) -> tuple[list[int], list[int]]:
        """Return a window of token ids with masks, and where each place begins in it."""
        ids, offsets = self._encode(gap.text)
        mask = [self.tokenizer.mask_token_id] * gap.tokens
        out: list[int] = []
        starts: list[int] = []
        at = 0
        for span in gap.spans:
            first, last = _covered(offsets, span, at)
            out += ids[at:first]
            starts.append(len(out))
            out += mask
            at = last
        out += ids[at:]
        return self._window(out, starts, gap.tokens)

    def _mask_each(self, text: str, spans: Sequence[Span]) -> tuple[list[int], list[list[int]]]:
        """Mask every token of some places, and return where they are, place by place."""
        ids, offsets = self._encode(text)
        places: list[list[int]] = []
        at = 0
        for span in spans:
            first, last = _covered(offsets, span, at)
            places.append(list(range(first, last)))
            for place in range(first, last):
                ids[place] = self.tokenizer.mask_token_id
            at = last
        begin = self._begin([row[0] for row in places if row], len(ids))
        shown, head = self._framed(ids[begin : begin + self.room])
        return shown, [[place - begin + head for place in row if begin <= place < begin + self.room] for row in places]

    def _encode(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoded = self.tokenizer(whole(text), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return list(encoded["input_ids"]), list(encoded["offset_mapping"])

    def _window(self, ids: list[int], starts: list[int], width: int) -> tuple[list[int], list[int]]:
        begin = self._begin(starts, len(ids))
        shown, head = self._framed(ids[begin : begin + self.room])
        inside = [start for start in starts if begin <= start and start + width <= begin + self.room]
        return shown, [start - begin + head for start in inside]

    def _begin(self, starts: Sequence[int], total: int) -> int:
        """Return where a window begins that shows the first place, and as much after it as before."""
        if total <= self.room or not starts:
            return 0
        return max(0, min(starts[0] - self.room // 4, total - self.room))

    def _framed(self, ids: list[int]) -> tuple[list[int], int]:
        return [*self.head, *ids, *self.tail], len(self.head)


def _covered(offsets: Sequence[tuple[int, int]], span: Span, start: int) -> tuple[int, int]:
    """Return the tokens that share a character with a span, as a half-open range."""
    first = start
    while first < len(offsets) and offsets[first][1] <= span.start:
        first += 1
    last = first
    while last < len(offsets) and offsets[last][0] < span.end:
        last += 1
    return first, last


def masked_model(name: str) -> MaskedModel | None:
    """Return a masked language model by name; with ``auto`` the embedded one, and ``None`` where there is none.

    Raises:
        ModelError: If the folder holds no masked language model.
    """
    if name == AUTO:
        return _load(resolve(DEFAULT)) if DEFAULT in embedded() else None
    return _load(resolve(name))


@lru_cache(maxsize=2)
def _load(folder: str) -> MaskedModel:
    import transformers

    from codeward.victims.device import best_device
    from codeward.victims.loading import check_folder, load_parts

    check_folder(folder, allow_pickle=False)
    tokenizer, model = load_parts(folder, transformers.AutoModelForMaskedLM, {"use_safetensors": True})
    if tokenizer.mask_token_id is None:
        raise ModelError(f"{folder}: this is no masked language model: its tokenizer has no mask token")
    return MaskedModel(model.to(best_device()), tokenizer)
