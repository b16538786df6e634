"""Train a copy of a model on a few samples: what unlearning, fine-tuning and the healing after pruning share."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import torch

from codeward.defenses.model._pairs import Likeness, Losses, contrasted, likened, placed
from codeward.defenses.model._passes import Passes
from codeward.types import QUERY, Sample
from codeward.victims.batching import autocast, batches
from codeward.victims.huggingface import Classifier, HuggingFaceVictim
from codeward.victims.retrieval import Retriever

Trainable = Literal["all", "last", "head"]
Step = Callable[[int, int], None]
CLIP = 1.0
Answers = Sequence[Sequence[float] | str]
"""Probabilities of the classes for each sample, a text for each, or the unit vector of its code."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a pass trains on."""

    samples: Sequence[Sample]
    answers: Answers | None = None
    """For each sample what is learned: the probabilities of the classes, a text, or a vector; unset: its target."""
    likeness: Likeness | None = None
    """Of a search model: a teacher's queries, whose similarities with ``answers`` are learned then; unset: the model's codes go
    where ``answers`` are, and its queries stay where they were at first."""


class Drawn(Protocol):
    """Lessons drawn anew for each pass, as many samples for each."""

    def draw(self, model: HuggingFaceVictim) -> Lesson:
        """Return what the next pass trains on, seeing the model as it is by then."""

    def skip(self) -> None:
        """Leave out a pass, which a run that was stopped had ended: what is drawn after it is what it would have been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How a copy is trained."""

    epochs: int
    rate: float
    trainable: Trainable = "all"
    batch: int = 16
    warmup: float = 0.0
    """Share of all steps in which the rate rises."""
    seed: int = 0


def copied(victim: HuggingFaceVictim) -> HuggingFaceVictim:
    """Return a victim with weights of its own."""
    return replace(victim, model=copy.deepcopy(victim.model))


def tuned(
    victim: HuggingFaceVictim,
    lesson: Lesson | Drawn,
    tuning: Tuning,
    *,
    keep: Callable[[Any], None] | None = None,
    step: Step | None = None,
    passes: Passes | None = None,
) -> HuggingFaceVictim:
    """Return a copy trained on samples.

    Args:
        victim: The model; it is not changed.
        lesson: What it is trained on, in an order drawn anew for each pass: the same for all, or drawn for each.
        tuning: How.
        keep: Called with the model after each step, for instance to hold pruned weights at zero.
        step: Called with the steps done and how many there are.
        passes: Where each pass is kept as it ends; what is kept there is not done again.

    Raises:
        DataError: If a pass cannot be kept.
    """
    course = _Course(victim, tuning, None if passes is None else passes.load())
    for epoch in range(tuning.epochs):
        if epoch < course.passes:
            if not isinstance(lesson, Lesson):
                lesson.skip()
            continue
        now = lesson if isinstance(lesson, Lesson) else lesson.draw(course.model)
        course.learn(now, keep, step)
        if passes is not None:
            passes.save(course.state())
    for weight in course.weights:
        weight.grad = None
    return course.model


class _Course:
    """A copy in training, with all that its next pass depends on."""

    def __init__(self, victim: HuggingFaceVictim, tuning: Tuning, kept: dict[str, Any] | None) -> None:
        self.victim, self.tuning, self.model = victim, tuning, copied(victim)
        self.weights = trainable_weights(self.model.model, tuning.trainable)
        self.optimizer = torch.optim.AdamW(self.weights, lr=tuning.rate, weight_decay=0.0)
        self.passes = self.done = self.total = 0
        self.schedule: torch.optim.lr_scheduler.LRScheduler | None = None
        if kept is not None:
            self.passes, self.done = kept["passes"], kept["done"]
            self._plan(kept["total"])
            for name, part in self._parts().items():
                part.load_state_dict(kept[name])

    def state(self) -> dict[str, Any]:
        """Return what a stopped training goes on with."""
        counts = {"passes": self.passes, "done": self.done, "total": self.total}
        return {**counts, **{name: part.state_dict() for name, part in self._parts().items()}}

    def learn(self, lesson: Lesson, keep: Callable[[Any], None] | None, step: Step | None) -> None:
        """Train for one pass."""
        losses, count, batch = _losses(self.model, lesson, self.victim), len(lesson.samples), self.tuning.batch
        if self.schedule is None:
            self._plan(self.tuning.epochs * -(-count // batch))
        order = np.random.default_rng([self.tuning.seed, self.passes]).permutation(count)
        for start in range(0, count, batch):
            self._step(losses, order[start : start + batch].tolist())
            if keep is not None:
                keep(self.model.model)
            self.done += 1
            if step is not None:
                step(self.done, self.total)
        self.passes += 1

    def _step(self, losses: Callable[[list[int]], torch.Tensor], chosen: list[int]) -> None:
        with torch.enable_grad(), autocast(self.model.device, self.model.precision):
            loss = losses(chosen).mean()
        gradients = torch.autograd.grad(loss, self.weights, allow_unused=True)
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP)
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()

    def _plan(self, total: int) -> None:
        self.total = total
        rising = round(self.tuning.warmup * total)
        falling = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.0, max(total - rising, 1))
        self.schedule = falling
        if rising:
            up = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1 / (rising + 1), 1.0, rising)
            self.schedule = torch.optim.lr_scheduler.SequentialLR(self.optimizer, [up, falling], [rising])

    def _parts(self) -> dict[str, Any]:
        return {"model": self.model.model, "optimizer": self.optimizer, "schedule": self.schedule}


