"""What every training-stage defense promises, checked for each one that is registered."""

import pytest
import torch

from codeward.defenses.training import training_defenses

NAMES = training_defenses.names()


@pytest.fixture(params=NAMES)
def defense(request):
    return training_defenses.make(request.param)


def draw(*shape, classes=7):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(*shape, classes, generator=generator, requires_grad=True)
    labels = torch.randint(0, classes, shape, generator=generator)
    return logits, labels


def test_it_is_documented_with_its_source(defense):
    name = training_defenses.name_of(defense)
    assert training_defenses.summary(name)
    assert all(option.description for option in training_defenses.options(name))


@pytest.mark.parametrize("epoch", [1, 1.5, 9])
def test_the_mean_is_over_labeled_positions_only(defense, epoch):
    logits, labels = draw(4, 6)
    labels[:, 4:] = -100
    mean = defense.loss(logits, labels, epoch=epoch)
    total = defense.loss(logits, labels, epoch=epoch, reduction="sum")
    alone = defense.loss(logits[:, :4], labels[:, :4], epoch=epoch)
    assert mean.ndim == total.ndim == 0
    assert mean.item() == pytest.approx(total.item() / 16, rel=1e-5)
    assert mean.item() == pytest.approx(alone.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(mean, logits)
    assert gradient.isfinite().all()
    assert (gradient[:, 4:] == 0).all()


def test_a_batch_without_labels_gives_zero(defense):
    logits, labels = draw(3)
    assert defense.loss(logits, torch.full_like(labels, -100), epoch=1).item() == 0


def test_narrow_and_extreme_logits_stay_finite(defense):
    logits, labels = draw(5)
    for scaled in (logits.detach() * 1e4, logits.detach().bfloat16() * 100):
        leaf = scaled.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(defense.loss(leaf, labels, epoch=2), leaf)
        assert gradient.isfinite().all()


def test_it_pulls_towards_the_label(defense):
    logits = torch.zeros(64, 7, requires_grad=True)
    labels = torch.arange(64) % 7
    optimizer = torch.optim.SGD([logits], lr=20.0)
    for _ in range(60):
        optimizer.zero_grad()
        defense.loss(logits, labels, epoch=1).backward()
        optimizer.step()
    assert (logits.argmax(-1) == labels).all()
