"""Deceptive cross-entropy against a dense float64 reading of the formula: value, gradient, bounds."""

import pytest
import torch

from codeward.defenses.training.dece import deceptive_cross_entropy, linear_deceptive_cross_entropy

CASES = [
    (alpha, smoothing, epoch)
    for alpha, epoch in ((0.99, 1), (0.985, 12), (0.8, 5), (0.5, 20), (1.0, 3), (0.99, 2.5))
    for smoothing in (0.0, 0.05, 0.3)
]


@pytest.mark.parametrize(("alpha", "smoothing", "epoch"), CASES)
@pytest.mark.parametrize("classes", [2, 3, 5, 14, 67])
def test_value_and_gradient_are_those_of_the_formula(alpha, smoothing, epoch, classes, dense, draw):
    logits, labels = draw(40, classes)
    options = {"alpha": alpha, "smoothing": smoothing, "epoch": epoch}
    weight = torch.rand(classes, dtype=torch.float64) + 0.1
    for extra in ({}, {"reduction": "sum"}, {"weight": weight}, {"reduction": "none", "weight": weight}):
        ours = deceptive_cross_entropy(logits, labels, **options, **extra)
        theirs = dense(logits, labels, **options, **extra)
        up = torch.rand(theirs.shape, dtype=torch.float64)
        (mine,) = torch.autograd.grad(ours, logits, up)
        (right,) = torch.autograd.grad(theirs, logits, up)
        assert torch.allclose(ours, theirs, atol=1e-9)
        assert torch.allclose(mine, right, atol=1e-9)


def test_it_is_cross_entropy_where_nothing_is_mixed(draw):
    logits, labels = draw(50, 30)
    for smoothing in (0.0, 0.1):
        ours = deceptive_cross_entropy(logits, labels, alpha=1, smoothing=smoothing, epoch=7)
        theirs = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        assert ours.item() == pytest.approx(theirs.item(), abs=1e-9)
        (mine,), (right,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
        assert torch.allclose(mine, right, atol=1e-9)


def test_gradcheck(draw):
    logits, labels = draw(7, 9)
    hidden = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    matrix = torch.randn(9, 4, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(9, dtype=torch.float64, requires_grad=True)
    options = {"alpha": 0.9, "smoothing": 0.1, "epoch": 4}
    for reduction in ("mean", "sum", "none"):
        assert torch.autograd.gradcheck(
            lambda z, r=reduction: deceptive_cross_entropy(z, labels, **options, reduction=r), logits
        )
        assert torch.autograd.gradcheck(
            lambda h, w, b, r=reduction: linear_deceptive_cross_entropy(h, w, labels, bias=b, **options, reduction=r),
            (hidden, matrix, bias),
        )


def test_the_pull_of_a_contradicting_label_is_bounded():
    """The gradient of the label's term is at most a / (1 - a), and falls with the epochs (arXiv 2407.08956, section 4)."""
    logits = torch.zeros(1, 10, dtype=torch.float64)
    logits[0, 0] = 40.0
    label, last = torch.tensor([3]), float("inf")
    for epoch in range(1, 30):
        z = logits.clone().requires_grad_()
        (found,) = torch.autograd.grad(deceptive_cross_entropy(z, label, alpha=0.9, smoothing=0.0, epoch=epoch), z)
        share = 0.9**epoch
        assert found.abs().max() <= share / (1 - share) * 1e-10
        fixed = torch.tensor([[1.0, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
        (pull,) = torch.autograd.grad(
            deceptive_cross_entropy(fixed, torch.tensor([1]), alpha=0.9, smoothing=0.0, epoch=epoch), fixed
        )
        assert pull[0, 1].abs() < last
        last = pull[0, 1].abs()


def test_the_fused_form_equals_the_dense_one():
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(3, 11, 16, generator=generator).requires_grad_()
    matrix = torch.randn(300, 16, generator=generator).requires_grad_()
    bias = torch.randn(300, generator=generator).requires_grad_()
    labels = torch.randint(0, 300, (3, 11), generator=generator)
    labels[:, 7:] = -100
    options = {"alpha": 0.98, "smoothing": 0.1, "epoch": 2}
    weight = torch.rand(300, generator=generator)
    for reduction in ("mean", "sum", "none"):
        ours = linear_deceptive_cross_entropy(
            hidden, matrix, labels, bias=bias, **options, reduction=reduction, class_weight=weight
        )
        theirs = deceptive_cross_entropy(
            torch.nn.functional.linear(hidden, matrix, bias), labels, **options, reduction=reduction, weight=weight
        )
        up = torch.rand(theirs.shape, generator=generator)
        mine = torch.autograd.grad(ours, (hidden, matrix, bias), up)
        right = torch.autograd.grad(theirs, (hidden, matrix, bias), up)
        assert torch.allclose(ours, theirs, rtol=1e-5)
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(mine, right, strict=True))


def test_halves_of_a_batch_add_up(draw):
    """Two accumulation steps of four rows give the gradient of one batch of eight."""
    logits, labels = draw(8, 12)
    labels = labels.clamp(min=0)
    options = {"alpha": 0.95, "smoothing": 0.1, "epoch": 2}
    (whole,) = torch.autograd.grad(deceptive_cross_entropy(logits, labels, **options), logits)
    parts = [
        torch.autograd.grad(deceptive_cross_entropy(logits[s], labels[s], **options, reduction="sum") / 8, logits)[0]
        for s in (slice(0, 4), slice(4, 8))
    ]
    assert torch.allclose(whole, sum(parts), atol=1e-12)


def test_nothing_labeled_and_inputs_untouched(draw):
    logits, labels = draw(6, 5)
    before = logits.detach().clone()
    deceptive_cross_entropy(logits, labels, alpha=0.9, smoothing=0.1, epoch=1).backward()
    assert torch.equal(logits.detach(), before)
    assert (logits.grad[labels == -100] == 0).all()
    none = torch.full((6,), -100)
    total = deceptive_cross_entropy(logits, none, alpha=0.9, smoothing=0.1, epoch=1, reduction="sum")
    assert total.item() == 0
    assert deceptive_cross_entropy(logits, none, alpha=0.9, smoothing=0.1, epoch=1).item() == 0
    with torch.no_grad():
        assert deceptive_cross_entropy(logits, labels, alpha=0.9, smoothing=0.1, epoch=1).requires_grad is False


def test_logits_that_are_no_numbers_stay_visible(draw):
    logits, labels = draw(6, 5)
    broken = logits.detach().clone()
    broken[1, 2] = float("nan")
    assert deceptive_cross_entropy(broken, labels, alpha=0.9, smoothing=0.1, epoch=1).isnan()


def test_narrow_labels_and_classes_that_count_nothing():
    logits = torch.randn(4, 5, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3], dtype=torch.uint8)
    options = {"alpha": 0.9, "smoothing": 0.1, "epoch": 1}
    assert torch.equal(
        deceptive_cross_entropy(logits, labels, **options), deceptive_cross_entropy(logits, labels.long(), **options)
    )
    assert deceptive_cross_entropy(logits, labels, **options, weight=torch.zeros(5)).item() == 0
