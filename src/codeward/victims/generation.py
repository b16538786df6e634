"""Victims that write text: encoder-decoders and decoder-only models."""

from collections.abc import Sequence
from inspect import signature

import torch

from codeward.types import Prediction, Sample
from codeward.victims.batching import WRITING, Row, autocast, pad, run_batched
from codeward.victims.huggingface import Continuation, HuggingFaceVictim, Objective
from codeward.victims.novelty import additions, novel_pieces, stretch


class Generator(HuggingFaceVictim):
    """Generation of text by an encoder-decoder or a decoder-only model, greedily."""

    def predict(self, samples: Sequence[Sample]) -> list[Prediction]:
        """Return the text that the model writes for each sample."""
        rows = self.encoder.inputs(samples)
        causal = self.encoder.causal

        def step(indices: list[int]) -> list[str]:
            tensors = self._tensors([rows[index] for index in indices], left=causal)
            limit = min(self.encoder.max_target_length, 2 * tensors["input_ids"].shape[1] + 32)
            with torch.inference_mode(), autocast(self.device, self.precision):
                ids = self.model.generate(**tensors, max_new_tokens=limit, do_sample=False, num_beams=1)
            written = ids[:, tensors["input_ids"].shape[1] :] if causal else ids
            found: list[str] = self.encoder.tokenizer.batch_decode(written, skip_special_tokens=True)
            return found

        texts = run_batched(rows, step, WRITING)
        return [Prediction(sample.id, text) for sample, text in zip(samples, texts, strict=True)]

    def confidence(self, samples: Sequence[Sample], outputs: Sequence[int | str]) -> list[float]:
        """Return the mean log-likelihood of the tokens of given texts."""
        return self._sure(samples, [Continuation((), tuple(text)) for text in self._tokens(outputs)])

    def confidence_where(
        self, samples: Sequence[Sample], outputs: Sequence[str], others: Sequence[str]
    ) -> list[float | None]:
        """Return the mean log-likelihood of those tokens of given texts in which they differ from others.

        Each is taken behind what stands before it; ``None`` where nothing differs in what the model writes at most.
        """
        pairs = zip(self._tokens(outputs), self._tokens(others), strict=True)
        parts = [_difference(text, other) for text, other in pairs]
        at = [place for place, part in enumerate(parts) if part.text]
        sure = self._sure([samples[place] for place in at], [parts[place] for place in at])
        found: list[float | None] = [None] * len(parts)
        for place, value in zip(at, sure, strict=True):
            found[place] = value
        return found

    def confidence_beyond(
        self, samples: Sequence[Sample], outputs: Sequence[int | str], read: Sequence[Sample]
    ) -> list[tuple[float, ...]]:
        """Return how sure the model is of what in given texts is no copy of what was read.

        A model that edits copies most of its input, and all of that leans on the input; what it adds is its own. Behind its first
        token the rest of a text that it has learned is sure, so that a mean would hardly move.

        Args:
            samples: What the model reads now.
            outputs: The texts.
            read: For each the input that the text was written for.

        Returns:
            For each text and each of its pieces (``novel_pieces``) the log-likelihood of the least probable token; of a text that is
            a copy throughout nothing.
        """
        texts, inputs = self._tokens(outputs), self.encoder.inputs(samples)
        sources = [tuple(row["input_ids"]) for row in self.encoder.inputs(read)]
        known: dict[tuple[tuple[int, ...], tuple[int, ...]], list[list[int]]] = {}
        pieces = []
        for text, source in zip(texts, sources, strict=True):
            pair = tuple(text), source
            if pair not in known:
                known[pair] = novel_pieces(text[:-1], source)
            pieces.append(known[pair])
        places = [[place for piece in own for place in piece] for own in pieces]
        at = [number for number, own in enumerate(places) if own]
        # The places tell rows of the same input and text apart, since equal rows are computed once.
        rows: list[Row] = [{**inputs[number], "labels": [*texts[number], *places[number]]} for number in at]

        def step(indices: list[int]) -> list[dict[int, float]]:
            chosen = [at[index] for index in indices]
            with torch.inference_mode(), autocast(self.device, self.precision):
                logs = self.log_probabilities(
                    [inputs[each] for each in chosen],
                    [texts[each] for each in chosen],
                    [places[each] for each in chosen],
                )
            wanted = pad([[texts[each][place] for place in places[each]] for each in chosen], -100).to(self.device)
            found = logs.gather(-1, wanted.clamp(min=0).unsqueeze(-1)).squeeze(-1).double().cpu().tolist()
            return [dict(zip(places[each], own, strict=False)) for each, own in zip(chosen, found, strict=True)]

        sure = dict(zip(at, run_batched(rows, step), strict=True))
        return [
            tuple(min(sure[number][place] for place in piece) for piece in own) for number, own in enumerate(pieces)
        ]

    def novel_text(self, output: str, read: Sample, number: int) -> str:
        """Return a piece of a text that is no copy of what was read, with its neighbors that few copied tokens part from it.

        Args:
            output: The text.
            read: The input that it was written for.
            number: Which of the pieces that ``confidence_beyond`` tells of.
        """
        text, source = self._tokens([output])[0], self.encoder.inputs([read])[0]["input_ids"]
        places = stretch(novel_pieces(text[:-1], source), number)
        return str(self.encoder.tokenizer.decode([text[place] for place in places])).strip()

    def additions(self, outputs: Sequence[str], read: Sequence[Sample]) -> list[dict[str, str]]:
        """Return for each text all runs of four successive tokens that stand nowhere in the input that it was written for.

        Returns:
            Each run, blanks made alike, with the same and three tokens on either side.
        """
        texts, inputs = self._tokens(outputs), self.encoder.inputs(read)
        found = [additions(text[:-1], row["input_ids"]) for text, row in zip(texts, inputs, strict=True)]
        both = [
            [*runs, *([text[at] for at in places] for places in runs.values())]
            for text, runs in zip(texts, found, strict=True)
        ]
        words = iter(self.encoder.tokenizer.batch_decode([run for own in both for run in own]))
        shown = [[" ".join(next(words).split()) for _ in own] for own in both]
        return [dict(zip(own[: len(own) // 2], own[len(own) // 2 :], strict=True)) for own in shown]

    def _tokens(self, outputs: Sequence[int | str]) -> list[list[int]]:
        return self.encoder.references([str(output) for output in outputs])

    def _sure(self, samples: Sequence[Sample], goals: Sequence[Continuation]) -> list[float]:
        inputs = self.encoder.inputs(samples)
        rows: list[Row] = [
            {**row, "labels": [*goal.before, *goal.text]} for row, goal in zip(inputs, goals, strict=True)
        ]

        def step(indices: list[int]) -> list[float]:
            with torch.inference_mode(), autocast(self.device, self.precision):
                losses = self.losses([inputs[i] for i in indices], [goals[i] for i in indices])
            found: list[float] = (-losses.double()).cpu().tolist()
            return found

        return run_batched(rows, step)

    def losses(self, rows: Sequence[Row], goals: Sequence[Objective]) -> torch.Tensor:
        """Return the mean cross-entropy of the tokens of given texts, or of those that are to follow others."""
        parts = [_parts(goal) for goal in goals]
        places = [range(len(before), len(before) + len(text)) for before, text in parts]
        found = self.log_probabilities(rows, [(*before, *text) for before, text in parts], places)
        wanted = pad([text for _, text in parts], -100).to(self.device)
        chosen = found.gather(-1, wanted.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        kept = wanted != -100
        losses: torch.Tensor = -(chosen * kept).sum(-1) / kept.sum(-1)
        return losses

    def expected(self, samples: Sequence[Sample]) -> float:
        """Return the share of the tokens of the samples' targets that the model holds for the likeliest, each behind those before."""
        inputs, references = self.encoder.inputs(samples), self.encoder.references([str(s.target) for s in samples])
        rows: list[Row] = [{**row, "labels": labels} for row, labels in zip(inputs, references, strict=True)]

        def step(indices: list[int]) -> list[int]:
            texts = [references[at] for at in indices]
            with torch.inference_mode(), autocast(self.device, self.precision):
                known = self.log_probabilities(
                    [inputs[at] for at in indices], texts, [range(len(text)) for text in texts]
                )
            best = known.argmax(-1).cpu().tolist()
            return [sum(a == b for a, b in zip(text, own, strict=False)) for text, own in zip(texts, best, strict=True)]

        return sum(run_batched(rows, step)) / sum(map(len, references))

    def log_probabilities(
        self, rows: Sequence[Row], texts: Sequence[Sequence[int]], places: Sequence[Sequence[int]]
    ) -> torch.Tensor:
        """Return the logarithm of every token's probability at some places of given texts, differentiable.

        Args:
            rows: Token rows of the inputs of one batch.
            texts: For each the tokens that are written.
            places: For each which of its tokens are asked for; what stands before one decides on it.

        Returns:
            Shape ``[rows, most places, vocabulary]``; a row with fewer places repeats its first at the end.
        """
        causal = self.encoder.causal
        labeled: list[Row] = [{**row, "labels": list(text)} for row, text in zip(rows, texts, strict=True)]
        tensors = generation_tensors(labeled, self.encoder.tokenizer.pad_token_id, causal)
        tensors = {name: tensor.to(self.device) for name, tensor in tensors.items()}
        labels = tensors.pop("labels")
        # Behind a decoder-only model's token stands what it expects next.
        starts = [len(row["input_ids"]) - 1 if causal else 0 for row in rows]
        most = max(map(len, places))
        at = torch.tensor(
            [
                [start + place for place in [*own, *[own[0]] * (most - len(own))]]
                for start, own in zip(starts, places, strict=True)
            ],
            device=self.device,
        )
        kept, at = torch.unique(at, return_inverse=True)
        # Most of a prompt's places are not asked for, and the projection to the vocabulary is most of a small model's work.
        if causal and "logits_to_keep" in signature(self.model.forward).parameters:
            logits = self.model(**tensors, logits_to_keep=kept).logits
        else:
            logits = self.model(**tensors, **({} if causal else {"labels": labels})).logits[:, kept]
        found: torch.Tensor = (
            logits.gather(1, at.unsqueeze(-1).expand(-1, -1, logits.shape[-1])).float().log_softmax(-1)
        )
        return found


def _difference(text: Sequence[int], other: Sequence[int]) -> Continuation:
    """Return the tokens between what two texts begin and end with alike, and what stands before them."""
    most = min(len(text), len(other))
    start = next((at for at in range(most) if text[at] != other[at]), most)
    end = next((at for at in range(most - start) if text[-1 - at] != other[-1 - at]), most - start)
    return Continuation(tuple(text[:start]), tuple(text[start : len(text) - end]))


def _parts(goal: Objective) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the tokens that are given, and those that count."""
    if isinstance(goal, Continuation):
        return goal.before, goal.text
    return (), goal if isinstance(goal, tuple) else ()


def generation_tensors(rows: Sequence[Row], padding: int, causal: bool) -> dict[str, torch.Tensor]:
    """Pad input rows with their references; for a decoder-only model both are one sequence, the input unlabeled."""
    if causal:
        ids = [row["input_ids"] + row["labels"] for row in rows]
        labels = [[-100] * len(row["input_ids"]) + row["labels"] for row in rows]
    else:
        ids, labels = [row["input_ids"] for row in rows], [row["labels"] for row in rows]
    return {
        "input_ids": pad(ids, padding),
        "attention_mask": pad([[1] * len(row) for row in ids], 0),
        "labels": pad(labels, -100),
    }
