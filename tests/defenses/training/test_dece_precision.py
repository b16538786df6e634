"""Deceptive cross-entropy in narrow types, in mixed precision and at the edges of what a type holds."""

import pytest
import torch

from codeward.defenses.training.dece import deceptive_cross_entropy, linear_deceptive_cross_entropy


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [1.0, 30.0, 3000.0])
def test_narrow_types_and_extreme_logits(dtype, scale, dense, draw):
    logits, labels = draw(60, 501, scale=scale, dtype=dtype)
    options = {"alpha": 0.99, "smoothing": 0.1, "epoch": 3}
    ours, theirs = deceptive_cross_entropy(logits, labels, **options), dense(logits, labels, **options)
    (mine,), (right,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
    assert mine.dtype == dtype
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(theirs.item(), rel=2e-5)
    tight = 1e-7 if dtype == torch.float32 else 1e-3
    assert torch.allclose(mine.double(), right.double(), atol=tight)


def test_a_large_vocabulary_in_single_precision(dense, draw):
    for classes in (32_000, 50_257, 128_001):
        logits, labels = draw(12, classes, dtype=torch.float32, scale=8.0)
        options = {"alpha": 0.999, "smoothing": 0.05, "epoch": 1}
        ours, theirs = deceptive_cross_entropy(logits, labels, **options), dense(logits, labels, **options)
        (mine,), (right,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
        assert torch.allclose(mine.double(), right.double(), atol=1e-7)


@pytest.mark.parametrize("alpha", [0.9999, 0.99999, 0.9999999])
def test_an_alpha_near_one_does_not_overflow(alpha, dense, draw):
    """Several columns share the probability, so that their product is as large as it gets."""
    classes = 128_000
    logits, labels = draw(6, classes, dtype=torch.float32, scale=0.0)
    with torch.no_grad():
        logits[:, :: classes // 4] = 60
    options = {"alpha": alpha, "smoothing": 0.05, "epoch": 1}
    ours, theirs = deceptive_cross_entropy(logits, labels, **options), dense(logits, labels, **options)
    (mine,), (right,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)
    assert torch.allclose(mine.double(), right.double(), atol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_form_in_mixed_precision(dtype, reduction, monkeypatch, dense):
    """Hidden states may be narrow already, the projection is not; the sums over chunks are wide."""
    monkeypatch.setattr("codeward.defenses.training._deceptive.FUSED_CHUNK", 0)  # chunks of 16 rows
    generator = torch.Generator().manual_seed(2)
    hidden = torch.randn(100, 16, generator=generator).to(dtype).requires_grad_()
    matrix = torch.randn(50, 16, generator=generator).requires_grad_()
    bias = torch.randn(50, generator=generator).requires_grad_()
    labels = torch.randint(0, 50, (100,), generator=generator)
    options = {"alpha": 0.9, "smoothing": 0.1, "epoch": 2, "reduction": reduction}
    inputs = (hidden, matrix, bias)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = linear_deceptive_cross_entropy(hidden, matrix, labels, bias=bias, **options)
    theirs = dense(torch.nn.functional.linear(*(each.double() for each in inputs)), labels, **options)
    assert ours.dtype == torch.float32
    mine = torch.autograd.grad(ours.sum(), inputs)
    right = torch.autograd.grad(theirs.sum(), inputs)
    assert [each.dtype for each in mine] == [dtype, torch.float32, torch.float32]
    assert torch.allclose(ours.double(), theirs, rtol=0.05, atol=0.02)
    assert all(
        (a.double() - b).norm() < 0.01 * b.norm() for a, b in zip(mine, (r.double() for r in right), strict=True)
    )


@pytest.mark.parametrize("lift", [1.0, 1024.0, 65536.0])
def test_half_precision_bears_the_scale_of_a_loss(lift):
    """As with torch's cross-entropy under autocast; the mean over 2,048 rows leaves gradients too small for fp16."""
    torch.manual_seed(0)
    hidden, weight = torch.randn(2048, 16), torch.randn(1000, 16)
    labels = torch.randint(0, 1000, (2048,))
    options = {"alpha": 1.0, "smoothing": 0.1, "epoch": 1}
    exact = [tensor.double().requires_grad_() for tensor in (hidden, weight)]
    wanted = deceptive_cross_entropy(exact[0] @ exact[1].T, labels, **options)
    right = torch.autograd.grad(wanted, exact)
    logits = (hidden @ weight.T).half().requires_grad_()
    (mine,) = torch.autograd.grad(deceptive_cross_entropy(logits, labels, **options) * lift, logits)
    theirs = torch.nn.functional.cross_entropy(logits.float(), labels, label_smoothing=0.1) * lift
    assert torch.allclose(mine, torch.autograd.grad(theirs, logits)[0], rtol=2e-3, atol=1e-7)
    narrow = [tensor.half().requires_grad_() for tensor in (hidden, weight)]
    fused = linear_deceptive_cross_entropy(narrow[0], narrow[1], labels, **options)
    for ours, known in zip(torch.autograd.grad(fused * lift, narrow), right, strict=True):
        error = (ours.double() / lift - known).norm() / known.norm()
        assert error < (0.15 if lift == 1 else 0.01), "of fp16 itself, which does not hold gradients of 1e-7"
    with torch.autocast("cpu", dtype=torch.float16):
        wide = [tensor.clone().requires_grad_() for tensor in (hidden, weight)]
        fused = linear_deceptive_cross_entropy(wide[0], wide[1], labels, **options)
    for ours, known in zip(torch.autograd.grad(fused * lift, wide), right, strict=True):
        assert (ours.double() / lift - known).norm() < 1e-3 * known.norm()


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_autocast_leaves_double_precision_alone(reduction, dense):
    generator = torch.Generator().manual_seed(3)
    hidden, matrix, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in ((8, 4), (5, 4), (5,))
    )
    labels = torch.tensor([0, 1, 2, 3, 4, 0, -100, 2])
    options = {"alpha": 0.9, "smoothing": 0.1, "epoch": 2, "reduction": reduction}
    theirs = dense(torch.nn.functional.linear(hidden, matrix, bias), labels, **options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = linear_deceptive_cross_entropy(hidden, matrix, labels, bias=bias, **options)
    assert ours.dtype == torch.float64
    assert torch.allclose(ours, theirs, atol=1e-12)
    mine, right = (torch.autograd.grad(loss.sum(), (hidden, matrix, bias)) for loss in (ours, theirs))
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(mine, right, strict=True))


@pytest.mark.parametrize("alpha", [0.01, 0.9, 0.9999999, 1.0])
@pytest.mark.parametrize("smoothing", [5e-324, 1e-40, 1e-37, 1e-30, 1e-20])
def test_smoothing_that_a_type_cannot_hold_counts_as_none(alpha, smoothing, draw):
    for dtype, tight in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        logits, labels = draw(20, 501, dtype=dtype)
        found, plain = (
            deceptive_cross_entropy(logits, labels, alpha=alpha, smoothing=each, epoch=9) for each in (smoothing, 0.0)
        )
        assert found.item() == pytest.approx(plain.item(), abs=tight)
        mine, right = (torch.autograd.grad(loss, logits)[0] for loss in (found, plain))
        assert torch.allclose(mine, right, atol=tight)
