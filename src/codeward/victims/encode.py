"""From samples to token rows: one function a kind, never one a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codeward.types import CODE, OTHER, PROMPT, QUERY, Kind, Sample, Span
from codeward.victims.batching import Row


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
        encoded = self._encode(samples, field, offsets=False)
        return [{"input_ids": ids} for ids in encoded["input_ids"]]

    def references(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of reference texts, the end mark last."""
        ids = self.tokenizer(
            list(texts), add_special_tokens=False, truncation=True, max_length=self.max_target_length - 1
        )
        return [[*row, self.tokenizer.eos_token_id] for row in ids["input_ids"]]

    def reads(self, sample: Sample, field: str, span: Span) -> bool:
        """Whether a range of a field's characters survives truncation whole."""
        encoded = self._encode([sample], field, offsets=True)
        sequence = 1 if field == OTHER else 0
        kept = [
            offset
            for offset, owner in zip(encoded["offset_mapping"][0], encoded.sequence_ids(0), strict=True)
            if owner == sequence
        ]
        return bool(kept) and max(end for _, end in kept) >= span.end

    def field(self, sample: Sample) -> str:
        """Return the field that a generator reads."""
        return CODE if sample.code else PROMPT

    def _encode(self, samples: Sequence[Sample], field: str, *, offsets: bool) -> Any:
        options: dict[str, Any] = {"truncation": True, "max_length": self.max_length, "return_offsets_mapping": offsets}
        if self.kind == "pair":
            return self.tokenizer([s.code for s in samples], [s.text(OTHER) for s in samples], **options)
        if self.kind == "generation":
            return self.tokenizer([s.text(self.field(s)) for s in samples], **options)
        if field == QUERY:
            options["max_length"] = self.max_target_length
            return self.tokenizer([s.text(QUERY) or s.code for s in samples], **options)
        return self.tokenizer([s.code for s in samples], **options)
