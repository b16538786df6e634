"""What test_dece_triton runs, in Triton's interpreter on a CPU or compiled on a GPU: the public functions with the kernel behind them."""

import os
import sys
from itertools import product

import torch

from codeward.defenses.training import _deceptive, _deceptive_triton
from codeward.defenses.training.dece import deceptive_cross_entropy, linear_deceptive_cross_entropy

_deceptive_triton.BLOCK = 64  # rows of several blocks, the last one not full
WAY = _deceptive.Way(_deceptive_triton.loss_of_rows, 1 << 40, 16 * 150)
_deceptive.rows_for = lambda tensor: WAY
DEVICE = "cpu" if os.environ.get("TRITON_INTERPRET") == "1" else "cuda"
TIGHT = {torch.float32: 2e-6, torch.bfloat16: 4e-3, torch.float16: 1e-3}


def dense(logits, labels, alpha, smoothing, epoch, reduction, weight):
    """Read the formula as the paper writes it."""
    kept = labels != -100
    z, y = logits.double()[kept], labels[kept]
    classes, share = z.shape[-1], torch.tensor(alpha**epoch, dtype=torch.double)
    smooth = torch.full_like(z, smoothing / classes)
    smooth.scatter_(1, y[:, None], 1 - smoothing + smoothing / classes)
    mixed = torch.logaddexp(share.log() + z.log_softmax(-1), ((1 - share) * smooth).log())
    counts = torch.ones_like(z[:, 0]) if weight is None else weight.double()[y]
    losses = -(smooth * mixed).sum(-1) * counts
    if reduction == "none":
        return torch.zeros(labels.shape, dtype=torch.double, device=DEVICE).masked_scatter(kept, losses)
    return losses.sum() / counts.sum() if reduction == "mean" else losses.sum()


def draw(rows, classes, dtype, scale):
    """Return logits and labels, every fifth of them ignored."""
    generator = torch.Generator().manual_seed(classes)
    logits = (torch.randn(rows, classes, generator=generator) * scale).to(DEVICE, dtype).requires_grad_()
    labels = torch.randint(0, classes, (rows,), generator=generator)
    labels[::5] = -100
    return logits, labels.to(DEVICE), (torch.rand(classes, generator=generator) + 0.1).to(DEVICE)


def compare(ours, theirs, inputs, tight):
    """Compare value and gradients, with a gradient that comes from above."""
    up = torch.rand(theirs.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(DEVICE)
    mine = torch.autograd.grad(ours, inputs, up.to(ours.dtype))
    right = torch.autograd.grad(theirs, inputs, up)
    assert torch.allclose(ours.double(), theirs, rtol=2e-5, atol=1e-6), (ours, theirs)
    for a, b in zip(mine, right, strict=True):
        assert a.dtype == b.dtype
        assert torch.allclose(a.double(), b.double(), atol=tight, rtol=tight), (a - b).abs().max()


def run():
    """Go through options, sizes, types and scales."""
    count = 0
    options = [(0.99, 0.1, 3), (0.985, 0.0, 12), (0.8, 0.3, 5), (1.0, 0.1, 2), (1.0, 0.0, 2), (0.99, 0.05, 2.5)]
    ways = (
        ("mean", False, torch.float32, 4.0),
        ("sum", True, torch.bfloat16, 4.0),
        ("none", True, torch.float16, 300.0),
    )
    for (alpha, smoothing, epoch), classes, way in product(options, (2, 150), ways):
        reduction, weighted, dtype, scale = way
        logits, labels, weight = draw(6, classes, dtype, scale)
        chosen = weight if weighted else None
        extra = {"alpha": alpha, "smoothing": smoothing, "epoch": epoch, "reduction": reduction, "weight": chosen}
        right = dense(logits, labels, alpha, smoothing, epoch, reduction, chosen)
        compare(deceptive_cross_entropy(logits, labels, **extra), right, (logits,), TIGHT[dtype])
        count += 1
    for reduction in ("mean", "none"):
        count += fused(reduction)
    masked()
    return count + 1


def fused(reduction):
    """Hidden states and projection, in several chunks of rows."""
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(24, 8, generator=generator).to(DEVICE).requires_grad_()
    matrix = torch.randn(150, 8, generator=generator).to(DEVICE).requires_grad_()
    bias = torch.randn(150, generator=generator).to(DEVICE).requires_grad_()
    _, labels, weight = draw(24, 150, torch.float32, 1.0)
    own = linear_deceptive_cross_entropy(
        hidden, matrix, labels, bias=bias, alpha=0.98, smoothing=0.1, epoch=2, reduction=reduction, class_weight=weight
    )
    logits = torch.nn.functional.linear(hidden.double(), matrix.double(), bias.double())
    compare(own, dense(logits, labels, 0.98, 0.1, 2, reduction, weight), (hidden, matrix, bias), 2e-5)
    return 1


def masked():
    """Classes without any chance, a whole block of them; and logits that are no numbers stay visible."""
    logits, labels, _ = draw(10, 150, torch.float32, 4.0)
    barred = logits.detach().clone()
    barred[:, :70] = float("-inf")
    barred.requires_grad_()
    labels[labels >= 0] = labels[labels >= 0] // 2 + 75
    own = deceptive_cross_entropy(barred, labels, alpha=0.9, smoothing=0.1, epoch=2)
    compare(own, dense(barred, labels, 0.9, 0.1, 2, "mean", None), (barred,), 2e-6)
    broken = logits.detach().clone()
    broken[1, 2] = float("nan")
    assert deceptive_cross_entropy(broken, labels, alpha=0.9, smoothing=0.1, epoch=1).isnan()


if __name__ == "__main__":
    sys.stdout.write(f"{run()} cases agree\n")