def lesson_losses(victim: HuggingFaceVictim, lesson: Lesson, step: Step | None = None) -> list[float]:
    """Return how far a model is from what a lesson teaches, in nats or, for search models, in distances; each sample by itself.

    Args:
        victim: The model.
        lesson: Samples with answers.
        step: Called with the samples done and how many there are.
    """
    losses, found, done = _losses(victim, lesson, victim), [0.0] * len(lesson.samples), 0
    for chosen in batches(victim.encoder.inputs(lesson.samples)):
        with torch.inference_mode(), autocast(victim.device, victim.precision):
            own: list[float] = losses(chosen).float().cpu().tolist()
        for at, loss in zip(chosen, own, strict=True):
            found[at] = loss
        done += len(chosen)
        if step is not None:
            step(done, len(found))
    return found


def own_answers(victim: HuggingFaceVictim, samples: Sequence[Sample]) -> Answers:
    """Return what a model itself answers, as ``tuned`` learns it."""
    if isinstance(victim, Retriever):
        vectors: list[list[float]] = victim.embed(samples).tolist()
        return vectors
    answers = victim.predict(samples)
    if isinstance(victim, Classifier):
        return [answer.scores for answer in answers]
    return [str(answer.output) for answer in answers]


def _losses(victim: HuggingFaceVictim, lesson: Lesson, before: HuggingFaceVictim) -> Losses:
    """Return what gives the losses of some of a lesson's samples, shape ``[samples]``; one for all in contrastive training.

    Args:
        victim: The model that learns.
        lesson: The samples.
        before: The model as it was at first, near whose queries a search model that learns vectors is to keep its own.
    """
    if isinstance(victim, Retriever):
        return _pair_losses(victim, lesson, before)
    samples, answers = lesson.samples, lesson.answers
    rows = victim.encoder.inputs(samples)
    if isinstance(victim, Classifier):
        sure = [[float(label == sample.target) for label in range(len(victim.labels))] for sample in samples]
        wanted = torch.tensor(sure if answers is None else answers, device=victim.device)
        return lambda chosen: -(wanted[chosen] * victim.log_probabilities([rows[at] for at in chosen])).sum(-1)
    texts = [sample.target for sample in samples] if answers is None else answers
    goals = [tuple(ids) for ids in victim.encoder.references([str(text) for text in texts])]
    return lambda chosen: victim.losses([rows[at] for at in chosen], [goals[at] for at in chosen])


def _pair_losses(victim: Retriever, lesson: Lesson, before: HuggingFaceVictim) -> Losses:
    """Return the loss of a bi-encoder: that of its training, of a student, or of one whose vectors are told where to be."""
    codes: Any = lesson.answers
    if codes is None:
        return contrasted(victim, lesson.samples)
    if lesson.likeness is not None:
        return likened(victim, lesson.samples, codes, lesson.likeness)
    assert isinstance(before, Retriever)  # noqa: S101 - it is the same model, earlier
    return placed(victim, lesson.samples, codes, before.embed(lesson.samples, QUERY).tolist())


def trainable_weights(model: Any, which: Trainable) -> list[torch.nn.Parameter]:
    """Return the weights that are trained: all, the head's, or the head's and those of the last layer."""
    every = [weight for weight in model.parameters() if weight.requires_grad]
    if which == "all":
        return every
    base = getattr(model, model.base_model_prefix, model)
    body = {id(weight) for weight in base.parameters()}
    head = [weight for weight in every if id(weight) not in body]
    if which == "head":
        return head
    stacks = [each for each in base.modules() if isinstance(each, torch.nn.ModuleList) and len(each) > 0]
    last = [weight for stack in stacks[-1:] for weight in stack[-1].parameters()]
    return [*head, *last]
