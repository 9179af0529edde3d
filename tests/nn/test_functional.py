"""Functions of torch.nn.functional: values and gradients as PyTorch's, its warnings and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradc
from gradc import nn
from gradc.nn import functional as F
from gradc.tensor import wrap

RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((4, 3)).astype(np.float32)
Y = RANDOM.standard_normal((4, 3)).astype(np.float32)
P = RANDOM.uniform(0.05, 0.95, (4, 3)).astype(np.float32)
W = RANDOM.uniform(0.5, 2.0, 3).astype(np.float32)
LABELS = np.array([0, 2, -100, 1])
IMAGES = RANDOM.standard_normal((2, 3, 5)).astype(np.float32)
IMAGE_LABELS = np.array([[0, 1, 2, -100, 1], [2, 2, 1, 0, 0]])

Case = tuple[Callable[..., Any], list[Any]]

CASES: dict[str, Case] = {
    "linear": (lambda F, x, w, b: F.linear(x, w, b), [X, Y, P[:, 0]]),
    "relu": (lambda F, x: F.relu(x), [X]),
    "relu in place": (lambda F, x: F.relu(x * 1, inplace=True), [X]),
    "relu6": (lambda F, x: F.relu6(x * 5), [X]),
    "hardtanh": (lambda F, x: F.hardtanh(x, -0.5, 0.7), [X]),
    "elu": (lambda F, x: F.elu(x, alpha=0.5), [X]),
    "elu in place": (lambda F, x: F.elu(x * 1, inplace=True), [X]),
    "leaky_relu": (lambda F, x: F.leaky_relu(x, 0.2), [X]),
    "gelu": (lambda F, x: F.gelu(x), [X]),
    "gelu by tanh": (lambda F, x: F.gelu(x, approximate="tanh"), [X]),
    "silu": (lambda F, x: F.silu(x), [X]),
    "softplus": (lambda F, x: F.softplus(x, beta=2), [X]),
    "softsign": (lambda F, x: F.softsign(x), [X]),
    "tanhshrink": (lambda F, x: F.tanhshrink(x), [X]),
    "logsigmoid": (lambda F, x: F.logsigmoid(x), [X]),
    "sigmoid": (lambda F, x: F.sigmoid(x), [X]),
    "tanh": (lambda F, x: F.tanh(x), [X]),
    "softmax": (lambda F, x: F.softmax(x, dim=1), [X]),
    "softmin": (lambda F, x: F.softmin(x, dim=0), [X]),
    "log_softmax": (lambda F, x: F.log_softmax(input=x, dim=-1), [X]),
    "normalize": (lambda F, x: F.normalize(x, dim=0), [X]),
    "cosine_similarity": (lambda F, x, y: F.cosine_similarity(x, y), [X, Y]),
    "embedding": (lambda F, w, i: F.embedding(i, w), [X, np.array([[0, 3], [1, 0]])]),
    "embedding with padding": (lambda F, w, i: F.embedding(i, w, padding_idx=-1), [X, np.array([[0, 3], [1, 0]])]),
    "one_hot": (lambda F, x, i: F.one_hot(i).float() * x, [X, np.array([0, 2, 1, 0])]),
    **{f"{name} {reduction}": (lambda F, x, y, name=name, reduction=reduction:
                               getattr(F, name)(x, y, reduction=reduction), [X, Y])
       for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits")
       for reduction in ("mean", "sum", "none")},
    "mse_loss weighted": (lambda F, x, y, w: F.mse_loss(x, y, weight=w), [X, Y, P]),
    "l1_loss weighted": (lambda F, x, y, w: F.l1_loss(x, y, weight=w, reduction="sum"), [X, Y, P]),
    "smooth_l1_loss with beta": (lambda F, x, y: F.smooth_l1_loss(x, y, beta=0.3), [X, Y]),
    "smooth_l1_loss without beta": (lambda F, x, y: F.smooth_l1_loss(x, y, beta=0.0), [X, Y]),
    "binary_cross_entropy": (lambda F, x, y: F.binary_cross_entropy(x, y), [P, P[::-1].copy()]),
    "binary_cross_entropy weighted": (lambda F, x, y, w: F.binary_cross_entropy(x, y, w.detach()),
                                      [P, P[::-1].copy(), W]),
    "binary_cross_entropy_with_logits weighted": (
        lambda F, x, y, w, v: F.binary_cross_entropy_with_logits(
            x, y, w.detach(), pos_weight=v.detach()), [X, P, W, W[::-1].copy()]),
    "nll_loss": (lambda F, x, i: F.nll_loss(x, i), [X, LABELS]),
    "nll_loss weighted": (lambda F, x, i, w: F.nll_loss(x, i, w.detach()), [X, LABELS, W]),
    "nll_loss of one": (lambda F, x, i, w: F.nll_loss(x, i, w.detach()), [X[0], np.array(2), W]),
    "cross_entropy": (lambda F, x, i: F.cross_entropy(x, i), [X, LABELS]),
    "cross_entropy ignoring": (lambda F, x, i: F.cross_entropy(x, i, ignore_index=1), [X, np.array([0, 2, 1, 1])]),
    "cross_entropy of images": (lambda F, x, i: F.cross_entropy(x, i, reduction="sum"), [IMAGES, IMAGE_LABELS]),
    **{f"cross_entropy weighted and smoothed {reduction}": (
        lambda F, x, i, w, reduction=reduction: F.cross_entropy(
            x, i, w.detach(), reduction=reduction, label_smoothing=0.1), [X, LABELS, W])
       for reduction in ("mean", "sum", "none")},
    "cross_entropy smoothed": (lambda F, x, i: F.cross_entropy(x, i, label_smoothing=0.3), [X, LABELS]),
    "cross_entropy of weighted images": (lambda F, x, i, w: F.cross_entropy(
        x, i, w.detach(), label_smoothing=0.2), [IMAGES, IMAGE_LABELS, W]),
    "cross_entropy with probabilities": (lambda F, x, p, w: F.cross_entropy(
        x, p, w.detach(), label_smoothing=0.2), [X, P, W]),
    "cross_entropy with probabilities of one": (lambda F, x, p: F.cross_entropy(x, p), [X[0], P[0]]),
}


def results(module: Any, name: str, make: Callable[[np.ndarray[Any, Any]], Any]) -> list[np.ndarray[Any, Any]]:
    """The value of a case, then the gradients of its floating operands."""
    call, arrays = CASES[name]
    operands = [make(a) for a in arrays]
    for x in operands:
        if x.is_floating_point():
            x.requires_grad_()
    value = call(module, *operands)
    (value * value.detach()).sum().backward()
    grads = [x.grad for x in operands if x.is_floating_point()]
    return [value.detach().numpy(), *[np.zeros(0) if g is None else g.numpy() for g in grads]]


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    expected = results(torch.nn.functional, name, lambda a: torch.tensor(a))
    found = results(F, name, lambda a: wrap(a.copy()))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6)


def test_known_values() -> None:
    assert F.cross_entropy(gradc.tensor([[0.0, 0.0]]), gradc.tensor([1])).item() == pytest.approx(np.log(2))
    assert F.mse_loss(gradc.tensor([1.0, 3.0]), gradc.zeros(2)).item() == 5
    assert F.nll_loss(gradc.tensor([[-1.0, -2.0]]), gradc.tensor([1]), gradc.tensor([1.0, 3.0])).item() == 2
    assert F.softplus(gradc.tensor(100.0)).item() == 100
    assert F.one_hot(gradc.tensor([1, 0])).tolist() == [[0, 1], [1, 0]]
    assert F.normalize(gradc.tensor([[3.0, 4.0]])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]


def test_in_place_activations_write_their_input() -> None:
    for function in (F.relu, F.elu, F.leaky_relu, F.silu, F.hardtanh, F.relu6):
        x = gradc.tensor([-2.0, 7.0])
        expected = function(x)
        assert function(x, inplace=True) is x and gradc.equal(x, expected)
    assert F.relu_(x) is x


@pytest.mark.parametrize("act, message", [
    (lambda: F.mse_loss(gradc.ones(2, 1), gradc.ones(2)),
     r"Using a target size \(torch.Size\(\[2\]\)\) that is different to the input size \(torch.Size\(\[2, 1\]\)\). "
     r"This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size."),
    (lambda: F.softmax(gradc.ones(2, 2)), "Implicit dimension choice for softmax has been deprecated."),
    (lambda: nn.LogSoftmax()(gradc.ones(2, 2)), "Implicit dimension choice for log_softmax has been deprecated."),
    (lambda: F.mse_loss(gradc.ones(2), gradc.ones(2), size_average=False), "please use reduction='sum' instead"),
])
def test_warnings(act: Callable[[], Any], message: str) -> None:
    with pytest.warns(UserWarning, match=message) as caught:
        act()
    assert caught[0].filename == __file__


@pytest.mark.parametrize("act, error, message", [
    (lambda: F.mse_loss(gradc.ones(2), gradc.ones(2), reduction="max"), ValueError,
     "max is not a valid value for reduction"),
    (lambda: F.dropout(gradc.ones(1), 1.5), ValueError, "between 0 and 1, but got 1.5"),
    (lambda: F.cross_entropy(gradc.zeros(1, 3), gradc.tensor([3])), IndexError, "Target 3 is out of bounds."),
    (lambda: F.nll_loss(gradc.zeros(1, 3), gradc.tensor([-1]), gradc.ones(3)), IndexError, "Target -1 is out of"),
    (lambda: F.cross_entropy(gradc.zeros(1, 3), gradc.tensor([1.0])), RuntimeError,
     "expected target dtype to be Long or Byte, but got Float"),
    (lambda: F.cross_entropy(gradc.zeros(1, 3), gradc.tensor([1]), label_smoothing=2.0), ValueError,
     r"label_smoothing must be between 0.0 and 1.0. Got: 2.0"),
    (lambda: F.binary_cross_entropy(gradc.ones(2, 1), gradc.ones(2)), ValueError, "is deprecated. Please ensure"),
    (lambda: F.embedding(gradc.tensor([3]), gradc.zeros(3, 2)), IndexError, "index out of range in self"),
    (lambda: F.smooth_l1_loss(gradc.ones(1), gradc.ones(1), beta=-1.0), ValueError, "negative values for beta"),
])
def test_errors(act: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()


LOSSES: dict[str, tuple[Any, ...]] = {
    "MSELoss": (X, Y), "L1Loss": (X, Y), "SmoothL1Loss": (X, Y), "BCELoss": (P, P), "BCEWithLogitsLoss": (X, P),
    "NLLLoss": (X, LABELS), "CrossEntropyLoss": (X, LABELS),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_modules_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    input, target = LOSSES[name]
    for reduction in ("mean", "sum", "none"):
        ours = getattr(nn, name)(reduction=reduction)(wrap(input), wrap(target))
        theirs = getattr(torch.nn, name)(reduction=reduction)(torch.tensor(input), torch.tensor(target))
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


def test_weights_of_losses_are_buffers() -> None:
    loss = nn.CrossEntropyLoss(weight=gradc.tensor([1.0, 2.0, 3.0]))
    assert list(loss.state_dict()) == ["weight"] and nn.BCELoss().weight is None
    assert loss(wrap(X), wrap(LABELS)).shape == ()


@pytest.mark.parametrize("name", ["ReLU", "ReLU6", "SiLU", "ELU", "LeakyReLU", "Hardtanh", "Sigmoid", "Tanh",
                                  "LogSigmoid", "Softsign", "Tanhshrink", "GELU", "Softplus"])
def test_activation_modules_equal_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(nn, name)()(wrap(X)), getattr(torch.nn, name)()(torch.tensor(X))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


def test_other_layers() -> None:
    assert nn.Flatten()(gradc.ones(2, 3, 4)).shape == (2, 12)
    assert nn.Unflatten(1, (3, 4))(gradc.ones(2, 12)).shape == (2, 3, 4)
    table = nn.Embedding.from_pretrained(gradc.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert table(gradc.tensor([1])).tolist() == [[3, 4]] and not table.weight.requires_grad
    padded = nn.Embedding(3, 2, padding_idx=0)
    padded(gradc.tensor([0, 1])).sum().backward()
    assert padded.weight[0].tolist() == [0, 0] and padded.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0]]
