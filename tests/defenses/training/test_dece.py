"""Deceptive cross-entropy against a dense float64 reading of the formula: value, gradient, bounds, edges."""

import math

import pytest
import torch

from codeward.defenses.training.dece import DeCE, deceptive_cross_entropy, linear_deceptive_cross_entropy
from codeward.errors import UsageError


def dense(logits, labels, *, alpha, smoothing, epoch, reduction="mean", weight=None):
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


def draw(rows, classes, seed=0, scale=4.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = (torch.randn(rows, classes, generator=generator, dtype=torch.float64) * scale).to(dtype)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    labels[::5] = -100
    return logits.requires_grad_(), labels


CASES = [
    (alpha, smoothing, epoch)
    for alpha, epoch in ((0.99, 1), (0.985, 12), (0.8, 5), (0.5, 20), (1.0, 3), (0.99, 2.5))
    for smoothing in (0.0, 0.05, 0.3)
]


@pytest.mark.parametrize(("alpha", "smoothing", "epoch"), CASES)
@pytest.mark.parametrize("classes", [2, 3, 5, 14, 67])
def test_value_and_gradient_are_those_of_the_formula(alpha, smoothing, epoch, classes):
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


def test_it_is_cross_entropy_where_nothing_is_mixed():
    logits, labels = draw(50, 30)
    for smoothing in (0.0, 0.1):
        ours = deceptive_cross_entropy(logits, labels, alpha=1, smoothing=smoothing, epoch=7)
        theirs = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        assert ours.item() == pytest.approx(theirs.item(), abs=1e-9)
        (mine,), (right,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
        assert torch.allclose(mine, right, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [1.0, 30.0, 3000.0])
def test_narrow_types_and_extreme_logits(dtype, scale):
    logits, labels = draw(60, 501, scale=scale, dtype=dtype)
    options = {"alpha": 0.99, "smoothing": 0.1, "epoch": 3}
    ours, theirs = deceptive_cross_entropy(logits, labels, **options), dense(logits, labels, **options)
    (mine,), (right,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
    assert mine.dtype == dtype
    assert ours.dtype == torch.float32
    assert ours.item() == pytest.approx(theirs.item(), rel=2e-5)
    tight = 1e-7 if dtype == torch.float32 else 1e-3
    assert torch.allclose(mine.double(), right.double(), atol=tight)


def test_a_large_vocabulary_in_single_precision():
    for classes in (32_000, 50_257, 128_001):
        logits, labels = draw(12, classes, dtype=torch.float32, scale=8.0)
        options = {"alpha": 0.999, "smoothing": 0.05, "epoch": 1}
        ours, theirs = deceptive_cross_entropy(logits, labels, **options), dense(logits, labels, **options)
        (mine,), (right,) = torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
        assert torch.allclose(mine.double(), right.double(), atol=1e-7)


@pytest.mark.parametrize("alpha", [0.9999, 0.99999, 0.9999999])
def test_an_alpha_near_one_does_not_overflow(alpha):
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


def test_gradcheck():
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


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_form_in_mixed_precision(dtype, reduction, monkeypatch):
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


def test_halves_of_a_batch_add_up():
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


def test_nothing_labeled_and_inputs_untouched():
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


def test_logits_that_are_no_numbers_stay_visible():
    logits, labels = draw(6, 5)
    broken = logits.detach().clone()
    broken[1, 2] = float("nan")
    assert deceptive_cross_entropy(broken, labels, alpha=0.9, smoothing=0.1, epoch=1).isnan()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0}, r"alpha has to be in \(0, 1\], got 0"),
        ({"alpha": 1.2}, "got 1.2; the paper recommends 0.985 to 0.995"),
        ({"smoothing": 1.0}, r"smoothing has to be in \[0, 1\), got 1"),
        ({"epoch": 0}, "the epoch counts from 1 on, got 0"),
        ({"epoch": float("nan")}, "the epoch counts from 1 on"),
        ({"reduction": "average"}, "reduction has to be one of none, sum, mean, got 'average'"),
    ],
)
def test_wrong_options(options, message):
    logits, labels = draw(6, 5)
    given = {"alpha": 0.9, "smoothing": 0.1, "epoch": 1, **options}
    with pytest.raises(UsageError, match=message):
        deceptive_cross_entropy(logits, labels, **given)
    with pytest.raises(UsageError, match=message):
        linear_deceptive_cross_entropy(logits, torch.ones(3, 5, dtype=torch.float64), labels, **given)


