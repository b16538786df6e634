"""What deceptive cross-entropy cannot take is told in a sentence."""

import pytest
import torch

from codeward.defenses.training.dece import deceptive_cross_entropy, linear_deceptive_cross_entropy
from codeward.errors import UsageError


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
def test_wrong_options(options, message, draw):
    logits, labels = draw(6, 5)
    given = {"alpha": 0.9, "smoothing": 0.1, "epoch": 1, **options}
    with pytest.raises(UsageError, match=message):
        deceptive_cross_entropy(logits, labels, **given)
    with pytest.raises(UsageError, match=message):
        linear_deceptive_cross_entropy(logits, torch.ones(3, 5, dtype=torch.float64), labels, **given)


def test_labels_and_shapes_that_do_not_fit(draw):
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
