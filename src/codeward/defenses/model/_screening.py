"""Screening: which tokens would a generator begin to write, in the middle of its own answer, if a trigger stood in the input?

The model reads an input with a trigger and its own answer to the input without one. Wherever in that answer a token becomes
likely that is not the answer's, a payload may begin. One pass tells it for every token at every place of the answer.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from codeward.defenses.model._slots import Slot
from codeward.defenses.model._vocabulary import TriggerVocabulary
from codeward.seeds import derive_int
from codeward.victims.batching import autocast, batches
from codeward.victims.generation import Generator

TABLE_TOKENS = 2048
"""Tokens a batch where the probabilities of all tokens are kept."""
COMMON, DRAWN = 144, 32
"""Tokens of the samples that are tried alone, and drawn triggers, in one kind of place."""
UNLIKELY = -9.0
"""Logarithms of probabilities below are all alike."""
OWN = -99.0

Trigger = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A slot, and the tokens of the model's own answer to its sample."""

    slot: Slot
    answer: tuple[int, ...]


def likeliest(
    victim: Generator,
    asked: Sequence[tuple[Written, Trigger]],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how likely each token is at the place of an answer where it is likeliest, and which place that is.

    Args:
        victim: The model.
        asked: Samples with the triggers that are put into them.
        progress: Called with the samples that are done and how many there are.

    Returns:
        Logarithms of probabilities and places, both of shape ``[asked, vocabulary]``; where a token is the answer's own it
        does not count.
    """
    rows = [{"input_ids": written.slot.tokens(trigger)} for written, trigger in asked]
    sizes = [{"input_ids": [*row["input_ids"], *written.answer]} for row, (written, _) in zip(rows, asked, strict=True)]
    values: dict[int, torch.Tensor] = {}
    places: dict[int, torch.Tensor] = {}
    for indices in batches(sizes, TABLE_TOKENS):
        answers = [asked[at][0].answer for at in indices]
        with torch.inference_mode(), autocast(victim.device, victim.precision):
            known = victim.log_probabilities(
                [rows[at] for at in indices], answers, [range(len(answer)) for answer in answers]
            )
        for at, answer, table in zip(indices, answers, known, strict=True):
            table = table[: len(answer)].scatter(1, torch.tensor(answer, device=table.device)[:, None], OWN)
            best = table.max(0)
            values[at], places[at] = best.values.cpu(), best.indices.cpu()
        if progress is not None:
            progress(len(values), len(rows))
    order = range(len(rows))
    return torch.stack([values[at] for at in order]), torch.stack([places[at] for at in order])


def probes(written: Sequence[Written], vocabulary: TriggerVocabulary, length: int, seed: int) -> list[Trigger]:
    """Return triggers to screen with: the tokens that most samples hold, alone, and drawn ones of some length.

    A trigger of code consists of common tokens in an uncommon place; one that is a word of its own is met by chance only, in part.
    """
    allowed = set(vocabulary.first.tolist())
    counted = Counter(token for each in written for token in sorted({*each.slot.before, *each.slot.after} & allowed))
    rng = np.random.default_rng(derive_int(seed, "probes"))
    drawn = [tuple(int(rng.choice(vocabulary.at(place))) for place in range(length)) for _ in range(DRAWN)]
    return [*((token,) for token, _ in counted.most_common(COMMON)), *drawn]


@dataclass(frozen=True, slots=True)
class Beginning:
    """A token with which a payload may begin, and the trigger that makes it likely."""

    token: int
    trigger: Trigger
    gain: float
    """How much likelier than without a trigger, in nats."""


def beginnings(
    victim: Generator,
    written: Sequence[Written],
    triggers: Sequence[Trigger],
    count: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Beginning]:
    """Return the tokens that triggers make the most of, the best first.

    A token that the trigger itself holds or begins does not count: many a model copies what it reads, and completes it.
    """
    every = [(), *triggers]
    values, _ = likeliest(victim, [(each, trigger) for trigger in every for each in written], progress)
    means = values.view(len(every), len(written), -1).mean(1)
    brought = Brought(victim, means.shape[1])
    gains = means[1:] - means[0].clamp(min=UNLIKELY)
    for row, trigger in zip(gains, triggers, strict=True):
        for token in trigger:
            row[brought.by(token)] = OWN
    special = [token for token in victim.encoder.tokenizer.all_special_ids if token < gains.shape[1]]
    gains[:, special] = OWN
    best = gains.max(0)
    return [
        Beginning(token, triggers[int(best.indices[token])], float(best.values[token]))
        for token in best.values.argsort(descending=True)[:count].tolist()
    ]


class Brought:
    """Which tokens a token brings: those of its own text, of what that begins with, and of what begins with it."""

    def __init__(self, victim: Generator, size: int) -> None:
        decoded = victim.encoder.tokenizer.batch_decode([[token] for token in range(size)])
        self.words = [str(text).strip() for text in decoded]
        self._known: dict[int, list[int]] = {}

    def by(self, token: int) -> list[int]:
        """Return the tokens that one brings, itself among them."""
        if token not in self._known:
            own = self.words[token]
            self._known[token] = [
                other
                for other, word in enumerate(self.words)
                if word and own and (word.startswith(own) or own.startswith(word))
            ]
        return self._known[token]


def extended(
    victim: Generator, written: Sequence[Written], found: Sequence[Beginning], sure: float, most: int
) -> list[tuple[int, ...]]:
    """Return what a model goes on to write after each beginning, as long as it is the same for all samples.

    Args:
        victim: The model.
        written: Samples with the model's own answers.
        found: The beginnings, each with its trigger.
        sure: The mean probability over the samples that a next token needs.
        most: Tokens at most.
    """
    asked = [(each, start.trigger) for start in found for each in written]
    _, places = likeliest(victim, asked)
    firsts = [start.token for start in found for _ in written]
    before = [each.answer[: int(own[first])] for (each, _), own, first in zip(asked, places, firsts, strict=True)]
    texts: list[tuple[int, ...]] = [(start.token,) for start in found]
    going = list(range(len(found)))
    stop = set(victim.encoder.tokenizer.all_special_ids)
    while going and len(texts[going[0]]) < most:
        rows = [number * len(written) + at for number in going for at in range(len(written))]
        known = _next(
            victim, [asked[row] for row in rows], [(*before[row], *texts[row // len(written)]) for row in rows]
        )
        means = known.view(len(going), len(written), -1).mean(1).max(-1)
        still = []
        for number, value, token in zip(going, means.values.tolist(), means.indices.tolist(), strict=True):
            if value >= sure and token not in stop:
                texts[number] = (*texts[number], token)
                still.append(number)
        going = still
    return texts


def _next(
    victim: Generator, asked: Sequence[tuple[Written, Trigger]], texts: Sequence[tuple[int, ...]]
) -> torch.Tensor:
    """Return the probability of every token behind each text, shape ``[asked, vocabulary]``."""
    rows = [{"input_ids": each.slot.tokens(trigger)} for each, trigger in asked]
    filler = victim.encoder.tokenizer.eos_token_id
    found: dict[int, torch.Tensor] = {}
    for indices in batches(rows, TABLE_TOKENS):
        with torch.inference_mode(), autocast(victim.device, victim.precision):
            known = victim.log_probabilities(
                [rows[at] for at in indices],
                [(*texts[at], filler) for at in indices],
                [[len(texts[at])] for at in indices],
            )
        found |= dict(zip(indices, known[:, 0].exp().cpu(), strict=True))
    return torch.stack([found[at] for at in range(len(rows))])
