"""The snippets of PyTorch's autograd tutorials, with the numbers and messages that they show.

Each runs on gradc and, where it is installed, on PyTorch itself: the same program must do the same.
"""

from __future__ import annotations

import importlib
import re

import pytest


@pytest.fixture(params=["gradc", "torch"])
def torch(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    module = importlib.import_module(request.param)
    module.manual_seed(0)
    return module


def shown(value) -> str:
    """What printing shows, with addresses out of the way."""
    return re.sub(r"0x[0-9a-f]+", "0x…", str(value))


# A network of five neurons


def five_neurons(torch, a):
    w1, w2, w3, w4 = (torch.tensor([[float(i)]], requires_grad=True) for i in (2, 3, 4, 5))
    b = w1 * a
    c = w2 * a
    d = w3 * b + w4 * c
    return (w1, w2, w3, w4), d, 10 - d


def test_leaves_have_no_grad_fn_and_results_have_one(torch):
    a = torch.tensor([[1.0]], requires_grad=True)
    leaves, d, _ = five_neurons(torch, a)
    assert all(w.grad_fn is None and w.is_leaf and w.requires_grad for w in (a, *leaves))
    assert shown(d.grad_fn) == "<AddBackward0 object at 0x…>"
    assert d.requires_grad and not d.is_leaf


def test_the_gradients_of_five_neurons(torch):
    a = torch.tensor([[1.0]], requires_grad=True)
    (w1, w2, w3, w4), _, L = five_neurons(torch, a)
    L.backward()
    assert [w.grad.item() for w in (w1, w2, w3, w4, a)] == [-4.0, -5.0, -2.0, -3.0, -(4 * 2 + 5 * 3)]


def test_backward_of_a_matrix_needs_a_gradient(torch):
    a = torch.rand(3, 3, requires_grad=True)
    leaves, _, L = five_neurons(torch, a)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        L.backward()
    L.sum().backward()
    first = [w.grad.clone() for w in leaves]
    leaves, _, L = five_neurons(torch, a)
    L.backward(torch.ones(3, 3))
    assert all(torch.allclose(w.grad, g) for w, g in zip(leaves, first, strict=True))


def test_a_second_backward_raises_and_retain_graph_allows_it(torch):
    a = torch.tensor([[1.0]], requires_grad=True)
    (w1, *_), _, L = five_neurons(torch, a)
    L.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        L.backward()
    (w1, *_), _, L = five_neurons(torch, a)
    L.backward(retain_graph=True)
    L.backward()
    assert w1.grad.item() == -8.0


def test_legacy_constructors_and_assigning_requires_grad(torch):
    assert torch.FloatTensor(3, 3).shape == (3, 3)
    t = torch.Tensor(3, 5)
    assert t.shape == (3, 5) and t.dtype is torch.float32 and not t.requires_grad
    t.requires_grad = True
    assert t.requires_grad
    (t * 2).sum().backward()
    assert shown(t.grad[0]) == "tensor([2., 2., 2., 2., 2.])"


def test_results_require_grad_if_any_operand_does_and_detach_ends_it(torch):
    a = torch.ones(3, 3, requires_grad=True)
    b = torch.ones(3, 3)
    assert (a + b).requires_grad and not (b + b).requires_grad
    with torch.no_grad():
        assert not (a + a).requires_grad
    assert not a.detach().requires_grad
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        a.numpy()
    assert a.detach().numpy().shape == (3, 3)


# Gradients of a mean and of a vector


def test_the_chain_shows_its_nodes(torch):
    x = torch.ones(3, requires_grad=True)
    y = x + 2
    z = y * y * 2
    m = z.mean()
    assert shown(y) == "tensor([3., 3., 3.], grad_fn=<AddBackward0>)"
    assert shown(z) == "tensor([18., 18., 18.], grad_fn=<MulBackward0>)"
    assert shown(m) == "tensor(18., grad_fn=<MeanBackward0>)"
    m.backward()
    assert shown(x.grad) == "tensor([4., 4., 4.])"


def test_a_vector_needs_the_vector_of_its_product(torch):
    x = torch.ones(3, requires_grad=True)
    z = (x + 2) * (x + 2) * 2
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        z.backward()
    z.backward(torch.tensor([0.1, 1.0, 0.001], dtype=torch.float32))
    assert shown(x.grad) == "tensor([ 1.2000, 12.0000,  0.0120])"


def test_gradients_accumulate_over_epochs(torch, capsys):
    weights = torch.ones(4, requires_grad=True)
    for _ in range(3):
        model_output = (weights * 3).sum()
        model_output.backward()
        print(weights.grad)
    assert capsys.readouterr().out == ("tensor([3., 3., 3., 3.])\ntensor([6., 6., 6., 6.])\n"
                                       "tensor([9., 9., 9., 9.])\n")


@pytest.mark.parametrize("reset", [lambda w: w.grad.data.zero_(), lambda w: w.grad.zero_()])
def test_zeroing_between_epochs_keeps_them_apart(torch, capsys, reset):
    weights = torch.ones(4, requires_grad=True)
    for _ in range(3):
        (weights * 3).sum().backward()
        print(weights.grad)
        reset(weights)
    assert capsys.readouterr().out == "tensor([3., 3., 3., 3.])\n" * 3


def test_three_ways_to_stop_recording(torch):
    x = torch.ones(3, requires_grad=True)
    x.requires_grad_(False)
    assert shown(x) == "tensor([1., 1., 1.])"
    x.requires_grad_()
    assert shown(x) == "tensor([1., 1., 1.], requires_grad=True)"
    assert shown(x.detach()) == "tensor([1., 1., 1.])"
    with torch.no_grad():
        assert shown(x + 2) == "tensor([3., 3., 3.])"


def test_an_optimizer_steps_and_forgets(torch):
    weights = torch.ones(4, requires_grad=True)
    optimizer = torch.optim.AdamW([weights], lr=0.01)
    (weights * 3).sum().backward()
    optimizer.step()
    assert torch.allclose(weights, torch.full((4,), 1 - 0.01 - 0.01 * 0.01), atol=1e-6)
    optimizer.zero_grad()
    assert weights.grad is None


# One layer with binary cross entropy


def test_the_gradient_functions_of_a_layer(torch):
    x = torch.ones(5)
    y = torch.zeros(3)
    w = torch.randn(5, 3, requires_grad=True)
    b = torch.randn(3, requires_grad=True)
    z = torch.matmul(x, w) + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
    assert shown(z.grad_fn) == "<AddBackward0 object at 0x…>"
    assert shown(loss.grad_fn) == "<BinaryCrossEntropyWithLogitsBackward0 object at 0x…>"
    loss.backward()
    slope = torch.sigmoid(z.detach()) / 3
    assert torch.allclose(b.grad, slope) and torch.allclose(w.grad, slope.expand(5, 3))


def test_the_layer_without_gradient(torch):
    x, w, b = torch.ones(5), torch.randn(5, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    z = torch.matmul(x, w) + b
    assert z.requires_grad is True
    with torch.no_grad():
        z = torch.matmul(x, w) + b
    assert z.requires_grad is False
    assert (torch.matmul(x, w) + b).detach().requires_grad is False


def test_jacobian_products_accumulate(torch):
    inp = torch.eye(4, 5, requires_grad=True)
    out = (inp + 1).pow(2).t()
    rows = []
    for zero in (False, False, True):
        if zero:
            inp.grad.zero_()
        out.backward(torch.ones_like(out), retain_graph=True)
        rows.append(shown(inp.grad))
    assert rows == [
        "tensor([[4., 2., 2., 2., 2.],\n        [2., 4., 2., 2., 2.],\n"
        "        [2., 2., 4., 2., 2.],\n        [2., 2., 2., 4., 2.]])",
        "tensor([[8., 4., 4., 4., 4.],\n        [4., 8., 4., 4., 4.],\n"
        "        [4., 4., 8., 4., 4.],\n        [4., 4., 4., 8., 4.]])",
        "tensor([[4., 2., 2., 2., 2.],\n        [2., 4., 2., 2., 2.],\n"
        "        [2., 2., 4., 2., 2.],\n        [2., 2., 2., 4., 2.]])"]


def test_a_cotangent_that_is_the_input_itself(torch):
    inp = torch.eye(5, requires_grad=True)
    out = (inp + 1).pow(2)
    out.backward(inp.detach())
    assert shown(inp.grad[range(5), range(5)]) \
        == "tensor([4., 4., 4., 4., 4.])"


def test_writing_one_element_changes_its_derivative(torch):
    x = torch.eye(5, requires_grad=True)
    output = x.clone() ** 3 + x**2 * 2.5
    output[0][0] = x[0][0] ** 3 + 2 * x[0][0] ** 2
    output.backward(x)
    assert x.grad[range(5), range(5)].tolist() == [7.0, 8.0, 8.0, 8.0, 8.0]
    assert x.grad.sum().item() == 39.0


# Two vectors, and one step of a model


def test_two_vectors_print_true(torch):
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    b = torch.tensor([6.0, 4.0], requires_grad=True)
    Q = 3 * a**3 - b**2
    assert shown(Q) == "tensor([-12.,  65.], grad_fn=<SubBackward0>)"
    Q.backward(gradient=torch.tensor([1.0, 1.0]))
    assert shown(9 * a**2 == a.grad) == "tensor([True, True])"
    assert shown(-2 * b == b.grad) == "tensor([True, True])"


def test_one_training_step(torch):
    model = torch.nn.Linear(8, 4)
    data, labels = torch.rand(1, 8), torch.rand(1, 4)
    before = [p.detach().clone() for p in model.parameters()]
    prediction = model(data)
    loss = (prediction - labels).sum()
    loss.backward()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    optimizer.step()
    for p, old in zip(model.parameters(), before, strict=True):
        assert torch.allclose(p, old - 1e-2 * p.grad)


def test_frozen_parameters_get_no_gradient(torch):
    x, y = torch.rand(5, 5), torch.rand(5, 5)
    z = torch.rand((5, 5), requires_grad=True)
    assert (x + y).requires_grad is False and (x + z).requires_grad is True
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    for parameter in model.parameters():
        parameter.requires_grad = False
    model[1] = torch.nn.Linear(4, 2)
    model(torch.rand(3, 4)).sum().backward()
    assert model[0].weight.grad is None and model[1].weight.grad is not None