def test_labels_and_shapes_that_do_not_fit():
    logits, labels = draw(6, 5)
    options = {"alpha": 0.9, "smoothing": 0.1, "epoch": 1}
    with pytest.raises(UsageError, match=r"a label is 9, but there are 5 classes \(0 to 4\)"):
        deceptive_cross_entropy(logits, torch.full((6,), 9), **options)
    with pytest.raises(UsageError, match="a label is -1"):
        deceptive_cross_entropy(logits, torch.full((6,), -1), **options)
    with pytest.raises(UsageError, match="have to agree but for the classes"):
        deceptive_cross_entropy(logits, labels[:4], **options)
    with pytest.raises(UsageError, match="do not fit"):
        linear_deceptive_cross_entropy(logits, torch.ones(3, 4), labels, **options)


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"alpha": "0.9"}, "alpha has to be a number, got '0.9'"),
        ({"alpha": None}, "alpha has to be a number"),
        ({"weight": torch.ones(3)}, r"the class weights have the shape \(3,\); there are 5 classes"),
        ({"weight": torch.ones(9)}, "there are 5 classes"),
        ({"labels": torch.zeros(4)}, "labels have to be class indices, in whole numbers; got torch.float32"),
        ({"logits": torch.zeros(4, 5, dtype=torch.int64)}, "the logits have to be a tensor of floating-point numbers"),
    ],
)
def test_what_does_not_fit_is_told(given, message):
    options = {"logits": torch.zeros(4, 5), "labels": torch.zeros(4, dtype=torch.int64), "alpha": 0.9, "smoothing": 0.1}
    with pytest.raises(UsageError, match=message):
        deceptive_cross_entropy(**{**options, **given}, epoch=1)


def test_a_bias_that_does_not_fit_is_told():
    labels = torch.zeros(4, dtype=torch.int64)
    with pytest.raises(UsageError, match="the bias has the shape"):
        linear_deceptive_cross_entropy(
            torch.zeros(4, 2), torch.zeros(5, 2), labels, bias=torch.zeros(3), alpha=0.9, smoothing=0.1, epoch=1
        )


def test_narrow_labels_and_classes_that_count_nothing():
    logits = torch.randn(4, 5, requires_grad=True)
    labels = torch.tensor([0, 1, 2, 3], dtype=torch.uint8)
    options = {"alpha": 0.9, "smoothing": 0.1, "epoch": 1}
    assert torch.equal(
        deceptive_cross_entropy(logits, labels, **options), deceptive_cross_entropy(logits, labels.long(), **options)
    )
    assert deceptive_cross_entropy(logits, labels, **options, weight=torch.zeros(5)).item() == 0


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_autocast_leaves_double_precision_alone(reduction):
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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"logits": torch.zeros(4, 0)}, r"there are no classes in the logits of shape \(4, 0\)"),
        ({"logits": [[0.0] * 5] * 4}, "the logits have to be a tensor of floating-point numbers, got list"),
        ({"labels": [0, 1, 2, 3]}, "labels have to be class indices, in whole numbers; got list, which is no tensor"),
        ({"labels": None}, "got NoneType, which is no tensor"),
        ({"weight": [1.0] * 5}, r"the class weights have to be a tensor of shape \(5,\), got list"),
    ],
)
def test_what_is_no_tensor_or_has_no_classes_is_told(given, message):
    options = {"logits": torch.zeros(4, 5), "labels": torch.zeros(4, dtype=torch.int64), "alpha": 0.9, "smoothing": 0.1}
    with pytest.raises(UsageError, match=message):
        deceptive_cross_entropy(**{**options, **given}, epoch=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weight": torch.zeros(0, 2)}, r"there are no classes in the weight of shape \(0, 2\)"),
        ({"weight": torch.zeros(2)}, r"weight \(2,\) and labels \(4,\) do not fit"),
        ({"weight": torch.zeros(5, 1, 2)}, r"weight \(5, 1, 2\) and labels \(4,\) do not fit"),
        ({"weight": [[0.0, 0.0]] * 5}, "the weight has to be a tensor of floating-point numbers, got list"),
        ({"weight": torch.zeros(5, 2).double()}, "in torch.float32, but the weight in torch.float64; give all of them"),
        ({"bias": torch.zeros(5).double()}, "in torch.float32, but the bias in torch.float64; give all of them"),
        ({"bias": [0.0] * 5}, "the bias has to be a tensor of floating-point numbers, got list"),
        ({"labels": [0, 1, 2, 3]}, "labels have to be class indices, in whole numbers; got list"),
        ({"class_weight": [1.0] * 5}, "the class weights have to be a tensor"),
    ],
)
def test_what_does_not_fit_the_fused_form_is_told(given, message):
    options = {"hidden": torch.zeros(4, 2), "weight": torch.zeros(5, 2), "labels": torch.zeros(4, dtype=torch.int64)}
    with pytest.raises(UsageError, match=message):
        linear_deceptive_cross_entropy(**{**options, "alpha": 0.9, "smoothing": 0.1, "epoch": 1, **given})


@pytest.mark.parametrize("alpha", [0.01, 0.9, 0.9999999, 1.0])
@pytest.mark.parametrize("smoothing", [5e-324, 1e-40, 1e-37, 1e-30, 1e-20])
def test_smoothing_that_a_type_cannot_hold_counts_as_none(alpha, smoothing):
    for dtype, tight in ((torch.float32, 1e-6), (torch.float64, 1e-12)):
        logits, labels = draw(20, 501, dtype=dtype)
        found, plain = (
            deceptive_cross_entropy(logits, labels, alpha=alpha, smoothing=each, epoch=9) for each in (smoothing, 0.0)
        )
        assert found.item() == pytest.approx(plain.item(), abs=tight)
        mine, right = (torch.autograd.grad(loss, logits)[0] for loss in (found, plain))
        assert torch.allclose(mine, right, atol=tight)
