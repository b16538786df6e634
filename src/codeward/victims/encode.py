"""From samples to token rows: one function a kind, never one a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codeward.types import CODE, OTHER, PROMPT, QUERY, Kind, Sample, Span
from codeward.victims.batching import Row
from codeward.victims.text import whole


@dataclass(frozen=True, slots=True)
class Encoder:
    """A tokenizer with the lengths at which inputs are cut off."""

    tokenizer: Any
    kind: Kind
    max_length: int
    max_target_length: int
    causal: bool = False
    """Whether input and reference are one sequence (decoder-only generation)."""

    def inputs(self, samples: Sequence[Sample], field: str = CODE) -> list[Row]:
        """Return the token ids of what the model reads of each sample."""
        if not samples:
            return []
        first = self._encode(samples[:1], field, offsets=False)["input_ids"]
        if not self.tokenizer.is_fast:
            return [
                {"input_ids": ids} for ids in (*first, *self._encode(samples[1:], field, offsets=False)["input_ids"])
            ]
        # the first call has set where to cut off; the rest takes half the time without what is not needed here
        rest = self.tokenizer.backend_tokenizer.encode_batch_fast(self._texts(samples[1:], field))
        return [{"input_ids": ids} for ids in (*first, *(each.ids for each in rest))]

    def references(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of reference texts, the end mark last."""
        if not texts:
            return []
        ids = self.tokenizer(
            list(texts), add_special_tokens=False, truncation=True, max_length=self.max_target_length - 1
        )
        return [[*row, self.tokenizer.eos_token_id] for row in ids["input_ids"]]

    def located(self, samples: Sequence[Sample], field: str = CODE) -> list[tuple[list[int], list[Span | None]]]:
        """Return the token ids of each sample, and which characters of a field each token stands for."""
        if not samples:
            return []
        encoded = self._encode(samples, field, offsets=True)
        part = 1 if field == OTHER else 0
        return [
            (
                ids,
                [
                    Span(*span) if owner == part else None
                    for span, owner in zip(offsets, encoded.sequence_ids(row), strict=True)
                ],
            )
            for row, (ids, offsets) in enumerate(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True))
        ]

    def reach(self, samples: Sequence[Sample], field: str = CODE) -> list[int]:
        """Return for each sample how many characters of a field survive truncation."""
        return [
            max((span.end for span in spans if span is not None), default=0)
            for _, spans in self.located(samples, field)
        ]

    def field(self, sample: Sample) -> str:
        """Return the field that a generator reads."""
        return CODE if sample.code else PROMPT

    def _encode(self, samples: Sequence[Sample], field: str, *, offsets: bool) -> Any:
        options: dict[str, Any] = {"truncation": True, "max_length": self.max_length, "return_offsets_mapping": offsets}
        if field == QUERY and self.kind not in ("pair", "generation"):
            options["max_length"] = self.max_target_length
        texts = self._texts(samples, field)
        if self.kind == "pair":
            return self.tokenizer([one for one, _ in texts], [other for _, other in texts], **options)
        return self.tokenizer(texts, **options)

    def _texts(self, samples: Sequence[Sample], field: str) -> list[Any]:
        """Return what is encoded of each sample: a text, or two of a pair."""
        if self.kind == "pair":
            return [(whole(sample.code), whole(sample.text(OTHER))) for sample in samples]
        if self.kind == "generation":
            return [whole(sample.text(self.field(sample))) for sample in samples]
        if field == QUERY:
            return [whole(sample.text(QUERY) or sample.code) for sample in samples]
        return [whole(sample.code) for sample in samples]
