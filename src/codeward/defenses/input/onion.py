"""ONION: words that make a text less fluent are taken away (Qi et al., EMNLP 2021).

Each word is left out in turn; by how much the perplexity of a causal language model falls is the word's score. Departures:
words are those of the programming language (names, numbers, punctuation), not what stands between blanks; the threshold is
calibrated on clean inputs at a rate of inputs, not of words. All words above it are removed.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from codeward.code import Edit, apply
from codeward.defenses._elements import Element, reaches
from codeward.defenses.input._base import Change, Examination, InputDefense, input_defenses
from codeward.errors import ModelError
from codeward.registry import method
from codeward.types import Prediction, Sample, Span
from codeward.victims.base import Victim
from codeward.zoo import embedded, resolve

AUTO, DEFAULT = "auto", "mini-decoder"
WORD = re.compile(r"\w+|[^\w\s]")


@input_defenses.register("onion")
@method
class Onion(InputDefense):
    """Take away the words whose removal makes the code more fluent to a causal language model."""

    language_model: str = AUTO
    """A causal language model: a folder or hub name; ``auto`` is the embedded one."""
    max_tokens: Annotated[int, Field(ge=16)] = 256
    """How much of an input the language model reads."""

    def examine(self, samples: Sequence[Sample], answers: Sequence[Prediction], victim: Victim) -> list[Examination]:
        """See ``InputDefense.examine``; details hold the ``perplexity``."""
        tokenizer, model = _language_model(self.language_model)
        texts: list[str] = []
        places: list[list[tuple[str, list[Span]]]] = []
        for sample, reach in zip(samples, reaches(samples, victim.task.kind, victim.reach), strict=True):
            places.append([])
            for field, end in reach.items():
                shown = sample.text(field)[:end]
                words = [Span(*match.span()) for match in WORD.finditer(shown)]
                texts += [shown, *(shown[: word.start] + shown[word.end :] for word in words)]
                places[-1].append((field, words))
        values = iter(perplexities(texts, tokenizer, model, self.max_tokens))
        return [_examination(sample, own, values) for sample, own in zip(samples, places, strict=True)]

    def mend(
        self,
        samples: Sequence[Sample],
        answers: Sequence[Prediction],
        found: Sequence[Examination],
        victim: Victim,
    ) -> list[tuple[Sample, tuple[Change, ...]]]:
        """See ``InputDefense.mend``."""
        results: list[tuple[Sample, tuple[Change, ...]]] = []
        for sample, each in zip(samples, found, strict=True):
            above = [word for word in each.elements if self.threshold is not None and word.score > self.threshold]
            for field in {word.field for word in above}:
                edits = [Edit(word.spans[0], "") for word in above if word.field == field]
                sample = sample.with_text(field, apply(sample.text(field), edits).code)
            changes = tuple(
                Change("token", word.field, word.spans[0], word.text, "", "removed", word.score) for word in above
            )
            results.append((sample, changes))
        return results


def _examination(sample: Sample, places: Sequence[tuple[str, Sequence[Span]]], values: Iterator[float]) -> Examination:
    """Judge an input by the perplexities of each of its fields and of what is left of it without each of its words."""
    elements, whole = [], 0.0
    for field, words in places:
        whole, text = next(values), sample.text(field)
        elements += [Element("token", span.of(text), (span,), field, whole - next(values)) for span in words]
    ranked = tuple(sorted(elements, key=lambda each: -each.score))
    return Examination(ranked[0].score if ranked else 0.0, ranked, {"perplexity": whole})


def perplexities(texts: Sequence[str], tokenizer: Any, model: Any, max_tokens: int) -> list[float]:
    """Return the perplexity of each text under a causal language model; 1 for texts of fewer than two tokens."""
    import torch

    from codeward.victims.batching import autocast, pad, run_batched

    start = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    encoded = tokenizer(list(texts), add_special_tokens=False, truncation=True, max_length=max_tokens)["input_ids"]
    rows = [{"input_ids": [*start, *ids]} for ids in encoded]
    device = next(model.parameters()).device
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0

    def step(indices: list[int]) -> list[float]:
        ids = [rows[index]["input_ids"] for index in indices]
        tensors = {
            "input_ids": pad(ids, padding).to(device),
            "attention_mask": pad([[1] * len(r) for r in ids], 0).to(device),
        }
        if tensors["input_ids"].shape[1] < 2:
            return [1.0] * len(indices)
        with torch.inference_mode(), autocast(device, "auto"):
            logits = model(**tensors).logits[:, :-1]
        wanted, kept = tensors["input_ids"][:, 1:], tensors["attention_mask"][:, 1:]
        chosen = logits.gather(-1, wanted[..., None]).squeeze(-1).float() - logits.float().logsumexp(-1)
        means = -(chosen * kept).sum(-1) / kept.sum(-1).clamp(min=1)
        found: list[float] = means.double().exp().cpu().tolist()
        return found

    return list(np.asarray(run_batched(rows, step), dtype=np.float64))


@lru_cache(maxsize=2)
def _language_model(name: str) -> tuple[Any, Any]:
    """Load a causal language model.

    Raises:
        ModelError: If there is none by that name.
    """
    import transformers

    from codeward.victims.device import best_device
    from codeward.victims.loading import check_folder, load_parts

    if name == AUTO and DEFAULT not in embedded():
        raise ModelError(
            "onion needs a causal language model, and none is embedded here; name a folder or hub name by language_model"
        )
    folder = resolve(DEFAULT if name == AUTO else name)
    check_folder(folder, allow_pickle=False)
    tokenizer, model = load_parts(folder, transformers.AutoModelForCausalLM, {"use_safetensors": True})
    return tokenizer, model.eval().to(best_device())
