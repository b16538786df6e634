"""The backward pass of deceptive cross-entropy beside the plain one: once only, kept only where asked to, and recomputed."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from codeward.defenses.training.dece import deceptive_cross_entropy, linear_deceptive_cross_entropy
from codeward.errors import UsageError

OPTIONS = {"alpha": 0.9, "smoothing": 0.1, "epoch": 2}
REDUCTIONS = ("mean", "none")
FORMS = ("dense", "fused")


def draw():
    """Return two layers in float64, inputs and labels: [8, 4], [5, 8], [6, 4], [6].

    All are labeled: where rows are taken out, torch copies gradients and tells of a second backward pass by itself.
    """
    generator = torch.Generator().manual_seed(0)
    shapes = ((8, 4), (5, 8), (6, 4))
    first, second, inputs = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return first.requires_grad_(), second.requires_grad_(), inputs, torch.tensor([0, 1, 2, 3, 4, 1])


def loss_of(form, hidden, matrix, labels, reduction="mean"):
    if form == "dense":
        return deceptive_cross_entropy(hidden @ matrix.T, labels, **OPTIONS, reduction=reduction).sum()
    return linear_deceptive_cross_entropy(hidden, matrix, labels, **OPTIONS, reduction=reduction).sum()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_second_derivative_is_refused(form, reduction):
    first, second, inputs, labels = draw()
    loss = loss_of(form, (inputs @ first.T).tanh(), second, labels, reduction)
    with pytest.raises(UsageError, match="cannot be differentiated twice: leave create_graph=True out"):
        torch.autograd.grad(loss, first, create_graph=True)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_graph_that_is_kept_gives_the_same_gradient_again(form, reduction):
    first, second, inputs, labels = draw()
    hidden = (inputs @ first.T).detach().requires_grad_()
    logits = hidden if form == "fused" else (hidden @ second.T).detach().requires_grad_()
    leaf, matrix = (hidden, second) if form == "fused" else (logits, torch.eye(5, dtype=torch.float64))
    (right,) = torch.autograd.grad(loss_of(form, leaf, matrix, labels, reduction), leaf)
    assert right.abs().max() > 0
    for factor in (1.0, 3.0):
        loss = loss_of(form, leaf, matrix, labels, reduction) * factor
        for keep in (True, True, False):
            leaf.grad = None
            loss.backward(retain_graph=keep)
            assert torch.allclose(leaf.grad, right * factor, atol=1e-15)
            leaf.grad.zero_()  # which must not reach what is kept


def test_what_is_handed_out_is_not_what_is_kept():
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = deceptive_cross_entropy(logits, torch.tensor([0, 1, 2, 3, 4, 1]), **OPTIONS)
    loss.backward(retain_graph=True)
    first = logits.grad.clone()
    logits.grad.zero_()
    loss.backward()
    assert torch.equal(logits.grad, first)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nothing_survives_the_backward_pass(form, reduction):
    first, second, inputs, labels = draw()
    if form == "dense":
        logits = (inputs @ first.T @ second.T).detach().requires_grad_()
        loss = deceptive_cross_entropy(logits, labels, **OPTIONS, reduction=reduction)
        loss = loss.sum() if reduction == "none" else loss
    else:
        loss = loss_of(form, inputs @ first.T, second, labels, reduction)
    loss.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        loss.backward()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing_changes_nothing(form, reduction, reentrant):
    first, second, inputs, labels = draw()
    right = torch.autograd.grad(loss_of(form, (inputs @ first.T).tanh(), second, labels, reduction), (first, second))
    again = checkpoint(
        lambda hidden: loss_of(form, hidden, second, labels, reduction),
        (inputs @ first.T).tanh(),
        use_reentrant=reentrant,
    )
    (again * 2).backward()
    assert torch.allclose(first.grad, right[0] * 2, atol=1e-15)
    assert torch.allclose(second.grad, right[1] * 2, atol=1e-15)


def test_no_second_buffer_is_taken_where_the_graph_is_dropped():
    """The gradient that is handed out lies where the forward pass wrote it, scaled or not."""
    labels = torch.tensor([0, 1, 2, 3])
    for factor in (1.0, 0.5):
        logits = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
        loss = deceptive_cross_entropy(logits, labels, **OPTIONS)
        kept = loss.grad_fn.next_functions[0][0].saved_tensors[0].data_ptr()
        (gradient,) = torch.autograd.grad(loss * factor, logits)
        assert gradient.data_ptr() == kept


def test_a_torch_that_does_not_tell_whether_the_graph_is_kept(monkeypatch):
    """It is a private name of torch; without it the gradient is copied."""
    monkeypatch.delattr(torch._C._autograd, "_get_current_graph_task_keep_graph", raising=False)
    test_what_is_handed_out_is_not_what_is_kept()


def test_a_compiled_step_has_the_same_gradient():
    first, second, inputs, labels = draw()
    right = torch.autograd.grad(loss_of("dense", inputs @ first.T, second, labels), (first, second))
    compiled = torch.compile(lambda: loss_of("dense", inputs @ first.T, second, labels), backend="eager")
    compiled().backward()
    torch._dynamo.reset()
    assert torch.allclose(first.grad, right[0], atol=1e-15)
    assert torch.allclose(second.grad, right[1], atol=1e-15)
