"""A tiny training by deceptive cross-entropy against the paper's equations, read without torch."""

import math

import pytest
import torch

from codeward.defenses.training.dece import DeCE


def by_hand(logits, labels, alpha, smoothing, epoch):
    """Return the mean loss as the paper's equations read, number by number, without torch."""
    losses = []
    for row, label in zip(logits, labels, strict=True):
        if label == -100:
            continue
        total = math.fsum(math.exp(z) for z in row)
        share, loss = alpha**epoch, 0.0
        for place, z in enumerate(row):
            wanted = (1 - smoothing) * (place == label) + smoothing / len(row)
            loss -= wanted * math.log(share * math.exp(z) / total + (1 - share) * wanted)
        losses.append(loss)
    return math.fsum(losses) / len(losses)


GOLDEN = [
    1.001779,
    0.875073,
    0.665019,
    0.649048,
    0.554284,
    0.550702,
    0.491702,
    0.490615,
    0.450313,
    0.449922,
    0.421382,
    0.421224,
]
"""From ``by_hand`` alone, with its gradient by central differences."""


def test_the_losses_of_a_tiny_training_over_epochs_are_golden():
    """A linear model of three features; two of nine rows are masked, one has a label that contradicts its twin."""
    features = torch.tensor(
        [[math.sin(3 * row + column) for column in range(3)] for row in range(9)], dtype=torch.float64
    )
    features[8] = features[0]
    labels = torch.tensor([0, 1, -100, 3, 2, 1, -100, 3, 2])
    weight = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
    defense = DeCE(alpha=0.8, smoothing=0.1)
    seen = []
    for step in range(12):
        epoch = 1 + step / 2  # two steps an epoch: the schedule goes by whole epochs
        logits = features @ weight.T
        loss = defense.loss(logits, labels, epoch=epoch)
        assert loss.item() == pytest.approx(by_hand(logits.tolist(), labels.tolist(), 0.8, 0.1, int(epoch)), abs=1e-12)
        (gradient,) = torch.autograd.grad(loss, weight)
        with torch.no_grad():
            weight -= 2.0 * gradient
        seen.append(loss.item())
    assert seen == pytest.approx(GOLDEN, abs=1e-6)
