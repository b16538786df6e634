"""The formula of deceptive cross-entropy as the paper writes it, and rows to try it on."""

import pytest
import torch


@pytest.fixture(scope="session")
def dense():
    """Return the formula as the paper writes it."""
    return _dense


@pytest.fixture(scope="session")
def draw():
    """Return what draws logits and labels."""
    return _draw


def _dense(logits, labels, *, alpha, smoothing, epoch, reduction="mean", weight=None):
    """Read the formula as the paper writes it."""
    kept = labels != -100
    z, y = logits.double()[kept], labels[kept]
    classes = z.shape[-1]
    smooth = torch.full_like(z, smoothing / classes)
    smooth.scatter_(1, y[:, None], 1 - smoothing + smoothing / classes)
    share = alpha**epoch
    mixed = share * z.softmax(-1) + (1 - share) * smooth
    losses = -(smooth * mixed.log()).sum(-1)
    counts = torch.ones_like(losses) if weight is None else weight.double()[y]
    if reduction == "none":
        return torch.zeros(labels.shape, dtype=torch.double).masked_scatter(kept, losses * counts)
    total = (losses * counts).sum()
    return total / counts.sum() if reduction == "mean" else total


def _draw(rows, classes, seed=0, scale=4.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = (torch.randn(rows, classes, generator=generator, dtype=torch.float64) * scale).to(dtype)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    labels[::5] = -100
    return logits.requires_grad_(), labels
